package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// pushes is the push queries that listen. Partitions give it what a turn made once that is committed; a listener that reads too slowly is told
// so and let go, and holds nobody up.
type pushes struct {
	count   atomic.Int32
	mu      sync.RWMutex
	sources map[uint32]map[*listener]*sql.PushSource // by view, pattern, route or join
}

// listener is one push query.
type listener struct {
	query *sql.Push
	watch uint32
	rows  chan []value.Value
	ended chan struct{}
	why   error // once ended is closed

	mu    sync.Mutex // partitions give rows at once, and a compiled expression is for one at a time
	over  bool
	early early
}

// newListener makes one that gets results of open windows at most once in a time, 0: each, and for whom so many rows wait.
func newListener(every time.Duration, rows int) *listener {
	return &listener{rows: make(chan []value.Value, rows), ended: make(chan struct{}), early: newEarly(every, rows)}
}

func (l *listener) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked(why)
}

func (l *listener) endLocked(why error) {
	if !l.over {
		l.over, l.why = true, why
		close(l.ended)
	}
}

// take makes a row of a source's one. Once some were lost it takes none.
func (l *listener) take(from *sql.PushSource, row []value.Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	if out, ok := from.Row(row); ok {
		l.send(out)
	}
}

// send hands a row to who reads; the lock is held.
func (l *listener) send(out []value.Value) {
	select {
	case l.rows <- out:
	default:
		l.endLocked(errSlow)
	}
}

var errSlow = errors.New("the rows came faster than they were read, and some would have been left out (query.push_rows)")

// wants reports whether anybody listens to a source.
func (s *pushes) wants(source uint32) bool {
	if s.count.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.sources[source]) > 0
}

// give hands a row of a source to who listens.
func (s *pushes) give(source uint32, row []value.Value) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for l, from := range s.sources[source] {
		l.take(from, row)
	}
}

// told hands the result of a view's window to who listens.
func (s *pushes) told(r result) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for l, from := range s.sources[r.view.Id] {
		l.told(from, r)
	}
}

func (s *pushes) add(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources == nil {
		s.sources = map[uint32]map[*listener]*sql.PushSource{}
	}
	for i := range l.query.Sources {
		from := &l.query.Sources[i]
		if s.sources[from.ID] == nil {
			s.sources[from.ID] = map[*listener]*sql.PushSource{}
		}
		s.sources[from.ID][l] = from
	}
	s.count.Add(1)
}

func (s *pushes) remove(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, list := range s.sources {
		if delete(list, l); len(list) == 0 {
			delete(s.sources, id)
		}
	}
	s.count.Add(-1)
}

// changed ends those whose view or streams are gone.
func (s *pushes) changed(next *plan.Plan) {
	there := map[uint32]bool{plan.FenceEvents: true}
	for _, v := range next.Views {
		there[v.Id] = true
	}
	for _, r := range next.Routes {
		there[r.Id] = true
	}
	for _, j := range next.Joins {
		there[j.Id] = true
	}
	for _, d := range next.Patterns {
		there[d.Id] = true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, list := range s.sources {
		for l := range list {
			if !there[id] {
				l.end(errors.New("what it reads was dropped or defined anew"))
			}
		}
	}
}

// pushedRow is a row of a route or a join.
type pushedRow struct {
	source uint32
	row    []value.Value
}

// pushed gives push queries what a turn made; after its commit.
func (p *partition) pushed(t *turn) {
	if p.pushes.count.Load() == 0 {
		return
	}
	for _, r := range t.pushed {
		p.pushes.give(r.source, r.row)
	}
	for _, r := range t.results {
		p.pushes.told(r)
	}
}

// push starts a push query.
func (c *Core) push(ctx context.Context, st *sql.Select) (*api.Answer, error) {
	if n := int(c.pushes.count.Load()); n >= c.cfg.Query.MaxPush {
		return nil, &api.StatementError{Message: fmt.Sprintf("%d push queries listen already; no more may (query.max_push)", n), Line: st.Place().Line, Column: st.Place().Column}
	}
	l := newListener(c.cfg.Query.PushInterval, c.cfg.Query.PushRows)
	if err := c.catalog.watch(ctx, st, l, &c.pushes); err != nil {
		return nil, err
	}
	a := &api.Answer{Stream: &pushStream{core: c, listener: l, left: l.query.Limit}}
	for _, col := range l.query.Columns {
		a.Columns = append(a.Columns, api.Column{Name: col.Name, Type: col.Type.String()})
	}
	return a, nil
}

// watch puts a push query's routes into the plan; from then on it listens.
func (c *catalog) watch(ctx context.Context, st *sql.Select, l *listener, all *pushes) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.plan()
	query, next, id, err := sql.CompilePush(c.fenced(old, st), st, time.Now().UnixMicro())
	if err != nil {
		return err
	}
	l.query, l.watch = query, id
	all.add(l)
	if next.Version == old.Version {
		return nil
	}
	if err := c.put(ctx, old, next); err != nil {
		all.remove(l)
		return err
	}
	return nil
}

// unwatch takes a push query's routes out of the plan; 0 takes all, which only a start may: those who listened are gone.
func (c *catalog) unwatch(ctx context.Context, id uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.plan()
	next := sql.Unwatch(old, id)
	if next.Version == old.Version {
		return nil
	}
	return c.put(ctx, old, next)
}

// pushStream is what the API reads of a push query.
type pushStream struct {
	core     *Core
	listener *listener
	left     int64 // −1: without end
	closed   sync.Once
}

// Next waits for a row. A nil row is the end: the LIMIT is reached, or the core stops. What came before the query ended for a reason is given first.
func (s *pushStream) Next(ctx context.Context) ([]value.Value, error) {
	if s.left == 0 {
		return nil, nil
	}
	row, err := s.next(ctx)
	if row == nil || err != nil {
		return nil, err
	}
	if s.left > 0 {
		s.left--
	}
	return row, nil
}

func (s *pushStream) next(ctx context.Context) ([]value.Value, error) {
	for {
		select {
		case row := <-s.listener.rows:
			return row, nil
		default:
		}
		select {
		case row := <-s.listener.rows:
			return row, nil
		case <-s.listener.early.due:
			s.listener.release()
		case <-s.listener.ended:
			return nil, s.listener.why
		case <-s.core.stopping:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close lets go of the query.
func (s *pushStream) Close() {
	s.closed.Do(func() {
		s.core.pushes.remove(s.listener)
		s.listener.early.stop()
		if s.listener.watch == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.core.catalog.unwatch(ctx, s.listener.watch); err != nil {
			s.core.log.Warn("edges go on sending the rows of a push query that ended, until the core starts again", "error", err)
		}
	})
}

// ask runs a push query for a viewer.
func (c *Core) ask(ctx context.Context, text string) (live.Query, error) {
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, err
	}
	st, ok := statements[0].(*sql.Select)
	if !ok || len(statements) > 1 || st.Emit == sql.EmitUnsaid {
		return nil, errors.New("a query over the WebSocket is one SELECT … EMIT CHANGES")
	}
	a, err := c.push(ctx, st)
	if err != nil {
		return nil, err
	}
	q := viewerQuery{Stream: a.Stream}
	for _, column := range a.Columns {
		q.columns = append(q.columns, column.Name)
	}
	return q, nil
}

type viewerQuery struct {
	api.Stream
	columns []string
}

// Columns of the rows.
func (q viewerQuery) Columns() []string { return q.columns }
