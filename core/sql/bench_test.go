package sql

import (
	"context"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(cellSpeedSQL); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAndApply(b *testing.B) {
	p := applyAll(b, vehiclesSQL)
	b.ReportAllocs()
	for b.Loop() {
		list, err := Parse(cellSpeedSQL)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Apply(p, list[0]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun gives the time per row of a pull query over 10,000 rows of 1,000 cells.
func BenchmarkRun(b *testing.B) {
	p := applyAll(b, vehiclesSQL+cellSpeedSQL)
	rows := make([][]value.Value, 10_000)
	for i := range rows {
		rows[i] = []value.Value{value.OfCell(uint64(1 + i%1000)), value.OfInt(int64(i % 77)), value.OfDouble(float64(i*7919%997) / 10), value.OfDouble(float64(i % 99)),
			value.OfTime(int64(i) * 1e7), value.OfTime(int64(i+1) * 1e7), value.OfInt(0), value.OfBool(true)}
	}
	for name, src := range map[string]string{
		"filter":  "SELECT cell, n FROM cell_speed WHERE avg_speed > 90",
		"groupby": "SELECT cell, SUM(n) AS n, AVG(avg_speed) AS s FROM cell_speed GROUP BY cell",
		"top10":   "SELECT * FROM cell_speed ORDER BY avg_speed DESC LIMIT 10",
	} {
		q := compileSelect(b, p, src)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Run(context.Background(), reusing(rows)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
		})
	}
}
