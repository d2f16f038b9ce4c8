package e2e

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"time"
)

const visitsSQL = `
CREATE STREAM pages (visitor STRING KEY, ts TIMESTAMP, page STRING) WITH (topic = 'web/{visitor}', timestamp = 'ts', disorder = '5s');
CREATE VIEW visits AS SELECT visitor, COUNT(*) AS n, FIRST(page) AS began, LAST(page) AS ended
	FROM pages WINDOW SESSION (30 SECONDS, GRACE PERIOD 1 DAY) GROUP BY visitor HAVING COUNT(*) > 10;`

// Page views by session: those of more than ten pages, with their bounds, of what was sent in no order, and the same after a kill.
func TestSessionWindows(t *testing.T) {
	t.Parallel()
	s := startSite(t, visitsSQL)
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	type view struct {
		visitor, page string
		at            time.Time
	}
	var all []view
	var want [][]any
	r := rand.New(rand.NewSource(11))
	for visitor := range 5 {
		name := fmt.Sprint("v", visitor)
		at := base
		for visit := range 3 {
			n := 8 + r.Intn(8)
			first := at
			for page := range n {
				all = append(all, view{name, fmt.Sprintf("/%d/%d", visit, page), at})
				at = at.Add(time.Duration(1+r.Intn(30)) * time.Second) // 30 s apart is still the same
			}
			last := all[len(all)-1].at
			if n > 10 {
				want = append(want, []any{name, float64(n), fmt.Sprintf("/%d/0", visit), fmt.Sprintf("/%d/%d", visit, n-1), first.Format(time.RFC3339), last.Format(time.RFC3339)})
			}
			at = last.Add(31 * time.Second)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c := connect(t, s.mqtt)
	for _, p := range all {
		token := c.Publish("web/"+p.visitor, 1, false, fmt.Sprintf(`{"ts":%q,"page":%q}`, p.at.Format(time.RFC3339), p.page))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	c.Disconnect(100)
	if len(want) < 5 {
		t.Fatal("the test plants too little:", want)
	}
	right := func() error {
		_, rows, err := ask(s.http, "SELECT visitor, n, began, ended, window_start, window_end FROM visits ORDER BY visitor, window_start")
		if err == nil && !slices.EqualFunc(rows, want, func(a, b []any) bool { return reflect.DeepEqual(a, b) }) {
			err = fmt.Errorf("%d sessions, want %d\n%v\n%v", len(rows), len(want), rows, want)
		}
		return err
	}
	eventually(t, right)
	s.Kill(t)
	s.Restart(t)
	if err := right(); err != nil {
		t.Error("after a kill:", err)
	}
	s.Stop(t)
}
