package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
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
			if plan.Strange(p) {
				e.line.refuse(p.Version, errLater)
				continue
			}
			next, err := fetch(ctx, js, p)
			if err != nil { // they may be gone already, with a newer plan on its way
				if ctx.Err() == nil {
					e.line.refuse(p.Version, err)
				}
				return err
			}
			select {
			case e.line.plans <- next:
			case <-ctx.Done():
				return nil
			}
			if e.sub != nil {
				e.resubscribe(p.Version)
			}
		}
	}
}

var errLater = errors.New("it was made by a later version of hexpane, which says things that this edge does not know; update the edge")

// fetch gets the contents of the tables that a plan's views join. A table's contents are asked for again with each plan: plans
// change rarely, and what is at hand is then never something else than what the plan says.
func fetch(ctx context.Context, js jetstream.JetStream, p *plan.Plan) (adoption, error) {
	next := adoption{plan: p}
	joined := reference.Joined(p)
	if len(joined) == 0 {
		return next, nil
	}
	next.contents, next.packed = map[uint32]*reference.Table{}, map[string][]byte{}
	objects, err := js.ObjectStore(ctx, wire.TableStore)
	if err != nil {
		return next, fmt.Errorf("store %s: %w", wire.TableStore, err)
	}
	for _, def := range joined {
		packed, err := objects.GetBytes(ctx, def.Contents)
		if err != nil {
			return next, fmt.Errorf("contents of table %s: %w", def.Name, err)
		}
		if next.contents[def.Id], err = reference.Decode(def, packed); err != nil {
			return next, err
		}
		next.packed[def.Contents] = packed
	}
	return next, nil
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
