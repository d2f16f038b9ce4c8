package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// watchPlans hands each new plan to the line, until ctx ends. With no core in reach the edge goes on with the plan it kept.
func (e *Edge) watchPlans(ctx context.Context) error {
	js, err := jetstream.New(e.conn)
	if err != nil {
		return fmt.Errorf("plan bucket: %w", err)
	}
	for first := true; ctx.Err() == nil; first = false {
		if err := e.followPlans(ctx, js); err != nil && ctx.Err() == nil && first {
			e.log.Info("waiting for the core's plans", "bucket", wire.PlanBucket, "reason", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return nil
}

func (e *Edge) followPlans(ctx context.Context, js jetstream.JetStream) error {
	bucket, err := js.KeyValue(ctx, wire.PlanBucket)
	if err != nil {
		return err
	}
	watcher, err := bucket.Watch(ctx, wire.PlanKey)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }() // the connection is going, or ctx ended: nothing to tell
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, open := <-watcher.Updates():
			if !open {
				return fmt.Errorf("bucket %s: the watch ended", wire.PlanBucket)
			}
			if entry == nil {
				continue
			}
			p := new(plan.Plan)
			if err := proto.Unmarshal(entry.Value(), p); err != nil {
				e.log.Error("unreadable plan; going on with the old one", "revision", entry.Revision(), "error", err)
				continue
			}
			select {
			case e.line.plans <- p:
			case <-ctx.Done():
				return nil
			}
			if e.sub != nil {
				e.resubscribe(p.Version)
			}
		}
	}
}

// resubscribe waits for the line to have adopted a plan, then reads its topics.
func (e *Edge) resubscribe(version uint64) {
	for range 500 {
		if e.line.version.Load() >= version {
			e.sub.Topics(e.line.router.Load().filters())
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
