package sql

import (
	"math"
	"testing"
)

// Windows may come merged where no row of the answer could tell: the keys, the range of time and MERGE are all that is looked at.
func TestStep(t *testing.T) {
	p := applyAll(t, vehiclesSQL+cellSpeedSQL+`
		CREATE VIEW many AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY cell HAVING COUNT(*) > 3;
		CREATE VIEW over AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n FROM vehicles WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 10 SECONDS) GROUP BY cell;
		CREATE VIEW visits AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n FROM vehicles WINDOW SESSION (1 MINUTE) GROUP BY cell;
		CREATE VIEW ever AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n FROM vehicles GROUP BY cell;`)
	const minute, any = 60_000_000, int64(math.MaxInt64)
	for query, want := range map[string]int64{
		"SELECT cell, MERGE(n) FROM cell_speed GROUP BY cell":                             any,
		"SELECT MERGE(n) FROM cell_speed":                                                 any,
		"SELECT cell FROM cell_speed GROUP BY cell":                                       any,
		"SELECT h3_parent(cell, 7), MERGE(n) FROM cell_speed GROUP BY h3_parent(cell, 7)": any,
		"SELECT cell, MERGE(n) FROM cell_speed WHERE cell = '8928308280fffff' OR h3_parent(cell, 0) = '8029fffffffffff' GROUP BY cell":   any,
		"SELECT MERGE(n) / 2 AS half FROM cell_speed WHERE window_start >= '2016-11-25' AND '2017-11-25' > window_end HAVING MERGE(n)>1": any,
		"SELECT MERGE(n) FROM cell_speed WHERE window_start BETWEEN '2016-11-25' AND '2016-11-26' ORDER BY MERGE(n)":                     any,
		"SELECT cell, MERGE(n) FROM cell_speed WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY cell":                                            minute,
		"SELECT window_end, MERGE(n) FROM cell_speed WINDOW TUMBLING (SIZE 1 MINUTE)":                                                    minute,
		"SELECT * FROM cell_speed":                                                                               0,
		"SELECT cell, window_start, n FROM cell_speed":                                                           0,
		"SELECT cell, COUNT(*) FROM cell_speed GROUP BY cell":                                                    0,
		"SELECT cell, MERGE(n) FROM cell_speed GROUP BY cell HAVING COUNT(*) > 2":                                0,
		"SELECT cell, MERGE(n) FROM cell_speed GROUP BY cell ORDER BY MAX(n)":                                    0,
		"SELECT cell, MERGE(n), MAX(n) FROM cell_speed GROUP BY cell":                                            0,
		"SELECT window_start, MERGE(n) FROM cell_speed GROUP BY window_start":                                    0,
		"SELECT n, MERGE(n) FROM cell_speed GROUP BY n":                                                          0,
		"SELECT MERGE(n) FROM cell_speed WHERE n > 3":                                                            0,
		"SELECT MERGE(n) FROM cell_speed WHERE final":                                                            0,
		"SELECT MERGE(n) FROM cell_speed WHERE revision = 0":                                                     0,
		"SELECT MERGE(n) FROM cell_speed WHERE window_start > '2016-11-25' OR cell = '8928308280fffff'":          0,
		"SELECT MERGE(n) FROM cell_speed WHERE NOT (window_start > '2016-11-25')":                                0,
		"SELECT MERGE(n) FROM cell_speed WHERE window_start + INTERVAL '1' DAY > '2016-11-25'":                   0,
		"SELECT MERGE(n) FROM cell_speed WHERE window_end > window_start":                                        0,
		"SELECT MERGE(n) FROM many":                                                                              0,
		"SELECT MERGE(n) FROM over":                                                                              0,
		"SELECT MERGE(n) FROM visits":                                                                            0,
		"SELECT MERGE(n) FROM ever":                                                                              0,
		"SELECT cell, MERGE(n) FROM cell_speed WHERE window_start <> '2016-11-25' GROUP BY cell":                 0,
		"SELECT cell, MERGE(n) FROM cell_speed WHERE window_start IN ('2016-11-25', '2016-11-26') GROUP BY cell": 0,
	} {
		if got := compileSelect(t, p, query).Step(); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}
