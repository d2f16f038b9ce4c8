package alert_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/core/alert"
)

// An engine that is taken from its stored keys at any time goes on as one that was never stopped, and a key that is not told of is not stored.
func TestAnEngineGoesOnFromWhatWasStored(t *testing.T) {
	rules := []alert.Rule{{ID: 1}, {ID: 2, Windows: 3}, {ID: 3, ForUs: 4}, {ID: 4, QuietUs: 5, MaxLive: 3}, {ID: 5, KeepUs: 6}}
	steps, restarts := 0, 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 11))
		rule := rules[rng.IntN(len(rules))]
		whole, parts := alert.New(rule), alert.New(rule)
		stored := map[string][]byte{}
		var a, b []alert.Transition
		both := func(f func(e *alert.Engine, tell func(alert.Transition))) {
			f(whole, func(t alert.Transition) { a = append(a, t) })
			f(parts, func(t alert.Transition) { b = append(b, t) })
		}
		clock := int64(100)
		for range 120 {
			clock += rng.Int64N(2)
			name := string(rune('a' + rng.IntN(5)))
			switch rng.IntN(8) {
			case 0:
				both(func(e *alert.Engine, tell func(alert.Transition)) { e.Advance(clock-3, tell) })
			case 1:
				if len(a) > 0 {
					last := a[rng.IntN(len(a))]
					both(func(e *alert.Engine, tell func(alert.Transition)) { e.Ack(last.Key, last.ID, "ann", clock, tell) })
				}
			default:
				r := alert.Row{Us: clock - rng.Int64N(5), Holds: rng.IntN(3) > 0, Gone: rng.IntN(10) == 0, Value: float64(rng.IntN(9))}
				r.Recovers = !r.Holds && rng.IntN(2) == 0
				both(func(e *alert.Engine, tell func(alert.Transition)) { e.Row(name, r, tell) })
			}
			parts.Changed(func(key string, state []byte) {
				if delete(stored, key); state != nil {
					stored[key] = append([]byte(nil), state...)
				}
			})
			if len(stored) != parts.Keys() {
				t.Fatalf("seed %d: %d keys are stored of %d", seed, len(stored), parts.Keys())
			}
			if rng.IntN(10) == 0 {
				restarts++
				parts = alert.New(rule)
				for key, state := range stored {
					if err := parts.Restore(key, state); err != nil {
						t.Fatal(err)
					}
				}
			}
			if x, y := list(whole), list(parts); x != y || whole.Live() != parts.Live() {
				t.Fatalf("seed %d, rule %d: live are\n%s\nfrom what was stored\n%s", seed, rule.ID, x, y)
			}
		}
		steps += len(a)
		if x, y := fmt.Sprint(a), fmt.Sprint(b); x != y {
			t.Fatalf("seed %d, rule %d: told\n%s\nfrom what was stored\n%s", seed, rule.ID, x, y)
		}
		whole.Close(clock, func(alert.Transition) {})
		if whole.Live() != 0 || whole.Keys() != 0 {
			t.Fatalf("seed %d: %d alerts of %d keys are left of a closed rule", seed, whole.Live(), whole.Keys())
		}
	}
	if steps < 2000 || restarts < 1000 {
		t.Fatalf("only %d steps and %d restarts were tried", steps, restarts)
	}
}

func list(e *alert.Engine) (text string) {
	e.Each(func(l alert.Live) { text += fmt.Sprintln(l) })
	return text
}

func FuzzRestore(f *testing.F) {
	e := alert.New(alert.Rule{Windows: 2})
	for us, value := range []float64{1, 2, 0, 4, 5} {
		e.Row("k", alert.Row{Us: int64(us), Holds: value > 0, Recovers: value == 0, Value: value}, func(alert.Transition) {})
		e.Changed(func(_ string, state []byte) { f.Add(state) })
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		e := alert.New(alert.Rule{Windows: 2, ForUs: 10})
		if e.Restore("k", state) != nil {
			if e.Keys() != 0 || e.Live() != 0 {
				t.Fatal("what can't be read left something")
			}
			return
		}
		e.Row("k", alert.Row{Us: 5, Holds: true}, func(alert.Transition) {})
		e.Advance(1<<40, func(alert.Transition) {})
		e.Close(1<<41, func(alert.Transition) {})
	})
}
