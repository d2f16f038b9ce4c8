package influx_test

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// typical is a point of a view with five aggregates.
func typical(i int64) influx.Point {
	return influx.Point{Measurement: "cell_speed", TimeUs: i / 1000 * 10_000_000, Tags: []influx.Pair{{Name: "cell", Value: value.OfCell(0x8935ac2cdc3ffff + uint64(i%1000)<<20)}},
		Fields: []influx.Pair{{Name: "n", Value: value.OfInt(i % 300)}, {Name: "avg_speed", Value: value.OfDouble(float64(i%997) / 7)}, {Name: "p95", Value: value.OfDouble(float64(i%991) / 3)},
			{Name: "vehicles", Value: value.OfInt(i % 40)}, {Name: "revision", Value: value.OfInt(0)}, {Name: "retracted", Value: value.OfBool(false)}}}
}

func BenchmarkLine(b *testing.B) {
	bytes := 0
	for i := range b.N {
		bytes = len(typical(int64(i)).Line())
	}
	b.ReportMetric(float64(bytes), "B/point")
}

// used is the processor time of this process, in which InfluxDB is not.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSink writes points that wait to a real server; BenchmarkClient writes the same ones as the client's own users do, from points in memory, whose lines it makes.
func BenchmarkSink(b *testing.B) {
	b.Run("1.8", func(b *testing.B) { benchmarkSink(b, prepare18(b).begin()) })
	b.Run("2.7", func(b *testing.B) { benchmarkSink(b, prepare27(b).begin()) })
}

func benchmarkSink(b *testing.B, s *influxd) {
	q := &queue{}
	for i := range b.N {
		q.put(0, typical(int64(i)).Line())
	}
	sink := influx.New(s.config(s.url(), 5000), q, 2, prometheus.NewRegistry(), slog.New(slog.DiscardHandler), func(line, reason string) { b.Error(line, reason) })
	ctx, cancel := context.WithCancel(b.Context())
	b.ResetTimer()
	before := used()
	go func() { _ = sink.Run(ctx) }()
	for q.len() > 0 {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/point")
	b.StopTimer()
	cancel()
}

func BenchmarkClient(b *testing.B) {
	s := prepare18(b).begin()
	client := influxdb2.NewClientWithOptions(s.url(), "", influxdb2.DefaultOptions().SetUseGZip(true).SetBatchSize(5000))
	defer client.Close()
	writer := client.WriteAPIBlocking("", "hexpane/autogen")
	b.ResetTimer()
	before := used()
	for from := 0; from < b.N; from += 5000 {
		lines := make([]string, 0, 5000)
		for i := from; i < min(b.N, from+5000); i++ {
			lines = append(lines, string(typical(int64(i)).Line()))
		}
		if err := writer.WriteRecord(context.Background(), lines...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/point")
}
