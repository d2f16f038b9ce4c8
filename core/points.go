package core

import (
	"fmt"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// A result is a point of the history store: its place is the view, the group's keys (tags) and the window's start, so that a revision overwrites
// it. What is no result any more, a session that became part of another, a window that HAVING hides since a revision, or one with nothing in
// it left, can't be deleted cheaply: the field `retracted` says so, which every point has: charts leave it out by one condition. With influx.history
// points also carry the window itself, those that HAVING hides too, since it may be changed: so the core can read it back as if it had kept it.

// point makes one of a window's row; carried is the window, nil without influx.history.
func point(v *plan.View, start int64, key []byte, row []value.Value, carried []byte) ([]byte, error) {
	p, err := placeInHistory(v, start, key)
	if err != nil {
		return nil, err
	}
	for i, c := range v.Outputs {
		if !isKey(v, i) {
			p.Fields = append(p.Fields, influx.Pair{Name: c.Name, Value: row[i]})
		}
	}
	p.Fields = append(p.Fields, influx.Pair{Name: "revision", Value: row[len(v.Outputs)+2]}, influx.Pair{Name: "retracted", Value: value.OfBool(false)})
	p.Carried = carried
	return p.Line(), nil
}

// retraction marks one.
func retraction(v *plan.View, start int64, key []byte, revision uint32, carried []byte) ([]byte, error) {
	p, err := placeInHistory(v, start, key)
	if err != nil {
		return nil, err
	}
	p.Fields = []influx.Pair{{Name: "retracted", Value: value.OfBool(true)}, {Name: "revision", Value: value.OfInt(int64(revision))}}
	p.Carried = carried
	return p.Line(), nil
}

// carried is what a point carries of its window.
func (p *partition) carried(v *merge.View, key []byte, w *merge.Window, gone bool) []byte {
	if !p.carries {
		return nil
	}
	return v.AppendWhole(nil, key, w, gone)
}

func placeInHistory(v *plan.View, start int64, key []byte) (p influx.Point, err error) {
	p = influx.Point{Measurement: v.Name, TimeUs: start}
	for i, name := range tagNames(v) {
		var k value.Value
		if k, key, err = value.Read(key); err != nil {
			return p, fmt.Errorf("view %s: key: %w", v.Name, err)
		}
		k = tagged(k)
		p.Tags = append(p.Tags, influx.Pair{Name: name, Value: k})
		for o := range v.Outputs { // shown twice
			if n, ok := keyShown(v, o); ok && n == i && v.Outputs[o].Name != name {
				p.Tags = append(p.Tags, influx.Pair{Name: v.Outputs[o].Name, Value: k})
			}
		}
	}
	return p, nil
}

// emptyTag stands for the empty text, as a tag that is empty is none, which NULL is.
const emptyTag = `""`

func tagged(k value.Value) value.Value {
	if k.Kind() == value.String && k.Str() == "" {
		return value.OfString(emptyTag)
	}
	return k
}

// tagNames are the tags of a view's keys, in their order: the column that shows a key, or the key's own name where none does, since points of two
// keys must not have one place.
func tagNames(v *plan.View) []string {
	names := make([]string, len(v.Keys))
	taken := map[string]bool{}
	for o := len(v.Outputs) - 1; o >= 0; o-- {
		if n, ok := keyShown(v, o); ok {
			names[n] = v.Outputs[o].Name
		}
		taken[v.Outputs[o].Name] = true
	}
	for i, k := range v.Keys {
		for name := k.Name; names[i] == ""; name += "_key" {
			if !taken[name] {
				names[i], taken[name] = name, true
			}
		}
	}
	return names
}

// keyShown gives the group key that an output is as it is.
func keyShown(v *plan.View, output int) (int, bool) {
	column, ok := v.OutputExprs[output].Node.(*plan.Expr_Column)
	if !ok || int(column.Column) >= len(v.Keys) {
		return 0, false
	}
	return int(column.Column), true
}

// isKey reports whether an output is a group key as it is.
func isKey(v *plan.View, output int) bool {
	_, ok := keyShown(v, output)
	return ok
}
