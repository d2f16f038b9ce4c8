package pane

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// route is rows of a stream that go to the core whole, by a key of their own.
type route struct {
	id     uint32
	filter func([]value.Value) value.Value // nil: all
	keys   []func([]value.Value) value.Value
	width  int             // the stream's columns, and the event time
	rows   [][]value.Value // by partition: rows of width values, one behind the other
}

// addRoutes compiles the plan's routes.
func (t *Table) addRoutes(p *plan.Plan) error {
	for _, def := range p.Routes {
		if def.Stream == plan.FenceEvents {
			continue // the core makes its rows
		}
		s := t.streams[def.Stream]
		if s == nil {
			return fmt.Errorf("route %d: its stream %d is not in the plan", def.Id, def.Stream)
		}
		r := &route{id: def.Id, width: s.columns + 1, rows: make([][]value.Value, max(1, t.partitions))}
		var err error
		if def.Filter != nil {
			if r.filter, err = expr.Compile(def.Filter); err != nil {
				return fmt.Errorf("route %d: filter: %w", def.Id, err)
			}
		}
		for _, e := range def.KeyExprs {
			f, err := expr.Compile(e)
			if err != nil {
				return fmt.Errorf("route %d: key: %w", def.Id, err)
			}
			r.keys = append(r.keys, f)
		}
		s.routes = append(s.routes, r)
		t.routed[def.Id] = true
	}
	return nil
}

// route keeps a row for the core, with its event time behind it.
func (t *Table) route(r *route, row []value.Value, us int64) {
	if r.filter != nil && !r.filter(row).Bool() {
		return
	}
	t.scratch = t.scratch[:0]
	for _, k := range r.keys {
		t.scratch = value.Append(t.scratch, k(row))
	}
	p := wire.Partition(t.scratch, t.partitions)
	r.rows[p] = append(append(r.rows[p], row...), value.OfTime(us))
	t.rows++
}
