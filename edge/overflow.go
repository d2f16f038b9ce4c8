package edge

import (
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
)

const (
	// thinBytes of held rows are thinned at once, and take a few times that of memory.
	thinBytes = 1 << 20
	// thinPaneUs is the pane of a stream that no view reads.
	thinPaneUs = 10_000_000
)

// keepBudget makes room once the rows held, with those that c adds, take more than their budget: the oldest rows of streams
// with overflow = 'latest_per_pane' are thinned, and when none is left to thin the oldest go. All that goes is counted.
func (l *line) keepBudget(c *store.Change) error {
	over := l.store.Held().RowBytes - l.cfg.Store.HeldRowBytes
	for _, r := range c.HoldRows {
		over += int64(len(r.Columns))
	}
	// Round once from where thinning ended last: what was thinned before may share panes with what came since.
	for start, round := l.thinned, false; over > 0 && l.thins() && (!round || l.thinned < start); {
		oldest, err := l.store.HeldRows(l.thinned, thinBytes)
		if err != nil {
			return err
		}
		if len(oldest) == 0 {
			if round || start == 0 {
				break
			}
			l.thinned, round = 0, true
			continue
		}
		if round {
			if oldest = slices.DeleteFunc(oldest, func(r store.HeldRows) bool { return r.Order > start }); len(oldest) == 0 {
				break
			}
		}
		freed, err := l.thin(c, oldest)
		if err != nil {
			return err
		}
		over -= freed
		l.thinned = oldest[len(oldest)-1].Order
	}
	if over <= 0 {
		return nil
	}
	oldest, err := l.store.HeldRows(0, int(over))
	if err != nil {
		return err
	}
	gone := map[uint64]bool{}
	for _, r := range c.ReleaseRows {
		gone[r.Order] = true
	}
	for _, r := range oldest {
		if !gone[r.Order] {
			l.dropped(r.Stream, int(r.Count))
			c.ReleaseRows = append(c.ReleaseRows, r)
		}
	}
	return nil
}

func (l *line) dropped(stream uint32, rows int) {
	name := "gone"
	for _, r := range l.plan.Routes {
		if r.Id == stream {
			stream = r.Stream
		}
	}
	if s := l.sources[stream]; s != nil {
		name = s.def.Name
	}
	l.m.rowsDropped.WithLabelValues(name).Add(float64(rows))
}

// thins reports whether any stream's rows may be thinned.
func (l *line) thins() bool {
	for _, s := range l.sources {
		if s.def.Overflow == latestPerPane {
			return true
		}
	}
	return false
}

const latestPerPane = "latest_per_pane"

// thin keeps, in the pieces of rows that may be thinned, the newest row of each key and pane alone, and gives the bytes that
// it freed. Newest is by event time, and of equal ones by arrival.
func (l *line) thin(c *store.Change, pieces []store.HeldRows) (freed int64, err error) {
	type place struct {
		us         int64
		piece, row int
	}
	newest := map[string]place{}
	rows := make([][][]value.Value, len(pieces))
	var key []byte
	for i, p := range pieces {
		s := l.sources[p.Stream]
		if s == nil || s.def.Overflow != latestPerPane {
			continue
		}
		if rows[i], err = wire.ReadColumns(p.Columns, int(p.Count), rowWidth(s.def)); err != nil {
			return 0, fmt.Errorf("rows held of stream %s: %w", s.def.Name, err)
		}
		pane := finestPane(s.def, l.plan)
		for k, r := range rows[i] {
			us := rowTime(s.def, r)
			key = thinKey(key[:0], s.def, r, window.Pane(us, pane))
			if n, ok := newest[string(key)]; !ok || us >= n.us {
				newest[string(key)] = place{us, i, k}
			}
		}
	}
	stay := make([][]bool, len(pieces))
	for _, n := range newest {
		if stay[n.piece] == nil {
			stay[n.piece] = make([]bool, len(rows[n.piece]))
		}
		stay[n.piece][n.row] = true
	}
	for i, p := range pieces {
		if rows[i] != nil {
			freed += l.replace(c, p, rows[i], stay[i])
		}
	}
	return freed, nil
}

// replace puts those of a piece's rows that stay in its place; stay is nil if none does.
func (l *line) replace(c *store.Change, p store.HeldRows, rows [][]value.Value, stay []bool) (freed int64) {
	var left []value.Value
	for k := range stay {
		if stay[k] {
			left = append(left, rows[k]...)
		}
	}
	width := len(rows[0])
	count := len(left) / width
	if count == len(rows) {
		return 0
	}
	c.ReleaseRows = append(c.ReleaseRows, p)
	l.dropped(p.Stream, len(rows)-count)
	freed = int64(len(p.Columns))
	if count > 0 {
		p.Count, p.Columns = uint32(count), wire.AppendColumns(nil, left, width)
		c.HoldRows = append(c.HoldRows, p)
		freed -= int64(len(p.Columns))
	}
	return freed
}

func thinKey(dst []byte, s *plan.Stream, row []value.Value, pane int64) []byte {
	dst = value.Append(dst, value.OfInt(int64(s.Id)))
	for i, c := range s.Columns {
		if c.Key {
			dst = value.Append(dst, row[i])
		}
	}
	return value.Append(dst, value.OfTime(pane))
}

// rowWidth is how many values a forwarded row has: the stream's columns, and the time of arrival if none is its event time.
func rowWidth(s *plan.Stream) int {
	if s.Timestamp < 0 {
		return len(s.Columns) + 1
	}
	return len(s.Columns)
}

// rowTime is a forwarded row's event time, µs.
func rowTime(s *plan.Stream, row []value.Value) int64 {
	if s.Timestamp < 0 {
		return row[len(s.Columns)].Int()
	}
	if v := row[s.Timestamp]; v.Kind() == value.Int {
		return value.MicrosOfInt(v.Int())
	}
	return row[s.Timestamp].Int()
}

func finestPane(s *plan.Stream, all *plan.Plan) int64 {
	finest := int64(0)
	for _, v := range all.Views {
		if v.Stream == s.Id && v.PaneUs > 0 && (finest == 0 || v.PaneUs < finest) {
			finest = v.PaneUs
		}
	}
	if finest == 0 {
		return thinPaneUs
	}
	return finest
}
