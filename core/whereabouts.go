package core

import (
	"cmp"
	"slices"
	"sync"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/protocol/value"
)

// whereabouts is which devices are in which fence now, over all partitions, as of their commits.
type whereabouts struct {
	hub *live.Hub

	mu       sync.Mutex
	of       map[deviceOf][]string // fences
	in       map[string]map[deviceOf]struct{}
	versions map[string]uint64 // of the fences there are
	changes  int64
}

// deviceOf is a device of a stream.
type deviceOf struct {
	Stream string `json:"stream"`
	Device string `json:"device"`
}

func newWhereabouts(hub *live.Hub) *whereabouts {
	return &whereabouts{hub: hub, of: map[deviceOf][]string{}, in: map[string]map[deviceOf]struct{}{}, versions: map[string]uint64{}}
}

// insideTopic tells how many are in each fence, and which version of it counts; 0: it is deleted.
const insideTopic = "inside:fences"

var insideColumns = []live.Column{{Name: "fence", Kind: value.String}, {Name: "inside", Kind: value.Int}, {Name: "version", Kind: value.Int}}

// moved is that a device is in these fences now.
type moved struct {
	device deviceOf
	fences []string
}

// take notes who went where, and tells viewers.
func (w *whereabouts) take(list []moved) {
	if len(list) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := map[string]bool{}
	for _, m := range list {
		before := w.of[m.device]
		for _, id := range before {
			if !slices.Contains(m.fences, id) {
				delete(w.in[id], m.device)
				if len(w.in[id]) == 0 {
					delete(w.in, id)
				}
				changed[id] = true
			}
		}
		for _, id := range m.fences {
			if !slices.Contains(before, id) {
				if w.in[id] == nil {
					w.in[id] = map[deviceOf]struct{}{}
				}
				w.in[id][m.device] = struct{}{}
				changed[id] = true
			}
		}
		if w.of[m.device] = m.fences; len(m.fences) == 0 {
			delete(w.of, m.device)
		}
	}
	var rows []live.Row
	for id := range changed {
		if w.versions[id] > 0 {
			rows = append(rows, w.row(id))
		}
	}
	w.put(rows)
}

// fences notes new ones, and new versions.
func (w *whereabouts) fences(list []*fence.Feature) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []live.Row
	for _, f := range list {
		w.versions[f.ID] = f.Version
		rows = append(rows, w.row(f.ID))
	}
	w.put(rows)
}

// gone notes that fences are deleted. Viewers know it by a row without a version, which stays with the topic.
func (w *whereabouts) gone(ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []live.Row
	for _, id := range ids {
		delete(w.versions, id)
		rows = append(rows, w.row(id))
	}
	w.put(rows)
}

func (w *whereabouts) row(id string) live.Row {
	w.changes++
	return live.Row{Key: id, Order: w.changes, Values: []value.Value{value.OfString(id), value.OfInt(int64(len(w.in[id]))), value.OfInt(int64(w.versions[id]))}}
}

func (w *whereabouts) put(rows []live.Row) {
	w.hub.Topic(insideTopic, insideColumns, true).Put(rows, 0, false)
}

func (w *whereabouts) count(fence string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.in[fence])
}

// inside gives the devices in a fence, in order.
func (w *whereabouts) inside(fence string) []deviceOf {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]deviceOf, 0, len(w.in[fence]))
	for d := range w.in[fence] {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b deviceOf) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Device, b.Device))
	})
	return list
}

// forget drops all devices of a stream.
func (w *whereabouts) forget(stream string) {
	w.mu.Lock()
	var list []moved
	for d := range w.of {
		if d.Stream == stream {
			list = append(list, moved{device: d})
		}
	}
	w.mu.Unlock()
	w.take(list)
}

// devices is how many are in some fence.
func (w *whereabouts) devices() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.of)
}
