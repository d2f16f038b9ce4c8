// Package pane folds readings into partials: what an edge has gathered since it last forwarded. It is pure: no clock, no
// disk; times are arguments.
//
//	pane.go       Table: views' open panes, and the rows to forward
//	join.go       reference tables beside a reading
//	route.go      rows that the core wants under a key of their own
//	watermark.go  the promise an edge makes about a stream
//
// A Table holds only what was not forwarded yet. Cut empties it into deltas and rows, partition by partition; the
// core adds them up. It does not know about sequence numbers, batches' sizes or the disk.
package pane

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
	"google.golang.org/protobuf/proto"
)

// Table is the edge's half of a plan at work. It is not safe for concurrent use.
type Table struct {
	partitions uint32
	streams    map[uint32]*stream
	scratch    []byte
	rows       int
	deltas     int
	sides      map[uint32]int // by view: from how many sources its panes are fed
	routed     map[uint32]bool
}

type stream struct {
	groups  []*group
	keys    []int // the key columns
	forward bool  // rows are wanted at the core
	timed   bool  // the event time is no column, so a row gets it as one more
	width   int
	columns int
	rows    [][]value.Value // by partition: rows of width values, one behind the other
	routes  []*route
}

// group is the views of a stream that group the same readings by the same keys into panes of one size: a reading is filtered, keyed and
// looked up once for all of them, and an aggregate that several want is kept once.
type group struct {
	views  []member
	size   int64
	joins  []join // what the rest is over
	wide   []value.Value
	filter func([]value.Value) value.Value
	keys   []func([]value.Value) value.Value
	args   []func([]value.Value) value.Value // nil: COUNT(*)
	layout aggregate.Layout
	panes  map[int64]map[string]*entry
	known  map[string]int // aggregates by their definition
}

// member is a view of a group: which of the group's aggregates are its own, in its order.
type member struct {
	id     uint32
	picks  []int
	layout aggregate.Layout
}

// partial gives the view's part of a group's.
func (m *member) partial(all aggregate.Partial) aggregate.Partial {
	p := make(aggregate.Partial, len(m.picks))
	for i, pick := range m.picks {
		p[i] = all[pick]
	}
	return p
}

type entry struct {
	partial  aggregate.Partial
	readings uint64
}

// New compiles the edge's half of a plan; tables are the contents of the reference tables that its views join, by id.
func New(p *plan.Plan, tables map[uint32]*reference.Table) (*Table, error) {
	t := &Table{partitions: p.Partitions, streams: map[uint32]*stream{}, sides: map[uint32]int{}, routed: map[uint32]bool{}}
	for _, s := range p.Streams {
		st := &stream{forward: s.Position != nil || s.Table, timed: s.Timestamp < 0, width: len(s.Columns), columns: len(s.Columns), rows: make([][]value.Value, max(1, p.Partitions))}
		if st.timed {
			st.width++
		}
		for i, c := range s.Columns {
			if c.Key {
				st.keys = append(st.keys, i)
			}
		}
		t.streams[s.Id] = st
	}
	groups := map[string]*group{}
	for _, v := range p.Views {
		if v.Core {
			continue
		}
		for _, side := range plan.Sides(v) {
			st := t.streams[side.Stream]
			if st == nil {
				return nil, fmt.Errorf("view %s: its stream %d is not in the plan", v.Name, side.Stream)
			}
			same, err := plan.Group(side)
			g := groups[same]
			if err == nil && g == nil {
				if g, err = newGroup(side, tables); err == nil {
					groups[same] = g
					st.groups = append(st.groups, g)
				}
			}
			if err == nil {
				err = g.join(side)
			}
			t.sides[v.Id]++
			if err != nil {
				return nil, fmt.Errorf("view %s: %w", v.Name, err)
			}
		}
	}
	return t, t.addRoutes(p)
}

func newGroup(v *plan.View, tables map[uint32]*reference.Table) (*group, error) {
	c := &group{size: v.PaneUs, panes: map[int64]map[string]*entry{}, known: map[string]int{}}
	var err error
	if c.joins, err = newJoins(v, tables); err != nil {
		return nil, err
	}
	if v.Filter != nil {
		if c.filter, err = expr.Compile(v.Filter); err != nil {
			return nil, fmt.Errorf("filter: %w", err)
		}
	}
	for i, e := range v.KeyExprs {
		f, err := expr.Compile(e)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", v.Keys[i].Name, err)
		}
		c.keys = append(c.keys, f)
	}
	return c, nil
}

// join makes a view a member.
func (g *group) join(v *plan.View) error {
	m := member{id: v.Id}
	for _, a := range v.Aggregates {
		same, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
		if err != nil {
			return err
		}
		i, known := g.known[string(same)]
		if !known {
			maker, err := plan.State(a)
			if err != nil {
				return err
			}
			var f func([]value.Value) value.Value
			if a.Argument != nil {
				if f, err = expr.Compile(a.Argument); err != nil {
					return fmt.Errorf("%s: %w", a.Function, err)
				}
			}
			i = len(g.layout)
			g.known[string(same)] = i
			g.layout, g.args = append(g.layout, maker), append(g.args, f)
		}
		m.picks, m.layout = append(m.picks, i), append(m.layout, g.layout[i])
	}
	g.views = append(g.views, m)
	return nil
}

// Fold adds one reading of a stream, at event time us, to the stream's views, and keeps it as a row if the core wants rows.
// The row is copied.
func (t *Table) Fold(streamID uint32, row []value.Value, us int64, forwardRow bool) {
	s := t.streams[streamID]
	if s == nil {
		return
	}
	for _, g := range s.groups {
		t.fold(g, row, us)
	}
	if !forwardRow {
		return
	}
	for _, r := range s.routes {
		t.route(r, row, us)
	}
	if s.forward {
		t.scratch = t.scratch[:0]
		for _, k := range s.keys {
			t.scratch = value.Append(t.scratch, row[k])
		}
		p := wire.Partition(t.scratch, t.partitions)
		s.rows[p] = append(s.rows[p], row...)
		if s.timed {
			s.rows[p] = append(s.rows[p], value.OfTime(us))
		}
		t.rows++
	}
}

var one = value.OfBool(true)

func (t *Table) fold(v *group, row []value.Value, us int64) {
	if v.joins != nil {
		if row = t.join(v, row); row == nil {
			return
		}
	}
	if v.filter != nil && !v.filter(row).Bool() {
		return
	}
	t.scratch = t.scratch[:0]
	for _, k := range v.keys {
		t.scratch = value.Append(t.scratch, k(row))
	}
	start := window.Pane(us, v.size)
	keys := v.panes[start]
	if keys == nil {
		keys = map[string]*entry{}
		v.panes[start] = keys
	}
	e := keys[string(t.scratch)]
	if e == nil {
		e = &entry{partial: v.layout.New()}
		keys[string(t.scratch)] = e
		t.deltas += len(v.views)
	}
	e.readings++
	for i, s := range e.partial {
		if v.args[i] == nil {
			s.Observe(one, us)
		} else {
			s.Observe(v.args[i](row), us)
		}
	}
}

// Rows and Deltas say how many of each wait to be cut.
func (t *Table) Rows() int { return t.rows }

// Deltas waiting to be cut.
func (t *Table) Deltas() int { return t.deltas }

// Piece is a part of a batch for one partition; Bytes is about what it takes in it.
type Piece struct {
	Partition uint32
	Deltas    *wire.Deltas
	Rows      *wire.Rows
	Bytes     int
}

// PieceBytes and pieceRows are how large a piece grows before the next one starts, so that several fit a message.
const (
	PieceBytes = 256 << 10
	pieceRows  = 4096
)

// CutRows empties the rows into pieces.
func (t *Table) CutRows() []Piece {
	var pieces []Piece
	for id, s := range t.streams {
		pieces = cutRows(pieces, id, s.rows, s.width)
		for _, r := range s.routes {
			pieces = cutRows(pieces, r.id, r.rows, r.width)
		}
	}
	t.rows = 0
	return pieces
}

// cutRows empties rows by partition, of width values each, into pieces.
func cutRows(pieces []Piece, id uint32, all [][]value.Value, width int) []Piece {
	for p, rows := range all {
		for len(rows) > 0 {
			n := fitting(rows, width)
			columns := wire.AppendColumns(nil, rows[:n*width], width)
			pieces = append(pieces, Piece{Partition: uint32(p), Bytes: len(columns), Rows: &wire.Rows{Stream: id, Count: uint32(n), Columns: columns}})
			rows = rows[n*width:]
		}
		all[p] = reusable(all[p])
	}
	return pieces
}

// reusable empties a slab and lets go of one that a rare flood made large.
func reusable(rows []value.Value) []value.Value {
	if cap(rows) > maxSlab {
		return nil
	}
	clear(rows)
	return rows[:0]
}

const maxSlab = 1 << 14 // values, of 32 bytes

// fitting says how many of the rows, at least one, make a piece.
func fitting(rows []value.Value, width int) int {
	size, count := 0, len(rows)/width
	for i := range min(count, pieceRows) {
		for _, v := range rows[i*width : (i+1)*width] {
			size += 9 + len(v.Str()) // what a value takes at most, but for a few integers
		}
		if size > PieceBytes && i > 0 {
			return i
		}
	}
	return min(count, pieceRows)
}

// CutDeltas empties the panes into pieces.
func (t *Table) CutDeltas() []Piece {
	var pieces []Piece
	for _, s := range t.streams {
		for _, g := range s.groups {
			for start, keys := range g.panes {
				for i := range g.views {
					pieces = t.cutPane(pieces, &g.views[i], start, keys)
				}
			}
			clear(g.panes)
		}
	}
	t.deltas = 0
	return pieces
}

// Delta is what one group key gathered in one pane.
type Delta struct {
	View      uint32
	PaneUs    int64
	Partition uint32
	Key       string
	Readings  uint64
	Partial   aggregate.Partial
	layout    aggregate.Layout
}

// own gives the delta states that no other view of its group has.
func (d *Delta) own() error {
	mine := d.layout.New()
	if _, err := mine.Read(d.Partial.Append(nil)); err != nil {
		return fmt.Errorf("states of view %d: %w", d.View, err)
	}
	d.Partial = mine
	return nil
}

// Merge adds what was gathered before: an encoded state of the same view.
func (d *Delta) Merge(readings uint64, state []byte) error {
	before := d.layout.New()
	if rest, err := before.Read(state); err != nil || len(rest) > 0 {
		return fmt.Errorf("merge states of view %d: %d bytes too many: %w", d.View, len(rest), err)
	}
	before.Merge(d.Partial)
	d.Partial, d.Readings = before, d.Readings+readings
	return nil
}

// TakeDeltas empties the panes into f, one delta after another.
func (t *Table) TakeDeltas(f func(Delta) error) error {
	var errs []error
	type place struct {
		view uint32
		us   int64
		key  string
	}
	united := map[place]Delta{} // of a UNION ALL: a key's deltas from all its sources are one
	for _, s := range t.streams {
		for _, g := range s.groups {
			for start, keys := range g.panes {
				for i := range g.views {
					v := &g.views[i]
					for key, e := range keys {
						d := Delta{View: v.id, PaneUs: start, Partition: wire.Partition([]byte(key), t.partitions), Key: key,
							Readings: e.readings, Partial: v.partial(e.partial), layout: v.layout}
						if t.sides[v.id] < 2 {
							errs = append(errs, f(d))
							continue
						}
						at := place{v.id, start, key}
						if before, ok := united[at]; ok {
							before.Partial.Merge(d.Partial)
							d.Partial, d.Readings = before.Partial, before.Readings+d.Readings
						} else { // other views of the group may have the same states
							errs = append(errs, d.own())
						}
						united[at] = d
					}
				}
			}
			clear(g.panes)
		}
	}
	for _, d := range united {
		errs = append(errs, f(d))
	}
	t.deltas = 0
	return errors.Join(errs...)
}

// HasView says whether a view is in the plan.
func (t *Table) HasView(id uint32) bool {
	for _, s := range t.streams {
		for _, g := range s.groups {
			if slices.ContainsFunc(g.views, func(v member) bool { return v.id == id }) {
				return true
			}
		}
	}
	return false
}

// HasRows says whether a stream or a route is in the plan.
func (t *Table) HasRows(id uint32) bool { return t.streams[id] != nil || t.routed[id] }

func (t *Table) cutPane(pieces []Piece, v *member, start int64, keys map[string]*entry) []Piece {
	open := make([]*wire.Deltas, max(1, t.partitions))
	flush := func(p uint32) {
		if d := open[p]; d != nil {
			pieces = append(pieces, Piece{Partition: p, Deltas: d, Bytes: len(d.Keys) + len(d.States)})
			open[p] = nil
		}
	}
	for key, e := range keys {
		p := wire.Partition([]byte(key), t.partitions)
		if open[p] == nil {
			open[p] = &wire.Deltas{View: v.id, PaneUs: start}
		}
		d := open[p]
		d.Count++
		d.Readings = append(d.Readings, e.readings)
		d.Keys = append(d.Keys, key...)
		for _, pick := range v.picks {
			d.States = e.partial[pick].Append(d.States)
		}
		if len(d.Keys)+len(d.States) > PieceBytes {
			flush(p)
		}
	}
	for p := range open {
		flush(uint32(p))
	}
	return pieces
}
