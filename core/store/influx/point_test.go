package influx_test

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
)

// A view may group by nothing, or by keys that are all NULL: points without a tag.
func TestPointsWithoutTags(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		for i, name := range []string{"all", "by, all = x"} {
			for _, key := range []value.Value{{}, value.OfString("k")} {
				q.put(0, influx.Point{Measurement: name, TimeUs: int64(1 + i), Tags: []influx.Pair{{Name: "key", Value: key}}, Fields: []influx.Pair{{Name: "n", Value: value.OfInt(int64(1 + i))}}}.Line())
			}
		}
		_, refused, stop := run(t, s, q, 10)
		defer stop()
		for i, name := range []string{"all", "by, all = x"} {
			s.until(fmt.Sprintf(`SELECT n, "key" FROM %q`, name), fmt.Sprintf("%d|<nil>|%[1]d|k", i+1))
		}
		if r := refused(); len(r) > 0 {
			t.Error(r)
		}
	})
}

// Lines of one measurement are told from those of others, whatever tags they have.
func TestSeries(t *testing.T) {
	names := []string{"speeds", "speed", "speeds,cell", "a b", "a", `a"b`}
	for _, measurement := range names {
		of := influx.Series(measurement)
		for _, name := range names {
			for _, key := range []value.Value{{}, value.OfString("k"), value.OfString("n=1, x")} {
				line := influx.Point{Measurement: name, Tags: []influx.Pair{{Name: "n", Value: key}}, Fields: []influx.Pair{{Name: "n", Value: value.OfInt(1)}}}.Line()
				if of(line) != (name == measurement) {
					t.Errorf("series %s: %v for %s", measurement, of(line), line)
				}
			}
		}
	}
}
