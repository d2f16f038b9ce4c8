package core

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/local"
	"github.com/hexpane/hexpane/protocol/plan"
)

// disk is the core's state as local sees it.
type disk struct{ *state.Store }

func (d disk) Now() local.Moment { return d.Snapshot() }

func (d disk) Begin() local.Change { return d.Store.Begin() }

// openRollups finds the levels on disk.
func (c *Core) openRollups(step func(done string)) (err error) {
	levels, err := local.ParseLevels(c.cfg.History.Rollups)
	if err != nil {
		return fmt.Errorf("history.rollups: %w", err)
	}
	c.rollups, err = local.New(local.Config{Levels: levels, MaxBytes: c.cfg.History.MaxBytes, Split: merge.Split, Step: step}, disk{c.store})
	return err
}

// rollEvery is how often windows are looked for that are final and not rolled up.
const rollEvery = time.Second

// rollUp rolls up windows that are final, and deletes what is too old or too much, until ctx ends. After each commit it rests, for as long as leaves
// readings the share of a processor that history.effort does not take.
func (c *Core) rollUp(ctx context.Context) error {
	if c.cfg.History.Rollups == "" {
		return nil
	}
	tick := time.NewTicker(rollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := c.rollAll(ctx, func(took time.Duration) {
			rest := time.Duration(float64(took) * (100/float64(c.cfg.History.Effort) - 1))
			select {
			case <-ctx.Done():
			case <-time.After(rest):
			}
		}); err != nil {
			return err
		}
	}
}

// rollAll does all that there is to do now. An error is of the disk; what can't be read is told, and left as it is.
func (c *Core) rollAll(ctx context.Context, rest func(took time.Duration)) error {
	p := c.catalog.plan()
	defined := map[uint32]*plan.View{}
	for _, v := range p.Views {
		defined[v.Id] = v
	}
	if err := c.rollups.Forget(func(view uint32) bool { return defined[view] != nil }); err != nil {
		return err
	}
	for _, v := range p.Views {
		for _, part := range c.partitions {
			for ctx.Err() == nil && !c.room.full() { // what is deleted below makes room, a rollup takes some first
				began := time.Now()
				did, err := c.rollups.Roll(v, part.id, part.final(v))
				if err != nil {
					c.m.rollupErrors.Inc()
					c.log.Error("windows are not rolled up any more, and kept as they are, until the core starts again", "view", v.Name, "partition", part.id, "error", err)
				}
				if !did {
					break
				}
				rest(time.Since(began))
			}
			if watermark, ok := part.output(v.Id); ok {
				if err := c.rollups.Trim(v, part.id, watermark); err != nil {
					return err
				}
			}
		}
	}
	dropped, err := c.rollups.Shed(p.Views)
	for _, d := range dropped {
		v := defined[d.View]
		c.m.rollupsDropped.WithLabelValues(v.Name, local.Name(d.Size)).Add(float64(d.Bytes))
		c.log.Warn("rollups are more than history.max_bytes: the oldest of the finest are dropped", "view", v.Name, "level", local.Name(d.Size),
			"from", time.UnixMicro(d.From).UTC(), "to", time.UnixMicro(d.To).UTC(), "bytes", d.Bytes, "windows", d.Windows)
	}
	c.rollupMetrics(p)
	return err
}

func (c *Core) rollupMetrics(p *plan.Plan) {
	c.m.rollupBytes.Reset()
	c.m.rollupWindows.Reset()
	for _, u := range c.rollups.Usage() {
		for _, v := range p.Views {
			if v.Id == u.View {
				c.m.rollupBytes.WithLabelValues(v.Name, local.Name(u.Size)).Set(float64(u.Bytes))
				c.m.rollupWindows.WithLabelValues(v.Name, local.Name(u.Size)).Set(float64(u.Windows))
			}
		}
	}
	c.m.rollupLag.Reset()
	for _, v := range p.Views {
		lag := int64(0)
		for _, part := range c.partitions {
			if to, final := c.rollups.Rolled(v, part.id), part.final(v); to != math.MaxInt64 && to != math.MinInt64 && final != math.MinInt64 {
				lag = max(lag, final-to)
			}
		}
		if c.rollups.Rolled(v, 0) != math.MaxInt64 {
			c.m.rollupLag.WithLabelValues(v.Name).Set(float64(lag) / 1e6)
		}
	}
}

// final is the time before which a view's windows have ended and change no more, as of the last commit; math.MinInt64: none.
func (p *partition) final(v *plan.View) int64 {
	us, ok := p.output(v.Id)
	if !ok || us <= dawn+v.GraceUs {
		return math.MinInt64
	}
	return us - v.GraceUs
}
