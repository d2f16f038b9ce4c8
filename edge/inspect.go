package edge

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// Inspection is what an edge's disk holds.
type Inspection struct {
	Dir         string              `json:"dir"`
	Epoch       uint64              `json:"epoch"`
	PlanVersion uint64              `json:"plan_version"` // 0: none yet
	Streams     []InspectedStream   `json:"streams"`
	Views       []InspectedView     `json:"views"`
	Journal     InspectedJournal    `json:"journal"`
	Outbox      InspectedOutbox     `json:"outbox"`
	Held        InspectedHeld       `json:"held"`
	Sequences   []InspectedSequence `json:"sequences"`
}

// InspectedStream is a stream of the plan kept. What is of a stream that is in no plan any more has its number as name.
type InspectedStream struct {
	Name       string    `json:"name"`
	Topic      string    `json:"topic,omitempty"`
	Format     string    `json:"format,omitempty"`
	Watermark  time.Time `json:"watermark,omitzero"`
	Dedupe     int       `json:"dedupe_marks"`
	Remembered time.Time `json:"dedupe_since,omitzero"`
	HeldRows   int64     `json:"held_rows"`
	Replayed   uint64    `json:"replayed"` // readings in the journal, without duplicates
	Rejected   uint64    `json:"rejected"` // of the journal
}

// InspectedView is a view, with its panes as they are after the journal's replay.
type InspectedView struct {
	Name       string    `json:"name"`
	Stream     string    `json:"stream,omitempty"`
	OpenPanes  int       `json:"open_panes"`
	OpenKeys   int       `json:"open_keys"` // a key counts once in each pane
	Readings   uint64    `json:"readings"`  // in these
	Oldest     time.Time `json:"oldest_pane,omitzero"`
	Newest     time.Time `json:"newest_pane,omitzero"`
	HeldDeltas int64     `json:"held_deltas"`
}

// InspectedJournal is what was acknowledged and not cut.
type InspectedJournal struct {
	Records  int                `json:"records"`
	Bytes    int                `json:"bytes"`
	Messages int                `json:"messages"`
	RowsCut  int                `json:"rows_cut"` // messages whose rows were cut already
	Oldest   time.Time          `json:"oldest_arrival,omitzero"`
	Newest   time.Time          `json:"newest_arrival,omitzero"`
	First    []InspectedMessage `json:"first,omitempty"`
}

// InspectedMessage is one message of the journal.
type InspectedMessage struct {
	Arrival time.Time `json:"arrival"`
	Topic   string    `json:"topic"`
	Bytes   int       `json:"bytes"`
	Payload string    `json:"payload"` // its beginning
}

// InspectedOutbox is what waits for JetStream.
type InspectedOutbox struct {
	Batches    int                  `json:"batches"`
	Bytes      int                  `json:"bytes"`
	Partitions []InspectedPartition `json:"partitions"`
}

// InspectedPartition is the outbox of one partition.
type InspectedPartition struct {
	Partition  uint32    `json:"partition"`
	Batches    int       `json:"batches"`
	Bytes      int       `json:"bytes"`
	FirstSeq   uint64    `json:"first_seq"`
	LastSeq    uint64    `json:"last_seq"`
	OldestSent time.Time `json:"oldest_cut,omitzero"`
	Corrupt    int       `json:"corrupt,omitempty"` // batches that can't be read
}

// InspectedHeld is what was cut while the core was away.
type InspectedHeld struct {
	Deltas     int64 `json:"deltas"`
	DeltaBytes int64 `json:"delta_bytes"`
	Rows       int64 `json:"rows"`
	RowBytes   int64 `json:"row_bytes"`
}

// InspectedSequence is the last batch sequence used of a partition.
type InspectedSequence struct {
	Partition uint32 `json:"partition"`
	Seq       uint64 `json:"seq"`
}

// Inspect reads an edge's store that nobody has open, and changes nothing. The first messages of the journal are given with their
// payloads, as many as asked for.
func Inspect(dir string, messages int) (_ *Inspection, err error) {
	s, err := store.OpenReadOnly(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l := &line{cfg: inspectConfig(), log: slog.New(slog.DiscardHandler), m: newMetrics(prometheus.NewRegistry(), func() float64 { return 0 }), store: s,
		status: newStatus(""), sent: map[uint32]int64{}}
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("replay the journal: %w", err)
	}
	held := s.Held()
	i := &Inspection{Dir: dir, Epoch: s.Epoch(), PlanVersion: l.version.Load(),
		Held: InspectedHeld{Deltas: held.Deltas, DeltaBytes: held.DeltaBytes, Rows: held.Rows, RowBytes: held.RowBytes}}
	if err := errors.Join(i.journal(s, messages), i.outbox(s), i.plan(l)); err != nil {
		return nil, err
	}
	for p, seq := range s.Sequences() {
		i.Sequences = append(i.Sequences, InspectedSequence{p, seq})
	}
	slices.SortFunc(i.Sequences, func(a, b InspectedSequence) int { return cmp.Compare(a.Partition, b.Partition) })
	return i, nil
}

// inspectConfig has what a replay needs, as by default.
func inspectConfig() *Config {
	c := &Config{}
	c.Time.MaxFuture, c.Time.Idle, c.Dedupe.Horizon, c.Dedupe.Limit = 5*time.Minute, 10*time.Second, time.Hour, 2_000_000
	return c
}

func (i *Inspection) journal(s *store.Store, messages int) (err error) {
	j := &i.Journal
	if j.Records, j.Bytes, err = s.JournalSize(); err != nil {
		return err
	}
	return s.Replay(func(m store.Message, rowsCut bool, _ int) {
		at := time.UnixMicro(m.ArrivalUs).UTC()
		if j.Messages++; rowsCut {
			j.RowsCut++
		}
		if j.Oldest.IsZero() || at.Before(j.Oldest) {
			j.Oldest = at
		}
		if at.After(j.Newest) {
			j.Newest = at
		}
		if len(j.First) < messages {
			j.First = append(j.First, InspectedMessage{at, strings.ToValidUTF8(m.Topic, "�"), len(m.Payload), excerpt(string(m.Payload[:min(len(m.Payload), maxExcerptBytes)]))})
		}
	})
}

func (i *Inspection) outbox(s *store.Store) error {
	byPartition := map[uint32]*InspectedPartition{}
	err := s.Outbox(0, 1<<62, 1<<62, func(_ uint64, partition uint32, data []byte) {
		p := byPartition[partition]
		if p == nil {
			p = &InspectedPartition{Partition: partition}
			byPartition[partition] = p
		}
		p.Batches++
		p.Bytes += len(data)
		i.Outbox.Batches++
		i.Outbox.Bytes += len(data)
		b, err := wire.Unpack(data)
		if err != nil {
			p.Corrupt++
			return
		}
		if p.FirstSeq == 0 {
			p.FirstSeq, p.OldestSent = b.Seq, time.UnixMicro(b.SentUs).UTC()
		}
		p.LastSeq = b.Seq
	})
	for _, p := range byPartition {
		i.Outbox.Partitions = append(i.Outbox.Partitions, *p)
	}
	slices.SortFunc(i.Outbox.Partitions, func(a, b InspectedPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	return err
}

// plan tells of streams and views, those of the plan kept and those that are gone and left something.
func (i *Inspection) plan(l *line) error {
	streams, views := map[uint32]*InspectedStream{}, map[uint32]*InspectedView{}
	stream := func(id uint32) *InspectedStream {
		if streams[id] == nil {
			streams[id] = &InspectedStream{Name: fmt.Sprintf("(%d, in no plan)", id)}
		}
		return streams[id]
	}
	view := func(id uint32) *InspectedView {
		if views[id] == nil {
			views[id] = &InspectedView{Name: fmt.Sprintf("(%d, in no plan)", id)}
		}
		return views[id]
	}
	for id, s := range l.sources {
		streams[id] = &InspectedStream{Name: s.def.Name, Topic: s.def.Topic, Format: cmp.Or(s.def.Format, "json"), Replayed: s.counters.readings,
			Rejected: s.counters.rejected}
	}
	if l.plan != nil {
		for _, v := range l.plan.Views {
			views[v.Id] = &InspectedView{Name: v.Name, Stream: stream(v.Stream).Name}
		}
		for _, o := range l.table.Open() {
			v := view(o.View)
			v.OpenPanes, v.OpenKeys, v.Readings = o.Panes, o.Keys, o.Readings
			if o.Panes > 0 {
				v.Oldest, v.Newest = time.UnixMicro(o.OldestUs).UTC(), time.UnixMicro(o.NewestUs).UTC()
			}
		}
	}
	err := l.store.EachHeld(func(d store.HeldDelta) { view(d.View).HeldDeltas++ }, func(r store.HeldRows) { stream(r.Stream).HeldRows += int64(r.Count) })
	watermarks, err2 := l.store.Watermarks()
	for id, us := range watermarks {
		stream(id).Watermark = time.UnixMicro(us).UTC()
	}
	err3 := l.store.Marks(func(m store.Marks) {
		s := stream(m.Stream)
		s.Dedupe += len(m.Hashes)
		if at := time.UnixMicro(m.Bucket).UTC(); s.Remembered.IsZero() || at.Before(s.Remembered) {
			s.Remembered = at
		}
	})
	for _, s := range streams {
		i.Streams = append(i.Streams, *s)
	}
	for _, v := range views {
		i.Views = append(i.Views, *v)
	}
	slices.SortFunc(i.Streams, func(a, b InspectedStream) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(i.Views, func(a, b InspectedView) int { return cmp.Compare(a.Name, b.Name) })
	return errors.Join(err, err2, err3)
}
