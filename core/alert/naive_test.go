package alert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/alert"
)

// naive judges one key minute by minute, from all of its rows, as ALERTS.md has it. A minute's row is over 80, or not; "-" is no row.
type naive struct {
	windows, lasts, stale int // in minutes; 0: not asked for
	hysteresis            bool
}

func (n *naive) judge(rows []string) (told []string) {
	state, since, run, last := "none", 0, 0, 0
	step := func(at int, to, why string) {
		told = append(told, fmt.Sprintf("%d %s to %s since %d%s", at, state, to, since, why))
		state = to
		if to == "resolved" {
			state = "none"
		}
	}
	for minute, row := range rows {
		if n.stale > 0 && state != "none" && minute-last >= n.stale {
			step(minute, map[bool]string{true: "none", false: "resolved"}[state == "pending"], " stale")
			run = 0
		}
		if n.lasts > 0 && state == "pending" && minute-since >= n.lasts {
			step(minute, "firing", "")
		}
		if row == "-" {
			continue
		}
		if last = minute; row != "over" {
			run = 0
			switch {
			case state == "pending":
				step(minute, "none", "")
			case state == "firing" && (row == "under" || !n.hysteresis):
				step(minute, "resolved", "")
			}
			continue
		}
		if run++; run == 1 && state != "firing" {
			since = minute
		}
		if state == "none" {
			step(minute, "pending", "")
		}
		if state == "pending" && n.lasts == 0 && run >= n.windows {
			step(minute, "firing", "")
		}
	}
	return told
}

// In whatever turns its rows come, restored from what it stored or not, an engine tells of each key what the naive judge does.
func TestTheNaiveJudgeAgrees(t *testing.T) {
	const minute, minutes, keys = 60_000_000, 120, 3
	stale, steps := 0, 0
	for run := range uint64(2000) {
		rng := rand.New(rand.NewPCG(run, 31))
		n := naive{windows: 1 + rng.IntN(3), stale: rng.IntN(12), hysteresis: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			n.windows, n.lasts = 1, 1+rng.IntN(6)
		}
		rule := alert.Rule{ID: 1, Windows: n.windows, ForUs: int64(n.lasts) * minute, StaleUs: int64(n.stale) * minute, KeepUs: int64(rng.IntN(20)) * minute}
		rows := [keys][]string{}
		for k := range rows {
			for range minutes {
				rows[k] = append(rows[k], []string{"-", "-", "over", "over", "under", "between"}[rng.IntN(6)])
			}
			for range rng.IntN(4) { // silence
				from := rng.IntN(minutes)
				for i := from; i < min(minutes, from+rng.IntN(30)); i++ {
					rows[k][i] = "-"
				}
			}
		}
		var got [keys][]string
		tell := func(s alert.Transition) {
			line := fmt.Sprintf("%d %s to %s since %d", s.Us/minute, s.From, s.To, s.Since/minute)
			if s.Stale {
				line += " stale"
				stale++
			}
			got[s.Key[0]-'a'] = append(got[s.Key[0]-'a'], line)
			steps++
		}
		engine := alert.New(rule)
		stored := map[string][]byte{}
		for from := 0; from < minutes; {
			to := min(minutes, from+1+rng.IntN(1+rng.IntN(40)))
			for m := from; m < to; m++ {
				for k := range rows {
					if row := rows[k][m]; row != "-" {
						engine.Row(string(rune('a'+k)), alert.Row{Us: int64(m) * minute, Holds: row == "over", Recovers: row == "under" || row == "between" && !n.hysteresis}, tell)
					}
				}
			}
			from = to
			engine.Advance(int64(to-1)*minute, tell)
			engine.Changed(func(key string, state []byte) {
				if stored[key] = state; state == nil {
					delete(stored, key)
				}
			})
			if rng.IntN(3) == 0 {
				engine = alert.New(rule)
				for key, state := range stored {
					if err := engine.Restore(key, state); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for k := range rows {
			if want := n.judge(rows[k]); !slices.Equal(got[k], want) {
				t.Fatalf("run %d, %+v, of %v it told\n%s\nthe naive judge\n%s", run, n, rows[k], strings.Join(got[k], "\n"), strings.Join(want, "\n"))
			}
		}
	}
	if stale < 1000 || steps < 20_000 {
		t.Fatalf("%d steps, %d of them stale, are too few", steps, stale)
	}
}
