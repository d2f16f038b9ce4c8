package parquet

import (
	"fmt"
	"io"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/parquet-go/parquet-go"
)

// A row group is held in memory until it is written: so many rows, which is what query engines like, or so many bytes of values.
const (
	groupRows  = 122_880
	groupBytes = 32 << 20
)

// Writer writes a file. Until Close has put the footer there, what was written is no Parquet file, and no reader takes it for one.
type Writer struct {
	w     *parquet.GenericWriter[any]
	row   parquet.Row
	types []value.Type
	rows  int64
	group int // rows in the group at hand
	held  int // bytes of them

	groupBytes int
}

// NewWriter begins a file. about is put into its footer, by key.
func NewWriter(w io.Writer, columns []Column, about map[string]string) (*Writer, error) {
	if len(columns) == 0 {
		return nil, fmt.Errorf("a Parquet file needs a column")
	}
	options := []parquet.WriterOption{schemaOf(columns), parquet.Compression(&parquet.Zstd),
		parquet.DictionaryMaxBytes(1 << 20), parquet.MaxRowsPerRowGroup(groupRows + 1)}
	for _, key := range slices.Sorted(mapKeys(about)) {
		options = append(options, parquet.KeyValueMetadata(key, about[key]))
	}
	out := &Writer{w: parquet.NewGenericWriter[any](w, options...), row: make(parquet.Row, len(columns)), groupBytes: groupBytes}
	for _, c := range columns {
		out.types = append(out.types, c.Type)
	}
	return out, nil
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Write adds a row, which may be used again afterwards. An error is the underlying writer's, or says which column has a value of
// another type.
func (w *Writer) Write(row []value.Value) error {
	if len(row) != len(w.types) {
		return fmt.Errorf("a row has %d values, not %d", len(row), len(w.types))
	}
	for i, v := range row {
		p, err := written(v, w.types[i])
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
		defined := 1
		if v.IsNull() {
			defined = 0
		}
		w.row[i] = p.Level(0, defined, i)
		w.held += 8 + len(v.Str())
	}
	if _, err := w.w.WriteRows([]parquet.Row{w.row}); err != nil {
		return err
	}
	w.rows++
	if w.group++; w.group == groupRows || w.held >= w.groupBytes {
		w.group, w.held = 0, 0
		return w.w.Flush()
	}
	return nil
}

// Rows is how many were written.
func (w *Writer) Rows() int64 { return w.rows }

// Close writes what is held, and the footer.
func (w *Writer) Close() error { return w.w.Close() }

// written is a value as a file has it.
func written(v value.Value, t value.Type) (parquet.Value, error) {
	if v.IsNull() {
		return parquet.NullValue(), nil
	}
	switch {
	case t.Kind == value.Int && v.Kind() == value.Int, t.Kind == value.Timestamp && v.Kind() == value.Timestamp:
		return parquet.Int64Value(v.Int()), nil
	case t.Kind == value.Double && v.Kind().Numeric():
		return parquet.DoubleValue(v.Float()), nil
	case t.Kind == value.Bool && v.Kind() == value.Bool:
		return parquet.BooleanValue(v.Bool()), nil
	case t.Kind == value.Decimal && v.Kind() == value.Decimal:
		n, ok := rescale(v.Int(), int(v.Scale()), int(t.Scale))
		if !ok {
			return parquet.Value{}, fmt.Errorf("%s is no %s", v.Text(), t)
		}
		return parquet.Int64Value(n), nil
	case t.Kind == value.String || t.Kind == value.Cell || t.Kind == value.Null:
		return parquet.ByteArrayValue([]byte(v.Text())), nil
	}
	return parquet.Value{}, fmt.Errorf("%s is no %s", v.Kind(), t)
}

// rescale gives n, which counts units of 10^-from, in units of 10^-to; ok is false if it does not fit or has more digits.
func rescale(n int64, from, to int) (int64, bool) {
	for ; from < to; from++ {
		if n > maxInt64/10 || n < -maxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	for ; from > to; from-- {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, true
}

const maxInt64 = 1<<63 - 1
