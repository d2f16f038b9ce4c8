package rounds

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

const (
	streamID = 1
	viewID   = 10
)

// cityPlan has the stream dev/{device}/data, whose rows are forwarded, and a view that counts and adds up by device; the
// odd versions have one view more.
func cityPlan(version uint64) *plan.Plan {
	str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Int)}
	device := &plan.Column{Name: "device", Type: str, Key: true}
	column := func(i uint32, t *plan.Type) *plan.Expr {
		return &plan.Expr{Type: t, Node: &plan.Expr_Column{Column: i}}
	}
	view := func(id uint32, name string) *plan.View {
		return &plan.View{Id: id, Name: name, Stream: streamID, PaneUs: paneMs * 1000, WindowUs: paneMs * 1000, Keys: []*plan.Column{device},
			KeyExprs:   []*plan.Expr{column(0, str)},
			Aggregates: []*plan.Aggregate{{Function: "COUNT"}, {Function: "SUM", Argument: column(2, num), ArgumentType: num}}}
	}
	p := &plan.Plan{Version: version, Partitions: 4, Views: []*plan.View{view(viewID, "by_device")},
		Streams: []*plan.Stream{{Id: streamID, Name: "dev", Topic: "dev/{device}/data", Format: "json", Timestamp: 1, DisorderUs: 5e6,
			Position: &plan.Position{}, Columns: []*plan.Column{device, {Name: "ts", Type: &plan.Type{Kind: uint32(value.Timestamp)}}, {Name: "n", Type: num}}}}}
	if version%2 == 1 {
		p.Views = append(p.Views, view(viewID+1, "more"))
	}
	return p
}

// book is what came to JetStream, each (edge, epoch, partition, sequence) counted once.
type book struct {
	layout aggregate.Layout
	conn   *nats.Conn
	js     jetstream.JetStream
	read   uint64 // sequence in JetStream
	last   map[string]uint64
	rows   map[string][]uint8 // by device and number: how often
	panes  map[string]map[int64]tally
	again  int // batches that came again
}

type tally struct{ count, sum int64 }

func newBook(t testing.TB, url string) *book {
	t.Helper()
	b := &book{}
	var err error
	for _, a := range cityPlan(1).Views[0].Aggregates {
		maker, err := plan.State(a)
		if err != nil {
			t.Fatal(err)
		}
		b.layout = append(b.layout, maker)
	}
	if b.conn, err = nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.conn.Close)
	if b.js, err = jetstream.New(b.conn); err != nil {
		t.Fatal(err)
	}
	b.forget()
	return b
}

// forget begins again at the stream's first message.
func (b *book) forget() {
	b.read, b.last, b.rows, b.panes, b.again = 0, map[string]uint64{}, map[string][]uint8{}, map[string]map[int64]tally{}, 0
}

// setUp makes the stream and the bucket, as the core does, and puts a plan.
func (b *book) setUp(t testing.TB) {
	t.Helper()
	b.try(t, func(ctx context.Context) error {
		_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: wire.StreamName, Subjects: []string{wire.StreamSubject},
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowDirect: true, AllowAtomicPublish: true})
		if err == nil {
			_, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.PlanBucket, History: 10})
		}
		return err
	})
	b.put(t, 1)
}

func (b *book) put(t testing.TB, version uint64) {
	t.Helper()
	data, err := proto.Marshal(cityPlan(version))
	if err != nil {
		t.Fatal(err)
	}
	b.try(t, func(ctx context.Context) error {
		bucket, err := b.js.KeyValue(ctx, wire.PlanBucket)
		if err == nil {
			_, err = bucket.Put(ctx, wire.PlanKey, data)
		}
		return err
	})
}

// try asks the server until it answers.
func (b *book) try(t testing.TB, f func(context.Context) error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		err = f(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Fatalf("JetStream: %v", err)
}

// newest is the last sequence in JetStream.
func (b *book) newest(t testing.TB) (last uint64) {
	t.Helper()
	b.try(t, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, wire.StreamName)
		if err == nil {
			last = s.CachedInfo().State.LastSeq
		}
		return err
	})
	return last
}

// catchUp reads what came since, and says what is wrong with it.
func (b *book) catchUp(t testing.TB) (wrong string) {
	t.Helper()
	b.try(t, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, wire.StreamName)
		if err != nil {
			return err
		}
		for last := s.CachedInfo().State.LastSeq; b.read < last && wrong == ""; b.read++ {
			m, err := s.GetMsg(ctx, b.read+1)
			if err != nil {
				return err
			}
			wrong = b.apply(m.Data)
		}
		return nil
	})
	return wrong
}

func (b *book) apply(data []byte) (wrong string) {
	batch, err := wire.Unpack(data)
	if err != nil {
		return err.Error()
	}
	id := fmt.Sprintf("%s/%d/%d", batch.Edge, batch.Epoch, batch.Partition)
	switch last := b.last[id]; {
	case batch.Seq <= last:
		b.again++
		return ""
	case batch.Seq != last+1:
		return fmt.Sprintf("%s: batch %d comes after %d", id, batch.Seq, last)
	}
	b.last[id] = batch.Seq
	for _, r := range batch.Rows {
		rows, err := wire.ReadColumns(r.Columns, int(r.Count), 3)
		if err != nil {
			return err.Error()
		}
		for _, row := range rows {
			device, n := row[0].Text(), int(row[2].Int())
			for len(b.rows[device]) <= n {
				b.rows[device] = append(b.rows[device], 0)
			}
			if b.rows[device][n]++; b.rows[device][n] > 1 {
				return fmt.Sprintf("reading %d of %s came as a row again", n, device)
			}
		}
	}
	for _, d := range batch.Deltas {
		if d.View != viewID {
			continue
		}
		if err := b.add(d); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (b *book) add(d *wire.Deltas) error {
	keys, states := d.Keys, d.States
	for range d.Readings {
		device, rest, err := value.Read(keys)
		if err != nil {
			return err
		}
		keys = rest
		partial := b.layout.New()
		if states, err = partial.Read(states); err != nil {
			return err
		}
		panes := b.panes[device.Text()]
		if panes == nil {
			panes = map[int64]tally{}
			b.panes[device.Text()] = panes
		}
		before := panes[d.PaneUs/1000]
		panes[d.PaneUs/1000] = tally{before.count + partial[0].Result().Int(), before.sum + partial[1].Result().Int()}
	}
	return nil
}

// missing lists the readings of a device that did not come as rows, as ranges.
func (b *book) missing(d *device) (ranges []string) {
	rows, made := b.rows[d.name], d.count()
	for i := 0; i < made; i++ {
		from := i
		for i < made && (i >= len(rows) || rows[i] == 0) {
			i++
		}
		if i > from {
			ranges = append(ranges, fmt.Sprintf("%s %d-%d of %d", d.name, from, i-1, made))
		}
	}
	return ranges
}

// against holds the book against a device's truth: what is missing, and what is there twice.
func (b *book) against(d *device) (lost, twice int, first string) {
	made := d.count()
	note := func(format string, args ...any) {
		if first == "" {
			first = d.name + ": " + fmt.Sprintf(format, args...)
		}
	}
	want := map[int64]tally{}
	for i := range made {
		ms := firstMs + int64(i)*stepMs
		w := want[ms-ms%paneMs]
		want[ms-ms%paneMs] = tally{w.count + 1, w.sum + int64(i)}
		switch rows := b.rows[d.name]; {
		case i >= len(rows) || rows[i] == 0:
			lost++
			note("reading %d of %d did not come as a row", i, made)
		case rows[i] > 1:
			twice++
			note("reading %d came as a row %d times", i, rows[i])
		}
	}
	if len(b.rows[d.name]) > made {
		note("%d readings came as rows, and %d were made", len(b.rows[d.name]), made)
		twice++
	}
	for start, w := range want {
		if got := b.panes[d.name][start]; got != w {
			lost, twice = lost+int(max(0, w.count-got.count)), twice+int(max(0, got.count-w.count))
			note("the pane at %d holds %+v, want %+v", (start-firstMs)/1000, got, w)
			if got.count == w.count {
				lost++
			}
		}
	}
	if len(b.panes[d.name]) > len(want) {
		note("%d panes, want %d", len(b.panes[d.name]), len(want))
		twice++
	}
	return lost, twice, first
}
