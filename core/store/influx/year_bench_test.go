package influx_test

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
)

// BenchmarkYear writes to InfluxDB what BenchmarkYear of package core loads into the embedded history: a year of the one-minute results of 100 keys,
// each of 60 readings of the same distribution, of which HEXPANE_YEAR_DAYS days have every minute and the days before one result an hour. Lines are made
// beforehand but for their times, and two writers send them, so that the server is what is measured. Then it asks what is asked there, as far as InfluxQL can.
func BenchmarkYear(b *testing.B) {
	text := os.Getenv("HEXPANE_YEAR_DAYS")
	if text == "" {
		b.Skip("it takes minutes: HEXPANE_YEAR_DAYS=1 go test -run - -bench Year -benchtime 1x ./core/store/influx")
	}
	dense, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		yearInInfluxDB(b, dense)
	}
}

const (
	yearKeys   = 100
	yearBatch  = 5000
	minuteNano = int64(time.Minute)
	dayNano    = 1440 * minuteNano
)

func yearInInfluxDB(b *testing.B, dense int) {
	s := prepare18(b).begin()
	batches := make(chan []string, 4)
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			client := influxdb2.NewClientWithOptions(s.url(), "", influxdb2.DefaultOptions().SetUseGZip(true))
			defer client.Close()
			writer := client.WriteAPIBlocking("", s.bucket())
			var err error
			for lines := range batches {
				if err == nil {
					err = writer.WriteRecord(context.Background(), lines...)
				}
			}
			failed <- err
		}()
	}
	began, points := time.Now(), 0
	fields, rng := resultsOfMinutes(), rand.New(rand.NewPCG(3, 4))
	next := make([]string, 0, yearBatch)
	for minute := range 365 * 1440 {
		if minute < (365-dense)*1440 && minute%60 != 0 {
			continue
		}
		at := " " + strconv.FormatInt(int64(minute)*minuteNano, 10)
		for key := range yearKeys {
			next = append(next, "y,cell=cell-"+strconv.Itoa(key)+fields[rng.IntN(len(fields))]+at)
			points++
		}
		if len(next) == yearBatch {
			batches <- next
			next = make([]string, 0, yearBatch)
		}
	}
	batches <- next
	close(batches)
	for range 2 {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	seconds := time.Since(began).Seconds()
	b.Logf("loaded %d points in %.0f s, %.0f s of the server's processor time; %d MB on disk", points, seconds, s.used().Seconds(), s.bytes()>>20)
	s.settle()
	total := s.bytes()
	b.Logf("nothing left to compact: %d MB on disk, %.0f s of processor time in all", total>>20, s.used().Seconds())
	b.ReportMetric(float64(points), "panes")
	b.ReportMetric(float64(points)/seconds, "panes/s")
	b.ReportMetric(s.used().Seconds()/float64(points)*1e6, "cpu-µs/pane")
	b.ReportMetric(float64(s.peak())/1e6, "MB-memory")
	b.ReportMetric(float64(total)/1e6, "MB-disk")
	b.ReportMetric(float64(total)/float64(points), "bytes/pane")

	end := 365 * dayNano
	for _, c := range []struct {
		name, question string
		rows, times    int
	}{
		{"last-day-of-one-key", fmt.Sprintf("SELECT n, mean, top, p95 FROM y WHERE cell = 'cell-42' AND time >= %d AND time < %d", end-dayNano, end), 1440, 100},
		{"year-by-day-without-p95", fmt.Sprintf("SELECT SUM(n), MAX(top) FROM y WHERE time >= 0 AND time < %d GROUP BY time(1d)", end), 365, 3},
		{"greatest-p95-of-last-hour", fmt.Sprintf("SELECT TOP(p, cell, 10) FROM (SELECT MAX(p95) AS p FROM y WHERE time >= %d AND time < %d GROUP BY cell)", end-60*minuteNano, end), 10, 100},
	} {
		var wall []float64
		for range c.times {
			asked := time.Now()
			if rows := len(s.query(c.question)); rows != c.rows {
				b.Fatalf("%s: %d rows, want %d", c.name, rows, c.rows)
			}
			wall = append(wall, time.Since(asked).Seconds()*1e3)
		}
		slices.Sort(wall)
		p99 := wall[(c.times-1)*99/100]
		b.Logf("%s, %d times: p50 %.1f ms, p99 %.1f ms", c.name, c.times, wall[c.times/2], p99)
		b.ReportMetric(p99, "ms-p99:"+c.name)
	}
}

// resultsOfMinutes are the fields of 20,000 points, in line protocol.
func resultsOfMinutes() (fields []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		middle := 20 + 30*rng.Float64()
		x := make([]float64, 60)
		sum := 0.0
		for i := range x {
			x[i] = math.Round(10*max(0, middle+8*rng.NormFloat64())) / 10 // km/h, as devices report them
			sum += x[i]
		}
		slices.Sort(x)
		p := influx.Point{Measurement: "m", Fields: []influx.Pair{{Name: "n", Value: value.OfInt(60)}, {Name: "mean", Value: value.OfDouble(sum / 60)}, {Name: "top", Value: value.OfDouble(x[59])},
			{Name: "p95", Value: value.OfDouble(x[56])}, {Name: "revision", Value: value.OfInt(0)}, {Name: "retracted", Value: value.OfBool(false)}}}
		line := strings.TrimPrefix(string(p.Line()), "m")
		fields = append(fields, line[:strings.LastIndexByte(line, ' ')])
	}
	return fields
}

// settle waits until the server has nothing left to compact: its files have not changed for half a minute; five minutes at most.
func (s *influxd) settle() {
	last, since := int64(-1), time.Now()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline) && time.Since(since) < 30*time.Second; time.Sleep(time.Second) {
		if n := s.bytes(); n != last {
			last, since = n, time.Now()
		}
	}
}

// bytes are those of all its files.
func (s *influxd) bytes() (n int64) {
	_ = filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error { // files go while they are looked at
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// used is the processor time of the server so far.
func (s *influxd) used() time.Duration {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	words := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.ParseInt(words[11], 10, 64)
	system, err2 := strconv.ParseInt(words[12], 10, 64)
	if err != nil || err2 != nil {
		s.t.Fatalf("%s", text)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

// peak is the most memory that the server had resident, bytes.
func (s *influxd) peak() int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kib << 10
}
