package e2e

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"time"
)

const suspiciousSQL = `
CREATE STREAM purchases (card STRING KEY, ts TIMESTAMP, city STRING, amount DECIMAL(10,2)) WITH (topic = 'till/{card}', timestamp = 'ts', disorder = '5s');
CREATE VIEW suspicious AS
	SELECT card, COUNT(*) AS n, COUNT(DISTINCT city) AS cities, COLLECT_LIST(city) AS seen
	FROM purchases WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 5 MINUTES, GRACE PERIOD 1 DAY)
	GROUP BY card HAVING COUNT(*) >= 5 AND COUNT(DISTINCT city) >= 3;`

// Cards used five times and more in three cities and more within an hour: each window that the purchases say, sent in no order, and
// the same after a kill.
func TestHoppingWindows(t *testing.T) {
	t.Parallel()
	s := startSite(t, suspiciousSQL)
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	type purchase struct {
		card, city string
		minute     int
	}
	var all []purchase
	cities := []string{"Oulu", "Turku", "Vaasa", "Pori"}
	r := rand.New(rand.NewSource(7))
	for card := range 6 {
		for range 12 {
			all = append(all, purchase{fmt.Sprint("card-", card), cities[r.Intn(1+card%4)], r.Intn(180)})
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c := connect(t, s.mqtt)
	for i, p := range all {
		at := base.Add(time.Duration(p.minute)*time.Minute + time.Duration(i)*time.Millisecond)
		token := c.Publish("till/"+p.card, 1, false, fmt.Sprintf(`{"ts":%q,"city":%q,"amount":"9.90"}`, at.Format(time.RFC3339Nano), p.city))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	c.Disconnect(100)
	var want [][]any
	for card := range 6 {
		for start := -55; start < 180; start += 5 {
			n, seen := 0, map[string]bool{}
			for _, p := range all {
				if p.card == fmt.Sprint("card-", card) && p.minute >= start && p.minute < start+60 {
					n, seen[p.city] = n+1, true
				}
			}
			if n >= 5 && len(seen) >= 3 {
				want = append(want, []any{fmt.Sprint("card-", card), float64(n), float64(len(seen)), base.Add(time.Duration(start) * time.Minute).Format(time.RFC3339)})
			}
		}
	}
	if len(want) < 10 {
		t.Fatal("the test plants too little:", want)
	}
	right := func() error {
		_, rows, err := ask(s.http, "SELECT card, n, cities, window_start FROM suspicious ORDER BY card, window_start")
		if err == nil && !slices.EqualFunc(rows, want, func(a, b []any) bool { return reflect.DeepEqual(a, b) }) {
			err = fmt.Errorf("%d windows, want %d\n%v\n%v", len(rows), len(want), rows, want)
		}
		return err
	}
	eventually(t, right)
	s.Kill(t)
	s.Restart(t)
	eventually(t, right) // what its last commit did not have comes from the stream again
	s.Stop(t)
}
