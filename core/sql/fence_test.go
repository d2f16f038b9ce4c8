package sql

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

const (
	depot = `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}`
	moved = `{"type":"Polygon","coordinates":[[[5,5],[6,5],[6,6],[5,6],[5,5]]]}`
)

func shapeOf(id, shape string) func(string) (string, bool) {
	return func(of string) (string, bool) { return shape, of == id }
}

// A fence's shape is written out in whatever names it, wherever it stands, and is exchanged there when the fence is.
func TestFencesAreWrittenOut(t *testing.T) {
	p := applyAll(t, vehiclesSQL)
	p.Fences = []*plan.Fence{{Id: "depot", Shape: depot}}
	for _, src := range []string{
		"CREATE VIEW here AS SELECT device, COUNT(*) AS n FROM vehicles WHERE in_fence(lat, lon, 'depot') GROUP BY device",
		"CREATE VIEW share AS SELECT IN_FENCE(lat, lon, 'depot') AS inside, COUNT(*) AS n FROM vehicles GROUP BY in_fence(lat, lon, 'depot')",
		"CREATE STREAM parked AS SELECT device, ts FROM vehicles WHERE in_fence(lat, lon, 'depot')",
		"CREATE VIEW parking AS SELECT device, COUNT(*) AS n FROM parked GROUP BY device",
	} {
		list, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if !NamesFences(p, list...) {
			t.Error("not seen in", src)
		}
		if p, _, err = Apply(p, list[0]); err != nil {
			t.Fatal(err)
		}
	}
	here := func(p *plan.Plan, lat, lon float64) (n int) {
		for _, v := range p.Views {
			if f := v.Filter; f != nil {
				inside, err := expr.Compile(f)
				if err != nil {
					t.Fatal(err)
				}
				row := make([]value.Value, 16)
				for i, c := range p.Streams[0].Columns {
					switch c.Name {
					case "lat":
						row[i] = value.OfDouble(lat)
					case "lon":
						row[i] = value.OfDouble(lon)
					}
				}
				if inside(row).Bool() {
					n++
				}
			}
		}
		return n
	}
	if a, b := here(p, 0.5, 0.5), here(p, 5.5, 5.5); a != 2 || b != 0 {
		t.Fatal(a, b)
	}
	if users := FenceUsers(p, "depot"); strings.Join(users, " ") != "here parking share" && strings.Join(users, " ") != "here share parking" {
		t.Error(users)
	}
	before := proto.CloneOf(p)
	next := Refence(p, shapeOf("depot", moved))
	if a, b := here(next, 0.5, 0.5), here(next, 5.5, 5.5); a != 0 || b != 2 || next.Version != p.Version+1 {
		t.Error(a, b, next.Version)
	}
	if !proto.Equal(p, before) || Refence(p, shapeOf("elsewhere", moved)) != p {
		t.Error("the plan itself changed")
	}
}

func TestInFenceErrors(t *testing.T) {
	p := applyAll(t, vehiclesSQL)
	p.Fences = []*plan.Fence{{Id: "depot", Shape: depot}}
	for call, want := range map[string]string{
		"in_fence(lat, lon, 'depto')":     "no fence `depto`; did you mean `depot`?",
		"in_fence(lat, lon)":              "in_fence(lat, lon, 'id') takes 3 arguments, not 2",
		"in_fence(lat, lon, device)":      "in_fence takes the id of a fence as a literal",
		"in_fence(device, lon, 'depot')":  "takes a number as argument 1, not STRING",
		"in_fence(lat, lon, 'depot', '')": "takes 3 arguments, not 4",
	} {
		list, err := Parse("CREATE VIEW v AS SELECT COUNT(*) AS n FROM vehicles WHERE " + call)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = Apply(p, list[0]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", call, err, want)
		}
	}
}

func TestFenceEventsAreRowsThatViewsRead(t *testing.T) {
	p := applyAll(t, "CREATE VIEW traffic AS SELECT fence, kind, COUNT(*) AS n FROM fence_events WINDOW TUMBLING (SIZE 1 HOUR) WHERE kind = 'enter' GROUP BY fence, kind")
	if v := p.Views[0]; !v.Core || v.Stream != plan.FenceEvents || v.Upserts {
		t.Error(v)
	}
	text, err := ExplainText(p, &Explain{Name: &Ident{Name: "traffic"}})
	if err != nil || !strings.Contains(text, "each event at a fence") || !strings.Contains(text, "kind = 'enter'") {
		t.Error(text, err)
	}
	list, err := Parse("SELECT device, ts FROM fence_events WHERE fence = 'depot' EMIT CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	q, next, watch, err := CompilePush(p, list[0].(*Select), 0)
	if err != nil || len(q.Sources) != 1 || q.Sources[0].ID != plan.FenceEvents || next != p || watch != 0 {
		t.Error(q, err)
	}
}
