// Package reference is a table's contents: rows found by their key, which edges put beside the readings of a stream (JOIN). It
// reads no files (core/table does) and knows no expressions.
package reference

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/klauspost/compress/zstd"
)

// MaxBytes bounds a table's contents, unpacked. An edge is a small box.
const MaxBytes = 32 << 20

// Table finds rows by key. It does not change, and is safe for concurrent use.
type Table struct {
	width int
	rows  []value.Value // width values each, in the order of their keys' bytes
	index map[string]int32
}

// DuplicateError says that two rows, by their places from 0, have one key.
type DuplicateError struct{ First, Second int }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("rows %d and %d have the same key", e.First+1, e.Second+1)
}

// New makes a table of rows, which it copies; keys are the places of the key columns in a row. A NULL in a key is an error: nothing
// would ever find it.
func New(keys []int, width int, rows [][]value.Value) (*Table, error) {
	type keyed struct {
		key   string
		place int
	}
	order := make([]keyed, len(rows))
	var scratch []byte
	for i, row := range rows {
		if len(row) != width {
			return nil, fmt.Errorf("row %d has %d columns, not %d", i+1, len(row), width)
		}
		scratch = scratch[:0]
		for _, k := range keys {
			if row[k].IsNull() {
				return nil, fmt.Errorf("row %d has no key", i+1)
			}
			scratch = value.Append(scratch, row[k])
		}
		order[i] = keyed{string(scratch), i}
	}
	slices.SortStableFunc(order, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	t := &Table{width: width, rows: make([]value.Value, 0, width*len(rows)), index: make(map[string]int32, len(rows))}
	for i, o := range order {
		if i > 0 && order[i-1].key == o.key {
			return nil, &DuplicateError{order[i-1].place, o.place}
		}
		t.index[o.key] = int32(i)
		t.rows = append(t.rows, rows[o.place]...)
	}
	return t, nil
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.index) }

// Width is the number of columns.
func (t *Table) Width() int { return t.width }

// Find gives the row whose key's values, in protocol/value's binary form one behind the other, are key. The row is the table's.
func (t *Table) Find(key []byte) ([]value.Value, bool) {
	i, ok := t.index[string(key)]
	if !ok {
		return nil, false
	}
	return t.row(int(i)), true
}

// All gives the rows in the order of their keys' bytes. They are the table's.
func (t *Table) All() iter.Seq[[]value.Value] {
	return func(yield func([]value.Value) bool) {
		for i := range t.Len() {
			if !yield(t.row(i)) {
				return
			}
		}
	}
}

func (t *Table) row(i int) []value.Value { return t.rows[i*t.width : (i+1)*t.width : (i+1)*t.width] }

var (
	packer = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)))
	})
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxBytes)))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constant
	}
	return v
}

// Encode gives the contents as they travel, and their name: equal rows give equal names. Its form is zstd over columns uvarint,
// rows uvarint, then each row's values.
func (t *Table) Encode() (data []byte, digest string, err error) {
	plain := binary.AppendUvarint(nil, uint64(t.width))
	plain = binary.AppendUvarint(plain, uint64(t.Len()))
	for row := range t.All() {
		plain = value.AppendRow(plain, row)
	}
	if len(plain) > MaxBytes {
		return nil, "", fmt.Errorf("its rows take %d bytes; at most %d fit", len(plain), MaxBytes)
	}
	sum := sha256.Sum256(plain)
	return packer().EncodeAll(plain, nil), hex.EncodeToString(sum[:]), nil
}

// Decode reads what Encode gave, as the contents of def.
func Decode(def *plan.Table, data []byte) (*Table, error) {
	plain, err := unpacker().DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("contents of table %s: %w", def.Name, err)
	}
	width, n := binary.Uvarint(plain)
	if n <= 0 || width != uint64(len(def.Columns)) {
		return nil, fmt.Errorf("contents of table %s: %d columns, not %d: %w", def.Name, width, len(def.Columns), value.ErrCorrupt)
	}
	plain = plain[n:]
	count, n := binary.Uvarint(plain)
	if n <= 0 || count > uint64(len(plain)) || width == 0 {
		return nil, fmt.Errorf("contents of table %s: %w", def.Name, value.ErrCorrupt)
	}
	plain = plain[n:]
	rows := make([][]value.Value, count)
	for i := range rows {
		rows[i] = make([]value.Value, width)
		if plain, err = value.ReadRow(plain, rows[i]); err != nil {
			return nil, fmt.Errorf("contents of table %s: row %d: %w", def.Name, i+1, err)
		}
		for c, v := range rows[i] {
			want := def.Columns[c].Type.Value()
			if !v.IsNull() && (v.Kind() != want.Kind || v.Kind() == value.Decimal && v.Scale() != want.Scale) {
				return nil, fmt.Errorf("contents of table %s: row %d: %s where %s should be: %w", def.Name, i+1, v.Kind(), want, value.ErrCorrupt)
			}
		}
	}
	t, err := New(Keys(def), int(width), rows)
	if err != nil {
		return nil, fmt.Errorf("contents of table %s: %w", def.Name, err)
	}
	return t, nil
}

// Keys are the places of a table's key columns.
func Keys(def *plan.Table) []int {
	var keys []int
	for i, c := range def.Columns {
		if c.Key {
			keys = append(keys, i)
		}
	}
	return keys
}

// Joined are the tables that views of a plan join, each once.
func Joined(p *plan.Plan) []*plan.Table {
	var list []*plan.Table
	for _, t := range p.Tables {
		if slices.ContainsFunc(p.Views, func(v *plan.View) bool {
			return slices.ContainsFunc(plan.Sides(v), func(s *plan.View) bool {
				return slices.ContainsFunc(s.Joins, func(j *plan.Join) bool { return j.Table == t.Id })
			})
		}) {
			list = append(list, t)
		}
	}
	return list
}
