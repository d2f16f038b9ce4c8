package publish

import (
	"context"
	"fmt"
	"hash/maphash"

	"golang.org/x/sync/errgroup"
)

// Fleet spreads messages over several connections by topic, so that each device's messages stay in order.
type Fleet struct {
	members []*Publisher
	seed    maphash.Seed
}

// NewFleet makes n connections of one Config, numbered behind its ClientID.
func NewFleet(cfg Config, n int) *Fleet {
	f := &Fleet{seed: maphash.MakeSeed()}
	for i := range max(1, n) {
		c := cfg
		c.ClientID = fmt.Sprintf("%s-%d", cfg.ClientID, i+1)
		f.members = append(f.members, New(c))
	}
	return f
}

// Publish on the connection of the message's topic.
func (f *Fleet) Publish(ctx context.Context, m Message) error {
	i := maphash.String(f.seed, m.Topic) % uint64(len(f.members))
	return f.members[i].Publish(ctx, m)
}

// Member is one connection, by number from 0; for callers that spread by themselves.
func (f *Fleet) Member(i int) *Publisher { return f.members[i%len(f.members)] }

// Size is the number of connections.
func (f *Fleet) Size() int { return len(f.members) }

// Close says that no Publish follows.
func (f *Fleet) Close() {
	for _, p := range f.members {
		p.Close()
	}
}

// Run all connections until each is done; the first error ends the others.
func (f *Fleet) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range f.members {
		g.Go(func() error { return p.Run(ctx) })
	}
	return g.Wait()
}

// Counts of all connections.
func (f *Fleet) Counts() Counts {
	var sum Counts
	for _, p := range f.members {
		c := p.Counts()
		sum.Published += c.Published
		sum.Acked += c.Acked
		sum.Resent += c.Resent
		sum.Reconnects += c.Reconnects
	}
	return sum
}
