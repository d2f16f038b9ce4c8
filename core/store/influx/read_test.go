package influx_test

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
)

// readAll counts the points that a reader finds.
func readAll(t *testing.T, cfg influx.Config) (points int, err error) {
	wanted := influx.Wanted{Measurement: "speeds", From: math.MinInt64, To: math.MaxInt64}
	err = influx.NewReader(cfg).Points(t.Context(), wanted, func(influx.Stored) (bool, error) { points++; return true, nil })
	return points, err
}

// revised are points that a reader finds something of.
func revised(n int64) (lines [][]byte) {
	for i := range n {
		lines = append(lines, influx.Point{Measurement: "speeds", TimeUs: i, Fields: []influx.Pair{{Name: "revision", Value: value.OfInt(i)}}}.Line())
	}
	return lines
}

// More points than a chunk come whole.
func TestManyPointsAreRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		const n = 12_345
		q := &queue{}
		q.put(0, revised(n)...)
		run(t, s, q, 5000)
		q.drained(t)
		if points, err := readAll(t, s.config(s.url(), 1)); points != n || err != nil {
			t.Errorf("%d points of %d are read: %v", points, n, err)
		}
	})
}

// An answer that ends too early, as a server's does that failed in its midst, is no answer.
func TestAnswersThatEndTooEarly(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		q.put(0, revised(4000)...)
		run(t, s, q, 5000)
		q.drained(t)
		to, err := url.Parse(s.url())
		if err != nil {
			t.Fatal(err)
		}
		for parts := range 6 {
			proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Header.Del("Accept-Encoding") // of its own it unpacks what comes
			}}
			proxy.ModifyResponse = func(r *http.Response) error {
				var first strings.Builder
				lines := bufio.NewReader(r.Body)
				for range parts {
					text, _ := lines.ReadString('\n')
					first.WriteString(text)
				}
				r.Body = struct {
					io.Reader
					io.Closer
				}{strings.NewReader(first.String()), r.Body}
				return nil
			}
			cut := httptest.NewServer(proxy)
			points, err := readAll(t, s.config(cut.URL, 1))
			if whole := parts >= 4; points != min(4, parts)*1000 || whole != (err == nil) || !whole && !(errors.Is(err, influx.ErrAsk) && errors.Is(err, io.ErrUnexpectedEOF)) {
				t.Errorf("%d parts of 4: %d points, %v", parts, points, err)
			}
			cut.Close()
		}
	})
}
