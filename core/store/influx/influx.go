// Package influx writes history to InfluxDB 2.x, or 1.8 through its v2 endpoints, from a durable queue.
//
//	influx.go  Sink: queue → InfluxDB, in batches, acknowledged after InfluxDB stored them
//	pace.go    how many points a request carries
//	refuse.go  which points of a request it is that InfluxDB refuses
//	bucket.go  making the bucket, or 1.8's database and retention policy
//	budget.go  how much may wait, and what goes past that
//	point.go   a view's result → line protocol
//	carried.go what a point carries for the core alone
//	read.go    Reader: that back, by InfluxQL
//
// It uses the client's blocking writer: the asynchronous one drops points in an outage. Network errors, 429 and 5xx are tried again
// for ever; of a 400 the bad points are found, by what it says or by halves, and set aside with the reason. Writing a point
// twice changes nothing, so a crash between writing and forgetting is harmless.
package influx

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/prometheus/client_golang/prometheus"
)

// Config says where to write.
type Config struct {
	URL, Token, Org, Bucket string
	Batch                   int           // most points a request
	QueueBytes              int64         // disk for points that wait, about; 0: without bound
	Create                  bool          // make the bucket, if it is not there
	Retention               time.Duration // of a bucket that is made; 0: for ever
}

// Queue is where points wait; the core's state is one.
type Queue interface {
	Effects(partition uint32, from uint64, limit int, f func(number uint64, data []byte)) error
	EffectsDone(partition uint32, from, to uint64) error
	// LastDurable is the highest number of the partition's points; 0: there never was one.
	LastDurable(partition uint32) uint64
}

// Sink writes one core's queue.
type Sink struct {
	cfg      Config
	queue    Queue
	log      *slog.Logger
	client   influxdb2.Client
	writer   api.WriteAPIBlocking
	wake     chan struct{}
	next     []uint64 // by partition: points before this are written
	points   prometheus.Counter
	refused  prometheus.Counter
	rejected func(line, reason string)
	budget   budget
	pace     pace
	seconds  prometheus.Histogram
	prepared bool   // the bucket is there
	writing  uint32 // the partition whose points are being written
	until    uint64 // and the last of them
	err      error  // the queue's, met while writing
}

// New makes a sink for a number of partitions; rejected is told of each point that InfluxDB refuses.
func New(cfg Config, queue Queue, partitions uint32, r prometheus.Registerer, log *slog.Logger, rejected func(line, reason string)) *Sink {
	points := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_store_points_total", Help: "Points written to a history store."}, []string{"store"})
	refused := prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_store_refused_total", Help: "Points that InfluxDB refused."})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hexpane_core_store_request_seconds", Help: "How long InfluxDB took to store a request's points.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)})
	r.MustRegister(points, refused, seconds)
	client := influxdb2.NewClientWithOptions(cfg.URL, cfg.Token, influxdb2.DefaultOptions().SetHTTPRequestTimeout(20).SetUseGZip(true).SetMaxRetries(0))
	return &Sink{cfg: cfg, queue: queue, log: log, client: client, writer: client.WriteAPIBlocking(cfg.Org, cfg.Bucket),
		wake: make(chan struct{}, 1), next: make([]uint64, partitions), points: points.WithLabelValues("influx"), refused: refused, rejected: rejected,
		budget: newBudget(cfg.QueueBytes, r), pace: newPace(cfg.Batch), seconds: seconds}
}

// Wake says that points wait. It never blocks.
func (s *Sink) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends; what is left waits in the queue for the next start.
func (s *Sink) Run(ctx context.Context) error {
	defer s.client.Close()
	if err := s.open(); err != nil {
		return err
	}
	s.Wake() // what the last run left
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		if all, _ := s.waiting(); all < uint64(s.pace.size) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(company):
			}
		}
		for p := range s.next {
			for {
				n, err := s.drain(ctx, uint32(p))
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				if n == 0 {
					break
				}
			}
		}
	}
}

// requestBytes is about how much a request has at most, before it is packed, however many points it may have: 1.8 takes 25 MB, and sketches are large.
const requestBytes = 4 << 20

// drain writes one batch of a partition's queue; the error is the queue's.
func (s *Sink) drain(ctx context.Context, partition uint32) (int, error) {
	if err := s.shed(ctx); err != nil {
		return 0, err
	}
	var lines []string
	bytes := 0
	var first, last uint64
	err := s.queue.Effects(partition, s.next[partition], s.pace.size, func(number uint64, data []byte) {
		if bytes >= requestBytes {
			return // it is read again
		}
		if len(lines) == 0 {
			first = number
		}
		last = number
		lines = append(lines, string(data))
		bytes += len(data)
	})
	if err != nil || len(lines) == 0 {
		return 0, err
	}
	s.budget.line, s.writing, s.until = int64(bytes/len(lines)), partition, last
	s.write(ctx, lines)
	if s.err != nil {
		return 0, s.err
	}
	if ctx.Err() != nil {
		return 0, nil // not known to be written: again after the restart
	}
	if s.given() {
		return len(lines), nil
	}
	s.next[partition] = last + 1
	return len(lines), s.queue.EffectsDone(partition, first, last)
}

// write stores lines, whatever it takes, or gives up when ctx ends.
func (s *Sink) write(ctx context.Context, lines []string) {
	for tries := 0; len(lines) > 0 && ctx.Err() == nil && !s.given() && s.err == nil; {
		some := lines[:min(len(lines), s.pace.size)]
		began := time.Now()
		err := s.request(ctx, some)
		switch {
		case err == nil:
			s.pace.stored(len(some), time.Since(began))
			s.points.Add(float64(len(some)))
			s.seconds.Observe(time.Since(began).Seconds())
			lines, tries = lines[len(some):], 0
		case bad(err) || tooLarge(err) && len(some) == 1:
			s.setAside(ctx, some, err)
			lines, tries = lines[len(some):], 0
		case tooLarge(err):
			s.pace.failed(len(some))
		default:
			s.pace.failed(len(some))
			s.trouble(ctx, err, tries)
			tries++
		}
	}
}

// request is one; the bucket is made before the first.
func (s *Sink) request(ctx context.Context, lines []string) error {
	if s.cfg.Create && !s.prepared {
		if err := s.prepare(ctx); err != nil {
			return err
		}
		s.prepared = true
	}
	err := s.writer.WriteRecord(ctx, lines...)
	var e *http.Error
	if errors.As(err, &e) && (e.StatusCode == 404 || strings.Contains(e.Message, "not found")) {
		s.prepared = false // somebody deleted it
	}
	return err
}

// trouble waits before the next try, while what waits is kept to its budget.
func (s *Sink) trouble(ctx context.Context, err error, tries int) {
	if tries%20 == 0 {
		s.log.Warn("InfluxDB does not take points; they wait on disk", "url", s.cfg.URL, "bucket", s.cfg.Bucket, "error", err, "tries", tries+1)
	}
	if s.err = s.shed(ctx); s.err != nil {
		return
	}
	backoff := wait(err, tries)
	select {
	case <-ctx.Done():
	case <-time.After(backoff/2 + rand.N(backoff/2)):
	}
}

// given reports that the points being written are dropped meanwhile.
func (s *Sink) given() bool { return s.next[s.writing] > s.until }

// setAside finds the points that a 400 is about, tells of them, and writes the others. InfluxDB stored the good ones of some requests, of others
// none: writing twice is harmless.
func (s *Sink) setAside(ctx context.Context, lines []string, err error) {
	of := culprits(lines, err)
	if len(lines) == 1 {
		of = []int{0}
	}
	if of == nil {
		half := len(lines) / 2
		s.write(ctx, lines[:half])
		s.write(ctx, lines[half:])
		return
	}
	good := make([]string, 0, len(lines))
	for i, l := range lines {
		if len(of) > 0 && of[0] == i {
			of = of[1:]
			s.refused.Inc()
			s.rejected(l, err.Error())
			continue
		}
		good = append(good, l)
	}
	s.write(ctx, good)
}
