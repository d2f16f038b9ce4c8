package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// A thousand views over one stream run at once: nine hundred of one key, which share panes, and a hundred with filters of their own.
func TestAThousandViews(t *testing.T) {
	t.Parallel()
	const shared, own, devices, rounds = 900, 100, 50, 20
	text := &strings.Builder{}
	text.WriteString("CREATE STREAM meters (device STRING KEY, ts TIMESTAMP, x BIGINT) WITH (topic = 'm/{device}', timestamp = 'ts', disorder = '1s');\n")
	for i := range shared {
		fmt.Fprintf(text, "CREATE VIEW s%d AS SELECT device, COUNT(*) AS n, SUM(x) + %d AS sum FROM meters WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY device;\n", i, i)
	}
	for i := range own {
		fmt.Fprintf(text, "CREATE VIEW o%d AS SELECT COUNT(*) AS n, MAX(x) AS top FROM meters WINDOW TUMBLING (SIZE 1 HOUR) WHERE x >= %d;\n", i, i)
	}
	begun := time.Now()
	s := startSite(t, text.String())
	t.Logf("%d views planned and served after %s", shared+own, time.Since(begun).Round(time.Millisecond))
	eventually(t, func() error {
		_, rows, err := ask(s.http, "SELECT plan_version FROM edges")
		if err != nil || len(rows) != 1 || rows[0][0].(float64) < shared+own {
			return fmt.Errorf("edges: %v %v", rows, err)
		}
		return nil
	})
	c := connect(t, s.mqtt)
	defer c.Disconnect(100)
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	sent := time.Now()
	var tokens []mqtt.Token
	for r := range rounds {
		for d := range devices {
			tokens = append(tokens, c.Publish(fmt.Sprintf("m/d%02d", d), 1, false, fmt.Sprintf(`{"ts":%q,"x":%d}`, base.Add(time.Duration(r)*time.Second).Format(time.RFC3339), r*5)))
		}
	}
	for _, token := range tokens {
		if !token.WaitTimeout(30*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	for _, i := range []int{0, 7, shared - 1} {
		eventually(t, func() error {
			_, rows, err := ask(s.http, fmt.Sprintf("SELECT COUNT(*) AS k, MIN(n) AS least, SUM(sum) AS sum FROM s%d", i))
			if want := fmt.Sprintf("[%d %d %d]", devices, rounds, devices*(rounds*(rounds-1)/2*5+i)); err != nil || len(rows) != 1 || fmt.Sprint(rows[0]) != want {
				return fmt.Errorf("s%d: %v, want %s: %v", i, rows, want, err)
			}
			return nil
		})
	}
	for _, i := range []int{0, 50, own - 1} {
		eventually(t, func() error {
			_, rows, err := ask(s.http, fmt.Sprintf("SELECT n, top FROM o%d", i))
			n := 0
			for r := range rounds {
				if r*5 >= i {
					n += devices
				}
			}
			want := fmt.Sprintf("[[%d %d]]", n, (rounds-1)*5)
			if n == 0 {
				want = "[]"
			}
			if err != nil || fmt.Sprint(rows) != want {
				return fmt.Errorf("o%d: %v, want %s: %v", i, rows, want, err)
			}
			return nil
		})
	}
	t.Logf("%d readings in %d views after %s", rounds*devices, shared+own, time.Since(sent).Round(time.Millisecond))
}
