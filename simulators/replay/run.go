package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/hexpane/hexpane/simulators/publish"
)

// Config of a replay.
type Config struct {
	Publish publish.Config // the one connection; keeps the recording's order
	QoS     byte           // 0 or 1
	Speed   float64        // 1: as it was; 10: ten times faster; 0: as fast as it is acknowledged
	Sort    bool           // by Record.Sort, first
	Shuffle time.Duration  // most that a record comes late; 0: in order
	Seed    uint64         // of the shuffle
	Limit   int            // records to publish; 0: all

	Every    time.Duration // between calls of Progress; default 5 s
	Progress func(Counts)  // may be nil
	Log      *slog.Logger  // default: slog.Default
}

// Counts of a replay. Published and Acked are equal at the end of one that succeeded.
type Counts struct {
	Read, Unparsed, Published, Acked int64
	Resent, Reconnects               int64
	Elapsed                          time.Duration
}

func (c Counts) String() string {
	return fmt.Sprintf("read=%d published=%d acked=%d unparsed=%d resent=%d reconnects=%d elapsed=%s",
		c.Read, c.Published, c.Acked, c.Unparsed, c.Resent, c.Reconnects, c.Elapsed.Round(time.Millisecond))
}

// Time that acknowledgements get once a replay is interrupted.
const grace = 5 * time.Second

// run is a replay under way.
type run struct {
	cfg            Config
	pub            *publish.Publisher
	began          time.Time
	read, unparsed int64
	reported       time.Time
}

// Run publishes the source to its end, or until ctx ends, and waits until everything published is acknowledged. The
// counts are right even when it fails.
func Run(ctx context.Context, cfg Config, source iter.Seq2[Record, error]) (Counts, error) {
	if cfg.Every == 0 {
		cfg.Every = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	r := &run{cfg: cfg, pub: publish.New(cfg.Publish), began: time.Now(), reported: time.Now()}
	err := publish.Drive(ctx, r.pub, grace, func(ctx context.Context) error { return r.feed(ctx, source) })
	return r.counts(), err
}

func (r *run) counts() Counts {
	p := r.pub.Counts()
	return Counts{Read: r.read, Unparsed: r.unparsed, Published: p.Published, Acked: p.Acked, Resent: p.Resent,
		Reconnects: p.Reconnects, Elapsed: time.Since(r.began)}
}

func (r *run) feed(ctx context.Context, source iter.Seq2[Record, error]) error {
	if !r.cfg.Sort && r.cfg.Shuffle == 0 {
		pace := r.pacer()
		return r.each(source, func(rec Record) error { return r.put(ctx, pace, rec) })
	}
	var all []Record
	if err := r.each(source, func(rec Record) error { all = append(all, rec); return ctx.Err() }); err != nil {
		return err
	}
	if r.cfg.Sort {
		SortRecords(all)
	}
	if r.cfg.Shuffle > 0 {
		all = Shuffle(all, r.cfg.Shuffle, r.cfg.Seed)
	}
	pace := r.pacer()
	for _, rec := range all {
		if err := r.put(ctx, pace, rec); err != nil {
			return err
		}
	}
	return nil
}

// each record that parses goes to do; the others are counted, and the first few told.
func (r *run) each(source iter.Seq2[Record, error], do func(Record) error) error {
	for rec, err := range source {
		if err != nil && !errors.Is(err, ErrUnparsed) {
			return err
		}
		r.read++
		if err != nil {
			if r.unparsed++; r.unparsed <= 5 {
				r.cfg.Log.Warn("skipped", "component", "replay", "err", err)
			}
			continue
		}
		if err := do(rec); err != nil {
			return err
		}
		if int(r.read-r.unparsed) == r.cfg.Limit {
			return nil
		}
	}
	return nil
}

func (r *run) put(ctx context.Context, pace *pacer, rec Record) error {
	if err := pace.wait(ctx, rec.At); err != nil {
		return err
	}
	m := publish.Message{Topic: rec.Topic, Payload: rec.Payload, QoS: r.cfg.QoS}
	if err := r.pub.Publish(ctx, m); err != nil {
		return err
	}
	if now := time.Now(); r.cfg.Progress != nil && now.Sub(r.reported) >= r.cfg.Every {
		r.reported = now
		r.cfg.Progress(r.counts())
	}
	return nil
}

// pacer maps a recording's time to the wall clock, from the first record on.
type pacer struct {
	speed float64
	wall  time.Time
	first time.Time
}

func (r *run) pacer() *pacer { return &pacer{speed: r.cfg.Speed} }

// wait until it is a record's time; one that is behind goes at once.
func (p *pacer) wait(ctx context.Context, at time.Time) error {
	if p.speed <= 0 || at.IsZero() {
		return nil
	}
	if p.first.IsZero() {
		p.first, p.wall = at, time.Now()
	}
	left := time.Until(p.wall.Add(time.Duration(float64(at.Sub(p.first)) / p.speed)))
	if left <= 0 {
		return nil
	}
	select {
	case <-time.After(left):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
