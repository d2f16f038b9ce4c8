package edge

import (
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"pgregory.net/rapid"
)

func TestFiltersCoverEachOther(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a/+", "a/b", true}, {"a/b", "a/+", false}, {"a/#", "a/+/c", true}, {"a/#", "a", true}, {"#", "a/b", true},
		{"+", "a/b", false}, {"a/+/c", "a/#", false}, {"a/+", "a/#", false}, {"a/#", "a/#", true}, {"a/+/c", "a/b/+", false}, {"#", "$SYS/x", false},
		{"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a/b", "a", false}, {"a", "a/b", false},
	} {
		if got := covers(c.a, c.b); got != c.want {
			t.Errorf("%s covers %s: %v", c.a, c.b, got)
		}
	}
}

// Each topic that a stream reads is matched by some filter, and by no more than needed: none covers another.
func TestFiltersAreEnoughAndNotTooMany(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "b", "+", "$x"})
	rapid.Check(t, func(t *rapid.T) {
		var sources []*source
		for range rapid.IntRange(1, 5).Draw(t, "streams") {
			levels := rapid.SliceOfN(level, 1, 3).Draw(t, "levels")
			if rapid.Bool().Draw(t, "rest") {
				levels = append(levels, "#")
			}
			sources = append(sources, &source{def: &plan.Stream{Topic: strings.Join(levels, "/")}})
		}
		r, err := newRouter(sources)
		if err != nil {
			t.Fatal(err)
		}
		filters := r.filters()
		for i, a := range filters {
			for k, b := range filters {
				if i != k && covers(a, b) {
					t.Fatalf("%q: %s covers %s", filters, a, b)
				}
			}
		}
		topic := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "$x", "c"}), 1, 4).Draw(t, "topic"), "/")
		matched := slices.ContainsFunc(filters, func(f string) bool {
			template, err := payload.ParseTemplate(f)
			if err != nil {
				t.Fatal(err)
			}
			_, ok := template.Match(topic, nil)
			return ok
		})
		if wanted := len(r.find(topic)) > 0; matched != wanted {
			t.Fatalf("%s: wanted %v, matched by %q: %v", topic, wanted, filters, matched)
		}
	})
}
