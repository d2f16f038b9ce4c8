package merge_test

import (
	"bytes"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// A window that is read back is the one that was written, whatever bytes it is made of; and no bytes are read that would be written otherwise.
func FuzzWhole(f *testing.F) {
	def := speedView()
	layout, err := plan.Layout(def)
	if err != nil {
		f.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		f.Fatal(err)
	}
	r := reading{device: "a", us: 5, n: 7}
	for _, gone := range []bool{false, true} {
		f.Add(v.AppendWhole(nil, r.key(), &merge.Window{Partial: partial(layout, r), Revision: 3}, gone))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		w, mine, err := v.ReadWhole(src)
		if err != nil || !mine {
			return
		}
		var into merge.Window
		if w.Gone {
			into.Revision = w.Revision
		} else if v.Fill(&into, w) != nil {
			return
		}
		once := v.AppendWhole(nil, w.Key, &into, w.Gone)
		again, mine, err := v.ReadWhole(once)
		if err != nil || !mine || again.Revision != w.Revision || again.Gone != w.Gone || !bytes.Equal(again.Key, w.Key) {
			t.Fatalf("%x reads as %v, and written again as %v (%v)", src, w, again, err)
		}
		if !w.Gone {
			if err := v.Fill(&into, again); err != nil || !bytes.Equal(v.AppendWhole(nil, w.Key, &into, false), once) {
				t.Fatalf("%x changes when it is written again: %v", src, err)
			}
		}
	})
}

// Windows of a view that gathers something else, or that was made anew, are not this one's.
func TestWholeIsOfOneView(t *testing.T) {
	def := speedView()
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	r := reading{device: "a", us: 5, n: 7}
	written := v.AppendWhole(nil, r.key(), &merge.Window{Partial: partial(layout, r)}, false)
	for name, change := range map[string]func(*plan.View){
		"":                func(*plan.View) {},
		"made anew":       func(v *plan.View) { v.Id++ },
		"another window":  func(v *plan.View) { v.WindowUs, v.PaneUs = 2*v.WindowUs, 2*v.PaneUs },
		"fewer":           func(v *plan.View) { v.Aggregates = v.Aggregates[1:] },
		"other aggregate": func(v *plan.View) { v.Aggregates[0].Function = "COUNT_DISTINCT" },
		"other key":       func(v *plan.View) { v.Keys[0].Type = &plan.Type{Kind: 9} },
	} {
		other := proto.CloneOf(def)
		change(other)
		o, err := merge.NewView(other)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, mine, err := o.ReadWhole(written); mine != (name == "") || err != nil {
			t.Errorf("%s: %v, %v", name, mine, err)
		}
	}
}
