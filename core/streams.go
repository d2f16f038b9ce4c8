package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// streamState is one stream in one partition: watermarks, and the newest row of each key.
type streamState struct {
	def    *plan.Stream
	keys   []int // the key columns
	width  int   // of a row on the wire
	time   int   // the column that holds its event time
	marks  merge.Watermarks
	latest map[string]*newest
	away   bool // the store has more
}

// newest is the row of a key that is newest. It is in the store too.
type newest struct {
	us     int64
	row    []byte
	stream *streamState
	key    string
	item   merge.Item
}

// LetGo forgets a row that is in the store.
func (n *newest) LetGo() {
	delete(n.stream.latest, n.key)
	n.stream.away = true
}

// keep makes a row a key's newest one.
func (s *streamState) keep(m *merge.Memory, key []byte, us int64, row []byte) {
	n := s.latest[string(key)]
	if n == nil {
		n = &newest{stream: s, key: string(key)}
		s.latest[n.key] = n
	}
	n.us, n.row = us, row
	m.Hold(&n.item, n, int64(300+2*len(key)+len(row)))
}

func (s *streamState) close(m *merge.Memory) {
	for _, n := range s.latest {
		m.Drop(&n.item)
	}
}

// dawn is a watermark that makes nothing late.
const dawn = -1 << 62

func newStreamState(def *plan.Stream, cfg *Config) *streamState {
	s := &streamState{def: def, width: len(def.Columns), time: int(def.Timestamp), latest: map[string]*newest{}}
	s.marks.IdleAfter, s.marks.MaxFuture = cfg.Time.Idle.Microseconds(), cfg.Time.MaxFuture.Microseconds()
	if def.Timestamp < 0 {
		s.time = s.width
		s.width++
	}
	for i, c := range def.Columns {
		if c.Key {
			s.keys = append(s.keys, i)
		}
	}
	return s
}

func (s *streamState) output() int64 {
	if us, ok := s.marks.Output(); ok {
		return us
	}
	return dawn
}

// positioned is a row that the map shows.
type positioned struct {
	stream   *plan.Stream
	key      string
	row      []value.Value
	us       int64
	received int64
}

// rows keeps the newest row of each key, by event time and, of two at one time, by their bytes: any order of arrival ends
// the same.
func (p *partition) rows(t *turn, r *wire.Rows, received int64) error {
	if route := p.routes[r.Stream]; route != nil {
		rows, err := wire.ReadColumns(r.Columns, int(r.Count), route.width+1)
		if err != nil {
			return fmt.Errorf("route %d: %w", r.Stream, err)
		}
		p.m.rows.WithLabelValues(p.streams[route.def.Stream].def.Name).Add(float64(len(rows)))
		p.routed(t, route, rows)
		return nil
	}
	s := p.streams[r.Stream]
	if s == nil {
		p.m.unknown.Add(float64(r.Count))
		return nil
	}
	rows, err := wire.ReadColumns(r.Columns, int(r.Count), s.width)
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.def.Name, err)
	}
	p.m.rows.WithLabelValues(s.def.Name).Add(float64(len(rows)))
	var key []byte
	for _, row := range rows {
		key = key[:0]
		for _, k := range s.keys {
			key = value.Append(key, row[k])
		}
		us := row[s.time].Int()
		if s.def.Position != nil {
			p.observed(s.def, key, row, us)
		}
		encoded := value.AppendRow(nil, row)
		newer, err := p.newer(s, key, us, encoded)
		if err != nil {
			return err
		}
		if !newer {
			continue
		}
		s.keep(p.memory, key, us, encoded)
		t.tx.Latest(p.id, r.Stream, key, append(binary.BigEndian.AppendUint64(nil, uint64(us)), encoded...))
		if s.def.Position != nil {
			t.rows = append(t.rows, positioned{stream: s.def, key: string(key), row: row, us: us, received: received})
		}
	}
	return p.look(t, r.Stream)
}

// newer says whether a row is newer than what there is of its key.
func (p *partition) newer(s *streamState, key []byte, us int64, row []byte) (bool, error) {
	old := s.latest[string(key)]
	if old == nil && s.away {
		stored, err := p.store.Latest(p.id, s.def.Id, key)
		if err != nil {
			return false, err
		}
		if len(stored) >= 8 {
			p.memory.Back()
			s.keep(p.memory, key, int64(binary.BigEndian.Uint64(stored)), stored[8:])
			old = s.latest[string(key)]
		}
	}
	return old == nil || us > old.us || us == old.us && bytes.Compare(row, old.row) > 0, nil
}

// readLatest takes a stored newest row apart.
func readLatest(stored []byte, width int) (int64, []value.Value, error) {
	if len(stored) < 8 {
		return 0, nil, value.ErrCorrupt
	}
	row := make([]value.Value, width)
	_, err := value.ReadRow(stored[8:], row)
	return int64(binary.BigEndian.Uint64(stored)), row, err
}

// keyText shows a key's values, joined by "/".
func keyText(key []byte) string {
	var parts []string
	for len(key) > 0 {
		v, rest, err := value.Read(key)
		if err != nil {
			return fmt.Sprintf("%x", key)
		}
		parts, key = append(parts, v.Text()), rest
	}
	return strings.Join(parts, "/")
}

// Columns of the core's own tables; facts of the contract.
var ownTables = map[string][]plan.Column{
	"late": {{Name: "stream", Type: typeOf(value.String)}, {Name: "view", Type: typeOf(value.String)}, {Name: "key", Type: typeOf(value.String)},
		{Name: "window_start", Type: typeOf(value.Timestamp)}, {Name: "window_end", Type: typeOf(value.Timestamp)},
		{Name: "readings", Type: typeOf(value.Int)}, {Name: "lag_ms", Type: typeOf(value.Int)}},
	"rejected": {{Name: "stream", Type: typeOf(value.String)}, {Name: "topic", Type: typeOf(value.String)}, {Name: "reason", Type: typeOf(value.String)},
		{Name: "sample", Type: typeOf(value.String)}, {Name: "ts", Type: typeOf(value.Timestamp)}},
	"alerts": {{Name: "alert", Type: typeOf(value.String)}, {Name: "key", Type: typeOf(value.String)}, {Name: "state", Type: typeOf(value.String)},
		{Name: "severity", Type: typeOf(value.String)}, {Name: "ts", Type: typeOf(value.Timestamp)}, {Name: "since", Type: typeOf(value.Timestamp)},
		{Name: "value", Type: typeOf(value.Double)}, {Name: "count", Type: typeOf(value.Int)}, {Name: "acknowledged_by", Type: typeOf(value.String)},
		{Name: "revised", Type: typeOf(value.Bool)}, {Name: "id", Type: typeOf(value.String)}, {Name: "stale", Type: typeOf(value.Bool)}},
	"edges": {{Name: "edge", Type: typeOf(value.String)}, {Name: "last_seen", Type: typeOf(value.Timestamp)}, {Name: "plan_version", Type: typeOf(value.Int)},
		{Name: "readings", Type: typeOf(value.Int)}, {Name: "rejected", Type: typeOf(value.Int)}, {Name: "duplicates", Type: typeOf(value.Int)},
		{Name: "clients", Type: typeOf(value.Int)}, {Name: "outbox_bytes", Type: typeOf(value.Int)}, {Name: "version", Type: typeOf(value.String)},
		{Name: "state", Type: typeOf(value.String)}, {Name: "disk_free_bytes", Type: typeOf(value.Int)},
		{Name: "plan_problem", Type: typeOf(value.String)}},
}

func typeOf(k value.Kind) *plan.Type { return &plan.Type{Kind: uint32(k)} }

// tooLate notes a delta whose window accepts no more.
func (p *partition) tooLate(t *turn, v *merge.View, out merge.Outcome, key []byte, readings uint64, watermark int64) {
	p.entry(t, state.TableLate, value.OfString(sql.SourceName(p.plan, v.Def)), value.OfString(v.Def.Name), value.OfString(keyText(key)),
		value.OfTime(out.Window), value.OfTime(out.End), value.OfInt(int64(readings)), value.OfInt((watermark-out.End)/1000))
}

func (p *partition) rejected(t *turn, r *wire.Rejected) {
	p.entry(t, state.TableRejected, value.OfString(r.Stream), value.OfString(r.Topic), value.OfString(r.Reason),
		value.OfString(strings.ToValidUTF8(string(r.Sample), "�")), value.OfTime(r.AtUs))
}

// entry adds a row to one of the core's own tables; trim drops the oldest.
func (p *partition) entry(t *turn, table byte, row ...value.Value) {
	t.tx.Entry(table, p.id, p.nextEntry(table), value.AppendRow(nil, row))
}

// nextEntry gives a new row's number.
func (p *partition) nextEntry(table byte) uint64 {
	p.entries[table]++
	return p.entries[table]
}
