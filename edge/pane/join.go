package pane

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
)

// join looks a row up in a reference table, as the edge has it when it folds the reading.
type join struct {
	table *reference.Table
	on    []func([]value.Value) value.Value // over the columns before
	left  bool
	none  []value.Value // a row of NULLs
}

func newJoins(v *plan.View, tables map[uint32]*reference.Table) ([]join, error) {
	var list []join
	for _, def := range v.Joins {
		j := join{table: tables[def.Table], left: def.Left}
		if j.table == nil {
			return nil, fmt.Errorf("join: table %d is not here", def.Table)
		}
		j.none = make([]value.Value, j.table.Width())
		for _, e := range def.On {
			f, err := expr.Compile(e)
			if err != nil {
				return nil, fmt.Errorf("join: %w", err)
			}
			j.on = append(j.on, f)
		}
		list = append(list, j)
	}
	return list, nil
}

// join gives row with the rows of the view's tables behind it, or nil if one that must be there is missing. A NULL in a key finds
// nothing, as in SQL. The row is good until the next call.
func (t *Table) join(v *group, row []value.Value) []value.Value {
	v.wide = append(v.wide[:0], row...)
	for i := range v.joins {
		j := &v.joins[i]
		t.scratch = t.scratch[:0]
		null := false
		for _, f := range j.on {
			k := f(v.wide)
			null = null || k.IsNull()
			t.scratch = value.Append(t.scratch, k)
		}
		found, ok := j.table.Find(t.scratch)
		switch {
		case ok && !null:
			v.wide = append(v.wide, found...)
		case j.left:
			v.wide = append(v.wide, j.none...)
		default:
			return nil
		}
	}
	return v.wide
}
