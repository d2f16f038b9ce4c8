package edge

import (
	"errors"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/edge/dedupe"
	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"google.golang.org/protobuf/proto"
)

// adoption is a plan with what it needs.
type adoption struct {
	plan     *plan.Plan
	contents map[uint32]*reference.Table // of the tables that its views join, by id
	packed   map[string][]byte           // the same as they came, by name
}

// adopt switches to a plan. Everything was cut before, so the journal is empty and a replay will run under the new one.
func (l *line) adopt(next adoption) error {
	p := next.plan
	if l.plan != nil && p.Version <= l.plan.Version {
		return nil
	}
	crash.Here("adopt.cut")
	if err := l.install(p, next.contents); err != nil {
		return err
	}
	crash.Here("adopt.installed")
	data, err := proto.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if err := l.store.SetPlan(data, next.packed); err != nil {
		return err
	}
	crash.Here("adopt.kept")
	l.refused.Store(nil)
	l.log.Info("plan adopted", "version", p.Version, "streams", len(p.Streams), "views", len(p.Views))
	return nil
}

// refuse notes, for this edge's log and the core's list of edges, why a plan does not run here. The old one goes on.
func (l *line) refuse(version uint64, why error) {
	text := excerpt(fmt.Sprintf("plan %d: %s", version, why))
	if last := l.refused.Swap(&text); last != nil && *last == text {
		return
	}
	l.m.plansRefused.Inc()
	l.log.Error("a new plan can't run here; going on with the old one", "version", version, "error", why)
}

// install compiles a plan and keeps what is known of the streams that stay.
func (l *line) install(p *plan.Plan, contents map[uint32]*reference.Table) error {
	table, err := pane.New(p, contents)
	if err != nil {
		return err
	}
	sources := map[uint32]*source{}
	var list []*source
	for _, def := range p.Streams {
		s := l.sources[def.Id]
		if s == nil {
			if s, err = l.newSource(def); err != nil {
				return err
			}
		}
		sources[def.Id] = s
		list = append(list, s)
	}
	r, err := newRouter(list)
	if err != nil {
		return err
	}
	l.plan, l.contents, l.table, l.sources = p, contents, table, sources
	l.router.Store(r)
	l.version.Store(p.Version)
	l.m.planVersion.Set(float64(p.Version))
	return nil
}

func (l *line) newSource(def *plan.Stream) (*source, error) {
	d, err := payload.New(def)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", def.Name, err)
	}
	template, err := payload.ParseTemplate(def.Topic)
	if err != nil {
		return nil, fmt.Errorf("stream %s: topic %q: %w", def.Name, def.Topic, err)
	}
	s := &source{def: def, decoder: d, template: template, taken: l.m.readings.WithLabelValues(def.Name), watermark: pane.Watermark{Disorder: def.DisorderUs,
		MaxFuture: l.cfg.Time.MaxFuture.Microseconds(), IdleAfter: l.cfg.Time.Idle.Microseconds()}, refuseFuture: l.cfg.Time.Future == "reject"}
	if def.Dedupe != "none" {
		s.seen = dedupe.New(l.cfg.Dedupe.Horizon.Microseconds(), l.cfg.Dedupe.Limit)
	}
	return s, nil
}

// recover brings back what the store holds: plan, dedupe marks, watermarks, and the journal, folded again.
func (l *line) recover() error {
	data, err := l.store.Plan()
	if err != nil || data == nil {
		return err
	}
	p := new(plan.Plan)
	if err := proto.Unmarshal(data, p); err != nil {
		return fmt.Errorf("read the plan kept: %w", err)
	}
	contents := map[uint32]*reference.Table{}
	for _, def := range reference.Joined(p) {
		packed, err := l.store.Contents(def.Contents)
		if err != nil {
			return err
		}
		if contents[def.Id], err = reference.Decode(def, packed); err != nil {
			return fmt.Errorf("read the plan kept: %w", err)
		}
	}
	if err := l.install(p, contents); err != nil {
		return fmt.Errorf("install the plan kept: %w", err)
	}
	now := time.Now().UnixMicro()
	watermarks, err := l.store.Watermarks()
	if err != nil {
		return err
	}
	l.sent = watermarks
	for id, s := range l.sources {
		if us, ok := watermarks[id]; ok {
			s.watermark.Restore(us, now)
		}
	}
	err = l.store.Marks(func(m store.Marks) {
		if s := l.sources[m.Stream]; s != nil && s.seen != nil {
			s.seen.Load(dedupe.Mark{Generation: m.Bucket, Hashes: m.Hashes})
		}
	})
	if err != nil {
		return err
	}
	return l.replay(p, now)
}

// replay folds the journal, each layer of it into a table of its own. Its dedupe marks are known at once, and the store's once it is
// settled what becomes of the readings.
func (l *line) replay(p *plan.Plan, now int64) error {
	table, all := l.table, 0
	defer func() { l.table = table }()
	var failed error
	err := l.store.Replay(func(m store.Message, rowsCut bool, layer int) {
		for len(l.heritage) <= layer {
			t, err := pane.New(p, l.contents)
			if err != nil {
				failed = err
				return
			}
			l.heritage = append(l.heritage, inheritance{table: t})
		}
		crash.Here("recover.replaying")
		all++
		if l.table = table; layer >= 0 {
			l.heritage[layer].messages++
			l.table = l.heritage[layer].table
		}
		l.take(m, now, !rowsCut)
	})
	for id, s := range l.sources {
		if s.seen == nil {
			continue
		}
		marks, _ := s.seen.Take()
		for _, m := range marks {
			l.inherited = append(l.inherited, store.Marks{Stream: id, Bucket: m.Generation, Hashes: m.Hashes})
		}
	}
	if err = errors.Join(err, failed); err == nil && all > 0 {
		l.log.Info("journal replayed", "messages", all)
		crash.Here("recover.replayed")
	}
	return err
}
