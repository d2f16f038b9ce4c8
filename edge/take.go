package edge

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// maxRejectSamples bounds what one cut tells the core about rejected payloads; the counters count them all.
const maxRejectSamples = 16

// Bounds of what one reading and one rejected payload put into a batch: whatever devices send, a batch fits a message, since one
// that does not would stop the outbox for good.
const (
	maxTextBytes    = 64 << 10
	maxExcerptBytes = 512
)

// take decodes one message for each stream that reads its topic, and folds the readings.
func (l *line) take(m store.Message, now int64, forwardRows bool) {
	for _, s := range l.router.Load().find(m.Topic) {
		l.decoded.Reset()
		s.decoder.Decode(m.Topic, m.Payload, m.ArrivalUs, &l.decoded)
		accepted := 0
		if s.seen != nil && len(l.decoded.Readings) > 1 {
			for i := range l.decoded.Readings {
				s.seen.Touch(l.decoded.Readings[i].Hash)
			}
		}
		for i := range l.decoded.Readings {
			r := &l.decoded.Readings[i]
			if len(m.Payload) > maxTextBytes/16 && textBytes(r.Row) > maxTextBytes {
				l.reject(s, m, tooMuchText(m.Payload[:256]))
				continue
			}
			if far := s.tooFar(r.TimeUs, m.ArrivalUs, m.Payload); far != nil { // before it is noted as seen: it may come again when clocks are right
				s.counters.future++
				l.m.future.WithLabelValues(s.def.Name).Inc()
				l.reject(s, m, far)
				continue
			}
			if s.seen != nil && !s.seen.Add(m.ArrivalUs, r.Hash) {
				s.counters.duplicates++
				l.m.duplicates.Inc()
				continue
			}
			if !s.watermark.Observe(r.TimeUs, now) {
				s.counters.future++
				l.m.future.WithLabelValues(s.def.Name).Inc()
			}
			if l.table.Rows() == 0 {
				l.rowsSince = time.UnixMicro(min(m.ArrivalUs, now))
			}
			l.table.Fold(s.def.Id, r.Row, r.TimeUs, forwardRows)
			accepted++
		}
		if accepted > 0 && (l.oldest == 0 || m.ArrivalUs < l.oldest) {
			l.oldest = m.ArrivalUs
		}
		if accepted > 0 {
			s.shown.last = max(s.shown.last, m.ArrivalUs)
		}
		if n := l.decoded.Skipped; n > 0 {
			s.counters.skipped += uint64(n)
			l.m.skipped.WithLabelValues(s.def.Name).Add(float64(n))
		}
		s.counters.readings += uint64(accepted)
		s.taken.Add(float64(accepted))
		for i := range l.decoded.Rejects {
			l.reject(s, m, &l.decoded.Rejects[i])
		}
	}
}

func (l *line) reject(s *source, m store.Message, r *payload.Reject) {
	s.counters.rejected++
	l.m.rejected.WithLabelValues(s.def.Name, r.Reason).Inc()
	l.status.rejected(s, m, r)
	if len(l.rejects) < maxRejectSamples {
		l.rejects = append(l.rejects, &wire.Rejected{Stream: s.def.Name, Topic: excerpt(m.Topic),
			Reason: excerpt(r.Reason + ": " + r.Detail), Sample: r.Sample, AtUs: m.ArrivalUs})
	}
}

// tooFar refuses a reading of the future, where that is the policy. The clock is that of its arrival, so that a replay of the journal
// judges as at first. It is for any goroutine.
func (s *source) tooFar(us, arrivalUs int64, sample []byte) *payload.Reject {
	ahead := us - arrivalUs
	if !s.refuseFuture || ahead <= s.watermark.MaxFuture {
		return nil
	}
	return &payload.Reject{Reason: "future", Sample: bytes.Clone(sample[:min(len(sample), 256)]), Detail: fmt.Sprintf(
		"its time is %s ahead of this edge's clock: set the device's clock, or this one's", (time.Duration(ahead) * time.Microsecond).Round(time.Second))}
}

func tooMuchText(sample []byte) *payload.Reject {
	return &payload.Reject{Reason: "too_large", Detail: "its text is longer than 64 KiB", Sample: sample}
}

// excerpt is text that a device chose, as valid UTF-8 of bounded length.
func excerpt(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxExcerptBytes)], "�") }

func textBytes(row []value.Value) (n int) {
	for _, v := range row {
		n += len(v.Str())
	}
	return n
}
