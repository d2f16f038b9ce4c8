package influx_test

import (
	"math"
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
