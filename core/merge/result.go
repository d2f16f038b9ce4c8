package merge

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

func appendUvarint(dst []byte, u uint64) []byte { return binary.AppendUvarint(dst, u) }

func uvarint(src []byte) (uint64, int) { return binary.Uvarint(src) }

// Shape makes a view's rows from windows: its outputs, then window_start, window_end, revision, final.
type Shape struct {
	def     *plan.View
	outputs []func([]value.Value) value.Value
	having  func([]value.Value) value.Value
	scratch []value.Value
}

// Blank is a partial of nothing.
func (v *View) Blank() aggregate.Partial { return v.layout.New() }

// ExtraColumns come after a view's own, in this order.
var ExtraColumns = []*plan.Column{
	{Name: "window_start", Type: &plan.Type{Kind: uint32(value.Timestamp)}}, {Name: "window_end", Type: &plan.Type{Kind: uint32(value.Timestamp)}},
	{Name: "revision", Type: &plan.Type{Kind: uint32(value.Int)}}, {Name: "final", Type: &plan.Type{Kind: uint32(value.Bool)}},
}

// NewShape compiles a view's outputs.
func NewShape(def *plan.View) (*Shape, error) {
	s := &Shape{def: def}
	for i, e := range def.OutputExprs {
		f, err := expr.Compile(e)
		if err != nil {
			return nil, fmt.Errorf("view %s, column %s: %w", def.Name, def.Outputs[i].Name, err)
		}
		s.outputs = append(s.outputs, f)
	}
	if def.Having != nil {
		var err error
		if s.having, err = expr.Compile(def.Having); err != nil {
			return nil, fmt.Errorf("view %s, HAVING: %w", def.Name, err)
		}
	}
	return s, nil
}

// Row appends a window's row to dst; ok is false if HAVING hides it.
func (s *Shape) Row(dst []value.Value, start int64, key []byte, w *Window, watermark int64) (row []value.Value, ok bool, err error) {
	in := s.scratch[:0]
	for range s.def.Keys {
		var v value.Value
		if v, key, err = value.Read(key); err != nil {
			return nil, false, fmt.Errorf("view %s: key: %w", s.def.Name, err)
		}
		in = append(in, v)
	}
	for _, state := range w.Partial {
		in = append(in, state.Result())
	}
	end := window.End(start, s.def.WindowUs)
	if s.def.GapUs > 0 {
		end = w.End
	}
	from, to := value.OfTime(start), value.OfTime(end)
	if end == window.Forever {
		from, to = value.Value{}, value.Value{}
	}
	in = append(in, from, to)
	s.scratch = in
	if s.having != nil && !s.having(in).Bool() {
		return nil, false, nil
	}
	dst = slices.Grow(dst, len(s.outputs)+len(ExtraColumns))
	for _, f := range s.outputs {
		dst = append(dst, f(in))
	}
	return append(dst, from, to, value.OfInt(int64(w.Revision)), value.OfBool(Final(s.def, start, w, watermark))), true, nil
}

// Final reports that a view's window can change no more.
func Final(def *plan.View, start int64, w *Window, watermark int64) bool {
	closes := window.End(start, def.WindowUs)
	if def.GapUs > 0 {
		closes = w.End + def.GapUs + 1
	}
	return window.Final(closes, def.GraceUs, watermark)
}
