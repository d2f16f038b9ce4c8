package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/geo/polygon"
	"github.com/hexpane/hexpane/protocol/plan"
)

// fenceBook holds the fences in force. An edit is on disk before it counts; partitions take it over at their next turn, and tell whom it lets out.
type fenceBook struct {
	cfg     *Config
	log     *slog.Logger
	store   *state.Store
	catalog *catalog
	room    *room // nil: in tests without
	where   *whereabouts
	wake    func() // has all partitions turn
	clock   func() time.Time
	current atomic.Pointer[edition]

	mu   sync.Mutex // one edit at a time
	last uint64     // the version given last
}

// edition is the fences at some time. It is never changed.
type edition struct {
	at       int64 // clock time of the edit that made it, ms since 1970
	features map[string]*fence.Feature
	all      *fence.Set            // those that are for all streams
	sets     map[string]*fence.Set // with those that name a stream, by stream
}

// of gives the fences of a stream.
func (e *edition) of(stream string) *fence.Set {
	if s := e.sets[stream]; s != nil {
		return s
	}
	return e.all
}

// with gives the next edition: put instead of those of the same ids, and without drop.
func (e *edition) with(put []*fence.Feature, drop []string, at int64) *edition {
	next := &edition{at: at, features: maps.Clone(e.features), sets: map[string]*fence.Set{}}
	gone := slices.Clone(drop)
	for _, id := range drop {
		delete(next.features, id)
	}
	streams := map[string]bool{}
	for s := range e.sets {
		streams[s] = true
	}
	for _, f := range put {
		next.features[f.ID] = f
		gone = append(gone, f.ID)
		for _, s := range f.Streams {
			streams[s] = true
		}
	}
	apply := func(set *fence.Set, stream string) *fence.Set {
		var wanted []fence.Fence
		stays := map[string]bool{}
		for _, f := range put {
			if len(f.Streams) == 0 || slices.Contains(f.Streams, stream) {
				wanted, stays[f.ID] = append(wanted, f.Fence), true
			}
		}
		absent := slices.DeleteFunc(slices.Clone(gone), func(id string) bool {
			_, there := set.Get(id)
			return !there || stays[id]
		})
		if len(absent) > 0 {
			set = set.Without(absent...)
		}
		if len(wanted) > 0 {
			set = set.With(wanted...)
		}
		return set
	}
	next.all = apply(e.all, "")
	for s := range streams {
		next.sets[s] = apply(e.of(s), s)
	}
	return next
}

// openFences reads the fences there are.
func openFences(cfg *Config, store *state.Store, catalog *catalog, where *whereabouts, log *slog.Logger) (*fenceBook, error) {
	b := &fenceBook{cfg: cfg, log: log, store: store, catalog: catalog, where: where, wake: func() {}, clock: time.Now}
	var list []*fence.Feature
	var err error
	b.last, err = store.Fences(func(id string, version uint64, text []byte) error {
		f, err := fence.ParseFeature(id, text, polygon.Limits{Vertices: 1 << 30}) // it was taken once
		if err != nil {
			return fmt.Errorf("fence %q: %w", id, err)
		}
		f.Version = version
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read fences: %w", err)
	}
	b.current.Store((&edition{all: new(fence.Set)}).first(list))
	where.fences(list)
	return b, nil
}

func (e *edition) first(list []*fence.Feature) *edition {
	e.features = map[string]*fence.Feature{}
	return e.with(list, nil, time.Now().UnixMilli())
}

// reconcile brings the plan up to the fences, of a core that was killed between the two.
func (b *fenceBook) reconcile(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.catalog.refence(ctx, b.current.Load().features)
}

// forPlan gives the fences to statements that name some.
func (b *fenceBook) forPlan() []*plan.Fence {
	features := b.current.Load().features
	list := make([]*plan.Fence, 0, len(features))
	for id, f := range features {
		list = append(list, &plan.Fence{Id: id, Shape: string(f.Shape.GeoJSON())})
	}
	return list
}

// edit puts and deletes fences, all or none.
func (b *fenceBook) edit(ctx context.Context, put []*fence.Feature, drop []string) error {
	if err := b.room.spare(); err != nil && len(put) > 0 {
		return err
	}
	now := b.current.Load()
	added := 0
	for _, f := range put {
		if now.features[f.ID] == nil {
			added++
		}
	}
	if n := len(now.features) + added; n > b.cfg.Fences.Max {
		return &api.RequestError{Status: 400, Message: fmt.Sprintf("there would be %d fences, and at most %d may be (fences.max)", n, b.cfg.Fences.Max)}
	}
	for _, id := range drop {
		if users := sql.FenceUsers(b.catalog.plan(), id); len(users) > 0 {
			return &api.RequestError{Status: 409, Message: fmt.Sprintf("fence %q stands in %s; drop that first", id, users[0])}
		}
	}
	tx := b.store.Begin()
	last := b.last
	for _, f := range put {
		last++
		f.Version = last
		text, err := f.GeoJSON(nil)
		if err != nil {
			return errors.Join(err, tx.Discard())
		}
		tx.Fence(f.ID, f.Version, text)
	}
	for _, id := range drop {
		last++
		tx.DropFence(id)
	}
	tx.FenceVersion(last)
	next := now.with(put, drop, b.clock().UnixMilli())
	if err := b.catalog.refence(ctx, next.features); err != nil {
		return errors.Join(err, tx.Discard())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	b.last = last
	b.current.Store(next)
	b.where.fences(put)
	b.where.gone(drop)
	b.wake()
	return nil
}

// errNoFence says what to do.
func errNoFence(id string) error {
	return &api.RequestError{Status: 404, Message: fmt.Sprintf("there is no fence %q; GET /api/v1/fences lists them", id)}
}

// matches checks If-Match: a version in quotes.
func matches(id string, f *fence.Feature, want string) error {
	if want == "" || want == "*" && f != nil {
		return nil
	}
	if f == nil || want != etag(f) {
		return &api.RequestError{Status: 412, Message: fmt.Sprintf("fence %q was changed meanwhile; get it again", id)}
	}
	return nil
}

func etag(f *fence.Feature) string { return fmt.Sprintf("%q", fmt.Sprint(f.Version)) }

func (b *fenceBook) limits() polygon.Limits {
	return polygon.Limits{Vertices: b.cfg.Fences.MaxVertices}
}

// refused makes what is wrong with a fence the client's fault.
func refused(err error) error { return &api.RequestError{Status: 400, Message: err.Error()} }

// Fences gives all as a FeatureCollection.
func (b *fenceBook) Fences() ([]byte, error) {
	features := b.current.Load().features
	list := make([]json.RawMessage, 0, len(features))
	for _, id := range slices.Sorted(maps.Keys(features)) {
		text, err := b.show(features[id])
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return collection(list)
}

func collection(list []json.RawMessage) ([]byte, error) {
	return json.Marshal(map[string]any{"type": "FeatureCollection", "features": list})
}

func (b *fenceBook) show(f *fence.Feature) ([]byte, error) {
	return f.GeoJSON(map[string]any{"inside": b.where.count(f.ID)})
}

// Fence gives one, and its version as an ETag.
func (b *fenceBook) Fence(id string) (text []byte, tag string, err error) {
	f := b.current.Load().features[id]
	if f == nil {
		return nil, "", errNoFence(id)
	}
	text, err = b.show(f)
	return text, etag(f), err
}

// PutFence sets one.
func (b *fenceBook) PutFence(ctx context.Context, id string, body []byte, ifMatch string) (text []byte, tag string, created bool, err error) {
	f, err := fence.ParseFeature(id, body, b.limits())
	if err != nil {
		return nil, "", false, refused(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.current.Load().features[id]
	if err := matches(id, old, ifMatch); err != nil {
		return nil, "", false, err
	}
	if err := b.edit(ctx, []*fence.Feature{f}, nil); err != nil {
		return nil, "", false, err
	}
	text, err = b.show(f)
	return text, etag(f), old == nil, err
}

// DeleteFence deletes one.
func (b *fenceBook) DeleteFence(ctx context.Context, id, ifMatch string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.current.Load().features[id]
	if f == nil {
		return errNoFence(id)
	}
	if err := matches(id, f, ifMatch); err != nil {
		return err
	}
	return b.edit(ctx, nil, []string{id})
}

// readFile sets the fences of a file that are not there yet.
func (b *fenceBook) readFile(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("fences.file: %w", err)
	}
	list, err := b.read(text)
	if err != nil {
		return fmt.Errorf("fences.file %s: %w", file, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.current.Load().features
	if list = slices.DeleteFunc(list, func(f *fence.Feature) bool { return now[f.ID] != nil }); len(list) == 0 {
		return nil
	}
	return b.edit(ctx, list, nil)
}

// read reads a FeatureCollection or a Feature.
func (b *fenceBook) read(body []byte) ([]*fence.Feature, error) {
	var given struct {
		Type     string            `json:"type"`
		Features []json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, refused(fmt.Errorf("this is not GeoJSON: %w", err))
	}
	switch given.Type {
	case "FeatureCollection":
	case "Feature":
		given.Features = []json.RawMessage{body}
	default:
		return nil, refused(fmt.Errorf("a FeatureCollection or a Feature is wanted, not %q", given.Type))
	}
	list := make([]*fence.Feature, len(given.Features))
	seen := map[string]bool{}
	for i, text := range given.Features {
		f, err := fence.ParseFeature("", text, b.limits())
		if err == nil && seen[f.ID] {
			err = fmt.Errorf("the id %q comes twice", f.ID)
		}
		if err != nil {
			return nil, refused(fmt.Errorf("feature %d: %w", i+1, err))
		}
		list[i], seen[f.ID] = f, true
	}
	return list, nil
}

// ImportFences sets all of a FeatureCollection, or none, and gives them as they are now.
func (b *fenceBook) ImportFences(ctx context.Context, body []byte) ([]byte, error) {
	list, err := b.read(body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(list) > 0 {
		if err := b.edit(ctx, list, nil); err != nil {
			return nil, err
		}
	}
	texts := make([]json.RawMessage, len(list))
	for i, f := range list {
		var err error
		if texts[i], err = b.show(f); err != nil {
			return nil, err
		}
	}
	return collection(texts)
}

// InsideFence gives who is in a fence now.
func (b *fenceBook) InsideFence(id string) (any, error) {
	if b.current.Load().features[id] == nil {
		return nil, errNoFence(id)
	}
	devices := b.where.inside(id)
	return map[string]any{"fence": id, "count": len(devices), "devices": devices}, nil
}
