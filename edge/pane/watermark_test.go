package pane_test

import (
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"pgregory.net/rapid"
)

// step is a reading at event time us, if any, at clock time now, and the watermark that follows.
type step struct {
	now  int64
	us   int64 // 0: none
	want int64 // −1: none yet
	far  bool  // the reading is too far in the future
}

func TestWatermark(t *testing.T) {
	for name, steps := range map[string][]step{
		"follows the largest event time less the disorder": {{now: 1000, us: 990, want: 985}, {now: 1001, us: 980, want: 985}, {now: 1002, us: 1000, want: 995}},
		"is none before the first reading":                 {{now: 1000, want: -1}, {now: 5000, want: -1}},
		"one clock far ahead does not move it":             {{now: 1000, us: 990, want: 985}, {now: 1001, us: 99999, want: 985, far: true}, {now: 1002, us: 991, want: 986}},
		"a first clock far ahead makes none":               {{now: 1000, us: 99999, want: -1, far: true}},
		"a clock a little ahead moves it":                  {{now: 1000, us: 1050, want: 1045}, {now: 1001, us: 1051, want: 1046}, {now: 1001, us: 1052, want: 1046, far: true}},
		"idle for less than the time: stays":               {{now: 1000, us: 1000, want: 995}, {now: 1100, want: 995}},
		"idle for longer: goes on with the clock":          {{now: 1000, us: 1000, want: 995}, {now: 1101, want: 996}, {now: 1150, want: 1045}, {now: 2000, want: 1895}},
		"idle: never past the clock less the disorder":     {{now: 1000, us: 1049, want: 1044}, {now: 1110, want: 1054}, {now: 1190, want: 1134}, {now: 9000, want: 8944}},
		"after idleness a reading goes on from there":      {{now: 1000, us: 1000, want: 995}, {now: 1200, want: 1095}, {now: 1201, us: 1150, want: 1145}, {now: 1202, us: 1000, want: 1145}},
		"old data replayed: time passes as the clock does": {{now: 9000, us: 50, want: 45}, {now: 9110, want: 55}, {now: 9120, want: 65}},
		"a clock far ahead does not keep it from idling":   {{now: 1000, us: 1000, want: 995}, {now: 1090, us: 99999, want: 995, far: true}, {now: 1150, us: 99999, want: 1045, far: true}},
		"a late reading takes nothing back":                {{now: 1000, us: 1000, want: 995}, {now: 1001, us: 500, want: 995}, {now: 1150, want: 1044}},
		"a clock set back a little moves nothing":          {{now: 1000, us: 1000, want: 995}, {now: 950, want: 995}, {now: 950, us: 940, want: 995}},
		"a clock set right, back from a day ahead: anew":   {{now: 90000, us: 90000, want: 89995}, {now: 1000, want: -1}, {now: 1001, us: 990, want: 985}},
		"set right: the first reading counts":              {{now: 90000, us: 90000, want: 89995}, {now: 1001, us: 990, want: 985}, {now: 1002, us: 999, want: 994}},
	} {
		t.Run(name, func(t *testing.T) {
			w := pane.Watermark{Disorder: 5, MaxFuture: 50, IdleAfter: 100}
			for i, s := range steps {
				if s.us != 0 && w.Observe(s.us, s.now) == s.far {
					t.Errorf("step %d: too far is not %v", i, s.far)
				}
				got, ok := w.Advance(s.now)
				if !ok {
					got = -1
				}
				if got != s.want {
					t.Errorf("step %d: %d, want %d", i, got, s.want)
				}
			}
		})
	}
}

func TestWatermarkRestoredIsKept(t *testing.T) {
	w := pane.Watermark{Disorder: 5, MaxFuture: 50, IdleAfter: 100}
	w.Restore(800, 1000)
	if got, ok := w.Advance(1000); !ok || got != 800 {
		t.Errorf("%d, %v", got, ok)
	}
	w.Observe(700, 1001)
	if got, _ := w.Advance(1001); got != 800 {
		t.Errorf("went back to %d", got)
	}
	if got, _ := w.Advance(1111); got != 810 {
		t.Errorf("idle after the restart: %d, want 810", got)
	}
}

// Whatever comes, it never goes back unless the clock shows that it was wrong, and never past the newest believable reading or the clock, less the disorder.
func TestWatermarkNeverGoesBackNorAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const disorder, future = 30, 200
		w := pane.Watermark{Disorder: disorder, MaxFuture: future, IdleAfter: rapid.Int64Range(1, 500).Draw(t, "idle")}
		now, newest, last, promised := int64(10_000), int64(-1<<62), int64(0), false
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(-100, 2000)).Draw(t, "pass")
			if rapid.Bool().Draw(t, "reading") {
				us := now + rapid.OneOf(rapid.Int64Range(-500, future), rapid.Int64Range(future+1, 1<<40), rapid.Int64Range(-now-100, -1)).Draw(t, "age")
				if believed := w.Observe(us, now); believed != (us <= now+future) {
					t.Fatalf("%d at %d: believed is %v", us, now, believed)
				} else if believed {
					newest = max(newest, us)
				}
			}
			if last > now+future {
				promised = false // the clock was set back so far that it was wrong before
			}
			newest = max(newest, min(now, 1<<62)) // an idle stream's may come up to the clock
			got, ok := w.Advance(now)
			if !ok {
				if promised {
					t.Fatal("the promise was taken back")
				}
				continue
			}
			if promised && got < last {
				t.Fatalf("went back from %d to %d", last, got)
			}
			if got > newest-disorder {
				t.Fatalf("%d is past %d − %d", got, newest, disorder)
			}
			last, promised = got, true
		}
	})
}
