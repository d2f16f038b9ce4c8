package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/table"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// catalog holds the plan in force. The truth is one key of a JetStream bucket, which edges watch too; a change is a compare
// and set on it, so that two cores can't overwrite each other.
type catalog struct {
	log      *slog.Logger
	bucket   jetstream.KeyValue
	current  atomic.Pointer[plan.Plan]
	edges    edgeList
	channels *notify.Notifier // nil: there are none
	tables   *table.Keeper    // nil in tests without tables
	changed  func(old, next *plan.Plan)
	fences   func() []*plan.Fence // for statements that name some; nil: there are none
	room     *room                // nil: in tests without

	mu       sync.Mutex // one change at a time
	revision uint64
}

// openCatalog reads the plan, or makes an empty one.
func openCatalog(ctx context.Context, bucket jetstream.KeyValue, partitions uint32, log *slog.Logger) (*catalog, error) {
	c := &catalog{log: log, bucket: bucket, changed: func(_, _ *plan.Plan) {}}
	p := &plan.Plan{Version: 1, Partitions: partitions, NextId: 1}
	entry, err := bucket.Get(ctx, wire.PlanKey)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		data, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encode plan: %w", err)
		}
		if c.revision, err = bucket.Create(ctx, wire.PlanKey, data); err != nil {
			return nil, fmt.Errorf("create plan: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("read plan: %w", err)
	default:
		p = new(plan.Plan)
		if err := proto.Unmarshal(entry.Value(), p); err != nil {
			return nil, fmt.Errorf("read plan, revision %d: %w", entry.Revision(), err)
		}
		c.revision = entry.Revision()
	}
	if p.Partitions != partitions {
		log.Warn("the number of partitions is fixed at the first start; the setting is ignored", "partitions", p.Partitions, "setting", partitions)
	}
	c.current.Store(p)
	return c, nil
}

func (c *catalog) plan() *plan.Plan { return c.current.Load() }

// wait returns when the catalogue has a plan version: a batch may be quicker than the news of its plan.
func (c *catalog) wait(ctx context.Context, version uint64) error {
	for tries := 0; c.plan().Version < version; tries++ {
		if tries%1000 == 999 {
			c.log.Warn("waiting for a plan that an edge has", "version", version, "here", c.plan().Version)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// planFor gives the plan for planning statements over it: with the fences, if they may name one.
func (c *catalog) planFor(statements ...sql.Statement) *plan.Plan {
	return c.fenced(c.plan(), statements...)
}

func (c *catalog) fenced(p *plan.Plan, statements ...sql.Statement) *plan.Plan {
	if c.fences == nil || !sql.NamesFences(p, statements...) {
		return p
	}
	p = proto.CloneOf(p)
	p.Fences = c.fences()
	return p
}

// refence gives the plan the shapes of fences that it has otherwise. Edges take readings by the new ones from then on.
func (c *catalog) refence(ctx context.Context, features map[string]*fence.Feature) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.plan()
	next := sql.Refence(old, func(id string) (string, bool) {
		f := features[id]
		if f == nil {
			return "", false
		}
		return string(f.Shape.GeoJSON()), true
	})
	if next.Version == old.Version {
		return nil
	}
	return c.put(ctx, old, next)
}

// apply runs CREATEs and DROPs in turn, up to the first error, and gives the messages for the user. Edges and partitions see one change.
func (c *catalog) apply(ctx context.Context, statements []sql.Statement) (messages []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.plan()
	next := old
	for len(statements) > 0 && err == nil {
		n := 1 // a table alone, since its file may be at fault; a pattern, since the engine may refuse it; an alert, for its channels
		for n < len(statements) && !isAlone(statements[n-1]) && !isAlone(statements[n]) {
			n++
		}
		var after *plan.Plan
		var said []string
		after, said, err = sql.ApplyAll(c.fenced(next, statements[:n]...), statements[:n])
		if e := checkPatterns(next, after, statements[0].Place()); e != nil {
			err = e
			break
		}
		if e := checkAlerts(c.channels, next, after, statements[0].Place()); e != nil {
			err = e
			break
		}
		if after.Version == next.Version {
			after = next
		}
		after.Fences = nil
		if after.Version != next.Version {
			if e := c.room.spare(); e != nil && slices.ContainsFunc(statements[:n], creates) {
				err = e
				break
			}
			if e := c.tables.Fill(ctx, after); e != nil {
				at := statements[0].Place()
				err = &sql.Error{Line: at.Line, Column: at.Column, Message: e.Error()}
				break
			}
		}
		next, statements = after, statements[n:]
		messages = append(messages, said...)
	}
	if next.Version != old.Version {
		if e := c.put(ctx, old, next); e != nil {
			return nil, e
		}
	}
	return messages, err
}

// creates is what all statements of the catalogue do but DROP.
func creates(st sql.Statement) bool {
	_, drops := st.(*sql.Drop)
	return !drops
}

func isAlone(st sql.Statement) bool {
	switch st.(type) {
	case *sql.CreateTable, *sql.CreatePattern, *sql.CreateAlert:
		return true
	}
	return false
}

// refill gives tables the contents that their files have now.
func (c *catalog) refill(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.plan()
	changed := c.tables.Changed(ctx, old)
	if len(changed) == 0 {
		return nil
	}
	next := proto.CloneOf(old)
	for _, def := range changed {
		i := slices.IndexFunc(next.Tables, func(t *plan.Table) bool { return t.Id == def.Id })
		next.Tables[i] = def
		c.log.Info("a table's file changed", "table", def.Name, "rows", def.Rows, "packed_bytes", def.Bytes)
	}
	next.Version++
	return c.put(ctx, old, next)
}

// followTables looks for changed files until ctx ends.
func (c *catalog) followTables(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if c.room.spare() != nil {
			continue
		}
		if err := c.refill(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("a table's new contents could not be put in force; trying again", "error", err)
		}
	}
}

// lookEvery is how often tables' files are looked at.
const lookEvery = time.Second

// put makes next the plan in force.
func (c *catalog) put(ctx context.Context, old, next *plan.Plan) error {
	data, err := proto.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if len(data) > maxPlanBytes {
		return fmt.Errorf("the catalogue would take %d KiB; at most %d KiB fit", len(data)>>10, maxPlanBytes>>10)
	}
	revision, err := c.bucket.Update(ctx, wire.PlanKey, data, c.revision)
	if err != nil {
		return fmt.Errorf("the plan could not be changed (another core may have changed it; try again): %w", err)
	}
	c.revision = revision
	c.current.Store(next)
	c.changed(old, next)
	if len(old.Tables) > 0 {
		if err := c.tables.Prune(ctx, old, next); err != nil {
			c.log.Warn("old contents of tables stay on the NATS server's disk until the next change", "error", err)
		}
	}
	return nil
}

// maxPlanBytes: a JetStream message holds the whole plan.
const maxPlanBytes = 1000 << 10

// edgeList is what the edges said of themselves last.
type edgeList struct {
	mu    sync.Mutex
	edges map[string]edgeInfo
}

type edgeInfo struct {
	Edge    string
	HeardUs int64
	Epoch   uint64
	Stats   *wire.Stats
}

func (l *edgeList) heard(b *wire.Batch, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.edges == nil {
		l.edges = map[string]edgeInfo{}
	}
	l.edges[b.Edge] = edgeInfo{b.Edge, now, b.Epoch, b.Stats}
}

// list gives the edges by name.
func (l *edgeList) list() []edgeInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]edgeInfo, 0, len(l.edges))
	for _, e := range l.edges {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Edge < list[j].Edge })
	return list
}
