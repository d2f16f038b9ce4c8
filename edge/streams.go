package edge

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hexpane/hexpane/edge/dedupe"
	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/prometheus/client_golang/prometheus"
)

// source is one stream at work on this edge.
type source struct {
	def          *plan.Stream
	decoder      *payload.Decoder
	seen         *dedupe.Set // nil: dedupe = 'none'
	forgotten    int64       // what of seen the store was last told to forget
	watermark    pane.Watermark
	counters     sourceCounters
	refuseFuture bool               // time.future: reject
	taken        prometheus.Counter // accepted readings
	shown        shown              // what /status needs beside

	template *payload.Template // these two are for any goroutine, as def is
	readers  sync.Pool         // of *reader, for what is posted
}

type sourceCounters struct{ readings, rejected, duplicates, future, skipped uint64 }

// router finds the streams that read a topic. It is made once per plan and safe for concurrent use.
type router struct {
	templates []*payload.Template
	sources   []*source
	mu        sync.RWMutex
	known     map[string][]*source // by topic
}

// maxKnownTopics bounds the router's memory; topics past it are matched anew each time.
const maxKnownTopics = 200_000

func newRouter(sources []*source) (*router, error) {
	r := &router{sources: sources, known: map[string][]*source{}}
	for _, s := range sources {
		t, err := payload.ParseTemplate(s.def.Topic)
		if err != nil {
			return nil, fmt.Errorf("stream %s: topic %q: %w", s.def.Name, s.def.Topic, err)
		}
		r.templates = append(r.templates, t)
	}
	return r, nil
}

func (r *router) find(topic string) []*source {
	r.mu.RLock()
	found, ok := r.known[topic]
	r.mu.RUnlock()
	if ok {
		return found
	}
	for i, t := range r.templates {
		if _, ok := t.Match(topic, nil); ok {
			found = append(found, r.sources[i])
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) < maxKnownTopics {
		r.known[strings.Clone(topic)] = found // not a part of a message
	}
	return found
}

// filters are the MQTT filters of all streams, without those that another one covers: a broker may send a message once for each
// filter that matches.
func (r *router) filters() []string {
	var filters []string
	for _, t := range r.templates {
		f := t.Filter()
		if slices.ContainsFunc(filters, func(other string) bool { return covers(other, f) }) {
			continue
		}
		filters = append(slices.DeleteFunc(filters, func(other string) bool { return covers(f, other) }), f)
	}
	return filters
}

// covers reports whether filter a matches every topic that b does.
func covers(a, b string) bool {
	if strings.HasPrefix(b, "$") && !strings.HasPrefix(a, "$") {
		return false // wildcards at the start do not match these
	}
	left, right := strings.Split(a, "/"), strings.Split(b, "/")
	for i, level := range left {
		switch {
		case level == "#":
			return true
		case i == len(right) || right[i] == "#" || level != "+" && level != right[i]:
			return false
		}
	}
	return len(left) == len(right)
}
