package pattern

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Match is one match, told once.
type Match struct {
	ID     string // a function of the pattern, the key, and the first and the last row
	Number uint64 // MATCH_NUMBER()
	First  int64  // event time of the first row, µs
	Last   int64  // and of the last
	Until  int64  // when the match was complete in event time: Last, or the end of its time if it ends with NOT FOLLOWED BY
	Length int    // rows
	Cut    bool   // told at a limit: without the limit it may have been longer, or another
	Rows   []Row  // of ALL ROWS PER MATCH each row; else the last one
}

// Row is one row of a match.
type Row struct {
	Values   []value.Value // the columns; not to be changed
	Variable string
	Measures []value.Value
}

// measure is a compiled expression of MEASURES.
type measure struct{ eval expr.Func }

func (e *Engine) compileMeasures(p *plan.Pattern) error {
	if len(p.Measures) != len(p.Outputs) {
		return fmt.Errorf("%d measures and %d names for them", len(p.Measures), len(p.Outputs))
	}
	for i, m := range p.Measures {
		eval, err := expr.Compile(m)
		if err == nil {
			var needs []int
			needs, err = e.needs(m)
			for _, n := range needs {
				e.measured = insert(e.measured, n)
			}
		}
		if err != nil {
			return fmt.Errorf("measure %s: %w", p.Outputs[i].GetName(), err)
		}
		e.measures = append(e.measures, measure{eval})
	}
	return nil
}

// tell emits the match of an attempt.
func (e *Engine) tell(k *Key, a *attempt, cut bool) {
	k.number++
	e.counts.Matches++
	if e.emit == nil {
		return
	}
	var rows []*bound
	for b := a.best; b != nil; b = b.before {
		rows = append(rows, b)
	}
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	first, last := rows[0].row, rows[len(rows)-1].row
	m := &Match{ID: e.matchID(k, first, last), Number: k.number, First: first.us, Last: last.us, Until: last.us, Length: len(rows), Cut: cut}
	if a.waited {
		m.Until = later(first.us, e.within)
	}
	e.measure(k, rows, m)
	e.emit(m)
}

// matchID names a match by its content, so that it has the same name wherever and whenever it is found.
func (e *Engine) matchID(k *Key, first, last *row) string {
	b := binary.AppendUvarint(nil, uint64(e.plan.GetId()))
	b = value.Append(b, value.OfString(e.plan.GetName()))
	b = value.Append(b, value.OfString(string(k.id)))
	for _, r := range []*row{first, last} {
		b = binary.AppendVarint(b, r.us)
		b = binary.AppendUvarint(b, uint64(r.twin))
		b = value.AppendRow(b, r.values)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// measure evaluates MEASURES over the rows of a match, in one pass; a second one if FINAL values stand beside rows.
func (e *Engine) measure(k *Key, rows []*bound, m *Match) {
	all, finals := e.plan.GetAllRows(), false
	for _, n := range e.measured {
		finals = finals || e.references[n].final
	}
	pass := newPass(e, k.number)
	if all && finals {
		for i := range rows {
			pass.see(rows, i)
		}
		pass.show(rows, len(rows)-1, func(r *reference) bool { return r.final })
		pass = newPass(e, k.number)
	}
	for i, b := range rows {
		pass.see(rows, i)
		if !all && i < len(rows)-1 {
			continue
		}
		pass.show(rows, i, func(r *reference) bool { return !all || !r.final })
		copy(e.scratch[:e.columns], b.row.values)
		out := Row{Values: b.row.values, Variable: e.variables[b.variable].name.Str()}
		for _, measure := range e.measures {
			out.Measures = append(out.Measures, measure.eval(e.scratch))
		}
		m.Rows = append(m.Rows, out)
	}
}

// pass goes through the rows of a match and keeps what the references of MEASURES need.
type pass struct {
	e      *Engine
	number uint64
	states []aggregate.State
	firsts []slot
}

func newPass(e *Engine, number uint64) *pass {
	p := &pass{e: e, number: number, states: make([]aggregate.State, len(e.measured)), firsts: make([]slot, len(e.measured))}
	for i, n := range e.measured {
		if r := &e.references[n]; r.kind == plan.Reference_AGGREGATE {
			p.states[i] = r.maker()
		}
	}
	return p
}

func (p *pass) see(rows []*bound, i int) {
	b := rows[i]
	for j, n := range p.e.measured {
		r := &p.e.references[n]
		if !r.of(b.variable) {
			continue
		}
		switch r.kind {
		case plan.Reference_AGGREGATE:
			p.states[j].Observe(r.arg(b.row.values), b.row.us)
		case plan.Reference_FIRST:
			if p.firsts[j].n == r.offset {
				p.firsts[j].v = r.arg(b.row.values)
			}
			p.firsts[j].n++
		}
	}
}

// show puts the values that references have at row i where expressions see them.
func (p *pass) show(rows []*bound, i int, which func(*reference) bool) {
	b := rows[i]
	for j, n := range p.e.measured {
		r := &p.e.references[n]
		if !which(r) {
			continue
		}
		var v value.Value
		switch r.kind {
		case plan.Reference_PREV:
			v = p.e.prev(r, b.row)
		case plan.Reference_FIRST:
			v = p.firsts[j].v
		case plan.Reference_LAST:
			v = nthLast(r, b, r.offset)
		case plan.Reference_AGGREGATE:
			v = p.states[j].Result()
		case plan.Reference_CLASSIFIER:
			v = p.e.variables[b.variable].name
		case plan.Reference_MATCH_NUMBER:
			v = value.OfInt(int64(p.number))
		}
		p.e.scratch[p.e.columns+n] = v
	}
}
