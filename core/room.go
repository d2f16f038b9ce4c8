package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/bus"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/edge/space"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// room is the core's guard over its disk. Below state.reserve_bytes nothing is applied, and JetStream, where it is in this process and so on this disk, takes
// nothing: edges keep what they have, and when their own disks are full, devices keep theirs. In one process with an edge, the edge's reserve,
// which is larger, stops the devices first.
type room struct {
	*space.Guard
	core   *Core
	closed bool // JetStream takes nothing
	unsure bool // whether it does: it was told, and could not write that down
}

// measureEvery is how often the free space is measured.
const measureEvery = 200 * time.Millisecond

func (c *Core) openRoom(dir string) {
	c.room = &room{core: c, Guard: space.New(dir, c.cfg.State.ReserveBytes, "nothing is applied until there is room; edges and devices hold theirs", "batches are applied", c.log)}
	c.room.Look()
}

// open waits until there is enough to open the store and JetStream with, or ctx ends. Anything above that serves, though it applies nothing.
func (r *room) open(ctx context.Context) error {
	for r.Full() && r.Free() < r.core.cfg.State.ReserveBytes/4 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for room on the disk: %w", ctx.Err())
		case <-time.After(measureEvery):
		}
		r.Look()
	}
	return nil
}

// disk is the file system of the state: a write that finds no block is done again with the ballast's.
func (r *room) disk() vfs.FS { return vfs.OnDiskFull(vfs.Default, r.GiveUp) }

func (r *room) full() bool { return r != nil && r.Full() }

// run measures, and opens and closes JetStream.
func (r *room) run(ctx context.Context) error {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		r.Look()
		if full := r.Full(); r.core.nats != nil && (full != r.closed || r.unsure) {
			try, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := r.core.limitStream(try, full)
			cancel()
			if errors.Is(err, bus.ErrStuck) {
				return err
			}
			if err != nil && !r.unsure && ctx.Err() == nil {
				r.core.log.Error("JetStream could not be told of the disk; trying again", "full", full, "error", err)
			}
			r.closed, r.unsure = full, err != nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// limitStream lets the stream take nothing more than it has, or again as much as is configured.
func (c *Core) limitStream(ctx context.Context, full bool) error {
	if !full {
		c.log.Info("NATS starts anew, as what it could not write it does not forget")
		again, err := bus.Restart(c.nats, c.natsListen, c.natsDir, c.log)
		if err != nil {
			return err
		}
		c.nats = again
	}
	info, err := c.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	limit := c.cfg.NATS.StreamBytes
	if full {
		limit = int64(max(1, info.State.Bytes))
	}
	info.Config.MaxBytes = limit
	js, err := jetstream.New(c.conn)
	if err == nil {
		_, err = js.UpdateStream(ctx, info.Config)
	}
	if err != nil {
		return fmt.Errorf("set the stream's limit to %d bytes: %w", limit, err)
	}
	return nil
}

// check is the readiness check.
func (r *room) check() error {
	if r.Full() {
		return fmt.Errorf("the disk is full: %d bytes are free, below state.reserve_bytes (%d): free some space, and it resumes by itself", r.Free(), r.core.cfg.State.ReserveBytes)
	}
	return nil
}

// spare refuses what would take of the reserve: an edit that adds something. What deletes is not asked.
func (r *room) spare() error {
	if !r.full() {
		return nil
	}
	return &api.RequestError{Status: http.StatusInsufficientStorage, Message: "nothing was changed: " + r.check().Error()}
}

func (r *room) register(m prometheus.Registerer) {
	gauge := func(name, help string, f func() float64) {
		m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	gauge("hexpane_core_state_full", "1 while nothing is applied since the disk is full.", func() float64 {
		if r.Full() {
			return 1
		}
		return 0
	})
	gauge("hexpane_core_state_free_bytes", "Free space on the disk, beside the ballast.", func() float64 { return float64(r.Free()) })
	gauge("hexpane_core_state_ballast_bytes", "Blocks kept for when the disk runs out; 0: given up.", func() float64 { return float64(r.Ballast()) })
}

// roomy is the queue of what leaves the core, which drops what has left when there is room to.
type roomy struct {
	*state.Store
	room     *room
	stopping <-chan struct{}
}

var _, _ = influx.Queue(roomy{}), notify.Queue(roomy{})

// EffectsDone drops points that have left. At the end, on a full disk, it drops none: they leave again, which changes nothing.
func (r roomy) EffectsDone(partition uint32, from, to uint64) error {
	if !r.wait() {
		return nil
	}
	return r.Store.EffectsDone(partition, from, to)
}

// DropNotices drops notices that have left.
func (r roomy) DropNotices(keys [][]byte) error {
	if !r.wait() {
		return nil
	}
	return r.Store.DropNotices(keys)
}

func (r roomy) wait() bool {
	for r.room.full() {
		select {
		case <-r.stopping:
			return false
		case <-time.After(measureEvery):
		}
	}
	return true
}
