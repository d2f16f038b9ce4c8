package state_test

import (
	"fmt"
	"log/slog"
	"math"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/state"
)

// fataler is a *testing.T, *testing.B or *rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func open(t fataler, fs vfs.FS) *state.Store {
	t.Helper()
	s, err := state.OpenOn(fs, "state", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// facts is all that a store holds of a partition, in words.
type facts map[string]string

const (
	views   = 2 // 1, 2
	streams = 2
)

// read gives a partition's facts as queries and restarts read them.
func read(t fataler, s *state.Store, partition uint32) facts {
	t.Helper()
	f := facts{}
	position, err := s.Position(partition)
	must(t, err)
	if position > 0 {
		f["position"] = fmt.Sprint(position)
	}
	must(t, s.Applied(partition, func(edge string, epoch, seq uint64) { f["applied "+edge] = fmt.Sprint(epoch, seq) }))
	must(t, s.Watermarks(partition, func(stream uint32, edge string, us int64) {
		f[fmt.Sprintf("watermark %d %s", stream, edge)] = fmt.Sprint(us)
	}))
	for id := uint32(1); id <= views; id++ {
		us, ok, err := s.Final(partition, id)
		must(t, err)
		if ok {
			f[fmt.Sprintf("final %d", id)] = fmt.Sprint(us)
		}
		must(t, s.Windows(partition, id, math.MinInt64, math.MaxInt64, func(start int64, group, stored []byte) (bool, error) {
			f[fmt.Sprintf("window %d %d %s", id, start, group)] = string(stored)
			one, err := s.Window(partition, id, start, group)
			must(t, err)
			if string(one) != string(stored) {
				t.Fatal("Window and Windows disagree", start, string(group), string(one), string(stored))
			}
			return true, nil
		}))
	}
	for id := uint32(1); id <= streams; id++ {
		must(t, s.LatestAll(partition, id, func(k, row []byte) (bool, error) {
			f[fmt.Sprintf("latest %d %s", id, k)] = string(row)
			return true, nil
		}))
	}
	last := uint64(0)
	must(t, s.Effects(partition, 0, math.MaxInt, func(n uint64, data []byte) {
		f[fmt.Sprintf("effect %d", n)] = string(data)
		last = n
	}))
	if n, err := s.LastEffect(partition); err != nil || n != last {
		t.Fatal("LastEffect", n, err, "but the last is", last)
	}
	for _, table := range []byte{state.TableLate, state.TableRejected} {
		var rows []string
		must(t, s.Entries(table, partition, func(row []byte) (bool, error) {
			rows = append(rows, string(row))
			return true, nil
		}))
		if rows != nil {
			f["table "+string(table)] = strings.Join(rows, ",")
		}
	}
	return f
}
