package core

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// Execute runs statements in turn and gives the answer of the last; an error stops it, and what ran before stays done.
func (c *Core) Execute(ctx context.Context, text string) (*api.Answer, error) {
	return c.execute(ctx, text, c.sel)
}

// execute leaves it to sel what becomes of a SELECT.
func (c *Core) execute(ctx context.Context, text string, sel func(context.Context, *sql.Select) (*api.Answer, error)) (*api.Answer, error) {
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, statementError(err)
	}
	answer := &api.Answer{}
	var messages []string
	for i := 0; i < len(statements); i++ {
		if n := defining(statements[i:]); n > 0 {
			said, err := c.catalog.apply(ctx, statements[i:i+n])
			if err != nil {
				return nil, statementError(err)
			}
			messages = append(messages, said...)
			answer = &api.Answer{}
			i += n - 1
			continue
		}
		if answer, err = c.run(ctx, statements[i], sel); err != nil {
			return nil, statementError(err)
		}
		if answer.Stream != nil && i < len(statements)-1 {
			answer.Stream.Close()
			at := statements[i+1].Place()
			return nil, &api.StatementError{Message: "a push query has no end, so nothing can come behind it", Line: at.Line, Column: at.Column}
		}
		messages = append(messages, answer.Messages...)
	}
	answer.Messages = messages
	return answer, nil
}

// defining counts the statements at the front that change the catalogue.
func defining(statements []sql.Statement) (n int) {
	for _, st := range statements {
		switch st.(type) {
		case *sql.CreateStream, *sql.CreateTable, *sql.CreateView, *sql.CreatePattern, *sql.CreateAlert, *sql.Drop:
			n++
			continue
		}
		break
	}
	return n
}

func statementError(err error) error {
	var e *sql.Error
	if errors.As(err, &e) {
		return &api.StatementError{Message: e.Message, Line: e.Line, Column: e.Column}
	}
	return err
}

func (c *Core) run(ctx context.Context, st sql.Statement, sel func(context.Context, *sql.Select) (*api.Answer, error)) (*api.Answer, error) {
	p := c.catalog.planFor(st)
	switch s := st.(type) {
	case *sql.Select:
		if s.Emit != sql.EmitUnsaid {
			return c.push(ctx, s)
		}
		return sel(ctx, s)
	case *sql.Insert:
		return c.insert(ctx, s)
	case *sql.Show:
		if r, ok := sql.List(p, s); ok {
			return answerOf(r), nil
		}
		all, err := sql.Parse("SELECT * FROM edges")
		if err != nil {
			return nil, err
		}
		return sel(ctx, all[0].(*sql.Select))
	case *sql.DescribeStatement:
		r, err := sql.Describe(p, s.Name, c.tables(p)...)
		return answerOf(r), err
	case *sql.Explain:
		s.Scan = c.explainScan
		text, err := sql.ExplainText(p, s, c.tables(p)...)
		return &api.Answer{Columns: []api.Column{{Name: "plan", Type: "STRING"}}, Rows: [][]value.Value{{value.OfString(text)}}}, err
	}
	return nil, &api.StatementError{Message: "this statement is not supported yet", Line: st.Place().Line, Column: st.Place().Column}
}

func answerOf(r sql.Result) *api.Answer {
	a := &api.Answer{Rows: r.Rows}
	for _, c := range r.Columns {
		a.Columns = append(a.Columns, api.Column{Name: c.Name, Type: c.Type.String(), Of: c.Type})
	}
	return a
}

// tables are what SELECT reads besides views: the core's own tables, reference tables, and the newest row per key of a stream that sends rows.
func (c *Core) tables(p *plan.Plan) []sql.Relation {
	var all []sql.Relation
	for name, columns := range ownTables {
		r := sql.Relation{Name: name}
		for i := range columns {
			r.Columns = append(r.Columns, sql.Column{Name: columns[i].Name, Type: columns[i].Type.Value()})
			if columns[i].Name == "ts" || columns[i].Name == "window_start" {
				r.Time = columns[i].Name
			}
		}
		all = append(all, r)
	}
	all = append(all, sql.FenceEvents)
	for _, t := range p.Tables {
		all = append(all, sql.TableRelation(t))
	}
	for _, s := range p.Streams {
		if s.Position != nil || s.Table {
			all = append(all, sql.StreamRelation(s))
		}
	}
	return all
}

// asked is a SELECT that is ready to run.
type asked struct {
	plan      *plan.Plan
	view      *plan.View // that is read, if it is one, and alone
	query     *sql.Query
	rows      source
	joined    []source
	watermark *string // that it stands at
}

// prepare plans a SELECT; nothing is read before its rows are.
func (c *Core) prepare(ctx context.Context, st *sql.Select) (*asked, error) {
	p := c.catalog.planFor(st)
	rel, err := sql.Resolve(p, st, c.tables(p)...)
	if err != nil {
		return nil, err
	}
	others, err := sql.ResolveJoins(p, st, c.tables(p)...)
	if err != nil {
		return nil, err
	}
	q, err := sql.CompileSelect(st, rel, time.Now().UnixMicro(), others...)
	if err != nil {
		return nil, err
	}
	a := &asked{plan: p, query: q}
	if rel.View != nil && len(others) == 0 {
		a.view = rel.View
	}
	a.rows, a.watermark = c.read(ctx, p, rel.Name, q)
	for i, other := range others {
		more, mark := c.read(ctx, p, other.Name, q.Joined(i))
		a.joined = append(a.joined, more)
		if mark != nil && (a.watermark == nil || *mark < *a.watermark) {
			a.watermark = mark
		}
	}
	return a, nil
}

// run gives the relations' rows to read.
func (a *asked) run(read func(rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value]) error) error {
	failed := make([]error, 1+len(a.joined))
	var joined []iter.Seq[[]value.Value]
	for i, more := range a.joined {
		joined = append(joined, more(&failed[1+i]))
	}
	err := read(a.rows(&failed[0]), joined)
	return errors.Join(append(failed, err)...)
}

func (c *Core) sel(ctx context.Context, st *sql.Select) (*api.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Query.Timeout)
	defer cancel()
	asked, err := c.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	var r sql.Result
	known := false
	if asked.view != nil {
		if r, known, err = c.sliced(ctx, asked.plan, asked.view, asked.query); err != nil {
			return nil, err
		}
	}
	if known {
		// it was put together
	} else if err := asked.run(func(rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value]) (err error) {
		r, err = asked.query.Run(ctx, rows, joined...)
		return err
	}); err != nil {
		return nil, err
	}
	if len(r.Rows) > c.cfg.Query.MaxRows {
		return nil, &api.StatementError{Message: fmt.Sprintf("the answer has %d rows, and at most %d are given (query.max_rows): narrow it or use LIMIT",
			len(r.Rows), c.cfg.Query.MaxRows), Line: st.Place().Line, Column: st.Place().Column}
	}
	a := answerOf(r)
	a.Watermark = asked.watermark
	return a, nil
}

// source gives rows; what goes wrong is put into failed.
type source func(failed *error) iter.Seq[[]value.Value]

// read gives a relation's rows, and the watermark that they stand at.
func (c *Core) read(ctx context.Context, p *plan.Plan, name string, q *sql.Query) (source, *string) {
	for _, v := range p.Views {
		if v.Name == name {
			return c.readView(ctx, v, q), c.watermarkText(v.Id)
		}
	}
	for _, d := range p.Patterns {
		if d.Name == name {
			return c.readMatches(d), c.watermarkText(routeStream(p, d.Stream))
		}
	}
	for _, s := range p.Streams {
		if s.Name == name {
			return c.readLatest(s), c.watermarkText(s.Id)
		}
	}
	for _, t := range p.Tables {
		if t.Name == name {
			return c.readTable(ctx, t), nil
		}
	}
	switch name {
	case "edges":
		return c.readEdges(), nil
	case sql.FenceEvents.Name:
		return c.readEntries(state.TableFences, len(sql.FenceEvents.Columns)), c.watermarkText(plan.FenceEvents)
	case "alerts":
		return c.readEntries(state.TableAlerts, len(ownTables[name])), nil
	case "late":
		return c.readEntries(state.TableLate, len(ownTables[name])), nil
	}
	return c.readEntries(state.TableRejected, len(ownTables[name])), nil
}

func (c *Core) watermarkText(stream uint32) *string {
	us, ok := c.watermark(stream)
	if !ok {
		return nil
	}
	text := value.FormatTime(us)
	return &text
}

// readView gives a view's rows from wherever they are kept.
func (c *Core) readView(ctx context.Context, def *plan.View, q *sql.Query) source {
	return func(failed *error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			*failed = c.rows(ctx, c.question(def, q), func(row []value.Value) (bool, error) { return yield(row), nil })
		}
	}
}

// question is what a query wants of a view's history.
func (c *Core) question(def *plan.View, q *sql.Query) *store.Question {
	question := &store.Question{View: def, Keys: keysAsked(def, q.KeyEquals), States: q.States(), Step: q.Step()}
	question.From, question.To = span(def, q)
	return question
}

// span bounds the windows' starts that a query can want.
func span(def *plan.View, q *sql.Query) (from, to int64) {
	start, end := q.TimeRange()
	from, to = start.From, start.To
	if def.WindowUs > 0 {
		if end.From != sql.Everything.From {
			from = max(from, end.From-def.WindowUs)
		}
		if end.To != sql.Everything.To {
			to = min(to, end.To-def.WindowUs)
		}
	}
	if to < 1<<63-1 {
		to++
	}
	return from, to
}

// routeStream is the stream of a route.
func routeStream(p *plan.Plan, route uint32) uint32 {
	for _, r := range p.Routes {
		if r.Id == route {
			return r.Stream
		}
	}
	return 0
}

// readMatches gives the newest matches kept, of each partition the oldest first.
func (c *Core) readMatches(def *plan.Pattern) source {
	return func(failed *error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			for _, p := range c.partitions {
				stop := false
				err := c.store.PatternMatches(p.id, def.Id, 0, func(_ uint64, stored []byte) (bool, error) {
					row, err := readMatch(def, stored)
					if err != nil {
						return false, err
					}
					stop = !yield(row)
					return !stop, nil
				})
				if *failed = err; err != nil || stop {
					return
				}
			}
		}
	}
}

func (c *Core) readLatest(def *plan.Stream) source {
	return func(failed *error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			width := newStreamState(def, &Config{}).width
			for _, p := range c.partitions {
				stop := false
				err := c.store.LatestAll(p.id, def.Id, func(_, stored []byte) (bool, error) {
					_, row, err := readLatest(stored, width)
					if err != nil {
						return false, err
					}
					stop = !yield(row[:len(def.Columns)])
					return !stop, nil
				})
				if *failed = err; err != nil || stop {
					return
				}
			}
		}
	}
}

func (c *Core) readTable(ctx context.Context, def *plan.Table) source {
	return func(failed *error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			t, err := c.catalog.tables.Get(ctx, def)
			if err != nil {
				*failed = err
				return
			}
			t.All()(yield)
		}
	}
}

func (c *Core) readEntries(table byte, width int) source {
	return func(failed *error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			row := make([]value.Value, width)
			for _, p := range c.partitions {
				stop := false
				err := c.store.Entries(table, p.id, func(stored []byte) (bool, error) {
					if err := readEntry(stored, row); err != nil {
						return false, fmt.Errorf("table %c: %w", table, err)
					}
					stop = !yield(row)
					return !stop, nil
				})
				if *failed = err; err != nil || stop {
					return
				}
			}
		}
	}
}

// readEntry reads a row of one of the core's own tables. One that was stored before its last columns were thought of has NULL there.
func readEntry(stored []byte, row []value.Value) (err error) {
	clear(row)
	for i := 0; i < len(row) && len(stored) > 0 && err == nil; i++ {
		row[i], stored, err = value.Read(stored)
	}
	return err
}

// planProblem is NULL for an edge that refused no plan.
func planProblem(s *wire.Stats) value.Value {
	if s.PlanProblem == "" {
		return value.Value{}
	}
	return value.OfString(s.PlanProblem)
}

func (c *Core) readEdges() source {
	return func(*error) iter.Seq[[]value.Value] {
		return func(yield func([]value.Value) bool) {
			for _, e := range c.catalog.edges.list() {
				s := e.Stats
				if !yield([]value.Value{value.OfString(e.Edge), value.OfTime(e.HeardUs), value.OfInt(int64(s.PlanVersion)), value.OfInt(int64(s.Readings)),
					value.OfInt(int64(s.Rejected)), value.OfInt(int64(s.Duplicates)), value.OfInt(int64(s.Clients)), value.OfInt(int64(s.OutboxBytes)),
					value.OfString(s.Version), value.OfString(edgeState(s)), value.OfInt(int64(s.DiskFreeBytes)), planProblem(s)}) {
					return
				}
			}
		}
	}
}
