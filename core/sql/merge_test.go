package sql

import (
	"testing"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// However states come together, one by one, merged, or written and read in between, they come to what one that saw all readings comes to; one that can't
// be read makes it NULL, wherever it was.
func TestMergedStates(t *testing.T) {
	for _, a := range []*plan.Aggregate{
		{Function: "COUNT", ArgumentType: planType(value.Type{Kind: value.Int})},
		{Function: "SUM", ArgumentType: planType(value.Type{Kind: value.Int})},
		{Function: "MAX", ArgumentType: planType(value.Type{Kind: value.Int})},
		{Function: "PERCENTILE", ArgumentType: planType(value.Type{Kind: value.Int}), Parameters: []float64{0.9}},
		{Function: "COUNT_DISTINCT", ArgumentType: planType(value.Type{Kind: value.Int})},
	} {
		maker, err := plan.State(a)
		if err != nil {
			t.Fatal(a.Function, err)
		}
		merged, err := newMergedState(a)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			want, bad := maker(), false
			trees := []aggregate.State{merged(), merged()}
			for range rapid.IntRange(0, 8).Draw(t, "steps") {
				m := rapid.SampledFrom(trees).Draw(t, "to")
				switch rapid.IntRange(0, 8).Draw(t, "step") {
				case 0:
					encoded := m.Append([]byte("before"))
					rest, err := m.Read(append(encoded, "behind"...)[len("before"):])
					if err != nil || string(rest) != "behind" {
						t.Fatalf("read what was written: %q %v", rest, err)
					}
				case 1:
					trees = append(trees, merged())
				case 2:
					if len(trees) > 2 {
						trees[0].Merge(trees[len(trees)-1])
						trees = trees[:len(trees)-1]
					}
				case 3:
					if rapid.IntRange(0, 9).Draw(t, "spoil") == 0 {
						bad = true
						m.Observe(value.OfString("\xff\xff\xff no state"), 0)
					}
				default:
					s := maker()
					for _, x := range rapid.SliceOfN(rapid.Int64Range(-5, 50), 0, 20).Draw(t, "readings") {
						s.Observe(value.OfInt(x), 0)
						want.Observe(value.OfInt(x), 0)
					}
					m.Observe(value.OfString(string(s.Append(nil))), 0)
				}
			}
			all := merged()
			for _, m := range trees {
				all.Merge(m)
			}
			switch got := all.Result(); {
			case bad && !got.IsNull():
				t.Fatalf("%s: %s of a state that can't be read", a.Function, got.Text())
			case !bad && got != want.Result():
				t.Fatalf("%s: %s, want %s", a.Function, got.Text(), want.Result().Text())
			}
		})
	}
	m, err := newMergedState(&plan.Aggregate{Function: "COUNT", ArgumentType: planType(value.Type{Kind: value.Int})})
	if err != nil {
		t.Fatal(err)
	}
	for _, corrupt := range []string{"", "\x80", "\x09abc", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if _, err := m().Read([]byte(corrupt)); err == nil {
			t.Errorf("read %q", corrupt)
		}
	}
}
