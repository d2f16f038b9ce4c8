package influx_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// odd texts are made of what line protocol, InfluxQL and JSON give a meaning to. Names have no line breaks and the like, which InfluxQL can not say.
var (
	oddRunes = []rune{'a', 'n', '1', 'i', ' ', ',', '=', '"', '\'', '\\', '/', '#', '.', ':', 'ä', '日', '😀', '$', '_', '＼'}
	oddNames = rapid.OneOf(rapid.StringOfN(rapid.RuneFrom(oddRunes), 1, 8, -1), rapid.SampledFrom([]string{"time", "_field", "_measurement", "_time", "_value", "name", "#"}))
	oddTexts = rapid.StringOfN(rapid.RuneFrom(append([]rune{0, '\n', '\r', '\t', '\f'}, oddRunes...)), 1, 8, -1)
)

// Whatever views, columns, keys and values are called, the server takes the points; fields come back as they went, and tags that are plain do.
func TestPointsOfAnyText(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		sink, refused, _ := run(t, s, q, 100)
		runs := 0
		rapid.Check(t, func(t *rapid.T) {
			if runs++; runs > 40 && os.Getenv("HEXPANE_SOAK") == "" {
				return
			}
			names := rapid.SliceOfNDistinct(oddNames, 4, 4, asColumn).Draw(t, "names")
			key, text := oddTexts.Draw(t, "key"), oddTexts.Draw(t, "text")
			n, x := rapid.Int64().Draw(t, "n"), rapid.Float64().Draw(t, "x")
			p := influx.Point{Measurement: fmt.Sprint(oddNames.Draw(t, "view"), runs, oddNames.Draw(t, "view")), TimeUs: rapid.Int64Range(-1e15, 1e15).Draw(t, "us"),
				Tags:   []influx.Pair{{Name: names[0], Value: value.OfString(key)}},
				Fields: []influx.Pair{{Name: names[1], Value: value.OfInt(n)}, {Name: names[2], Value: value.OfDouble(x)}, {Name: names[3], Value: value.OfString(text)}}}
			view := p.Measurement
			if after, ok := strings.CutPrefix(view, "#"); ok {
				view = "＃" + after
			}
			before := len(refused())
			q.put(0, p.Line())
			sink.Wake()
			q.drained(t)
			if r := refused()[before:]; len(r) > 0 {
				t.Fatalf("%q: %q", p.Line(), r)
			}
			rows := s.values(fmt.Sprintf("SELECT %s::field, %s::field, %s::field, %s::tag FROM %s", asColumn(names[1]), asColumn(names[2]), asColumn(names[3]), asColumn(names[0]), quoted(view)))
			if len(rows) != 1 {
				t.Fatalf("%q: %d rows", p.Line(), len(rows))
			}
			got := rows[0][1:]
			if f, err := got[1].(json.Number).Float64(); fmt.Sprint(got[0]) != fmt.Sprint(n) || err != nil || f != x || got[2] != text || influx.IsPlain(key) && got[3] != key {
				t.Fatalf("%q came back as %q, want %d %v %q %q", p.Line(), got, n, x, text, key)
			}
		})
	})
}

// quoted is a name in InfluxQL, with what stands in for a backslash.
func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, "＼", `"`, `\"`).Replace(name) + `"`
}

func asColumn(name string) string {
	if slices.Contains([]string{"time", "_field", "_measurement"}, name) {
		name += "_"
	}
	return quoted(name)
}
