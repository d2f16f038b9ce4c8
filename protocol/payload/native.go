package payload

import (
	"fmt"
	"math"
	"strconv"

	"github.com/hexpane/hexpane/protocol/value"
)

// columnIndex finds the columns whose path is one key. As in JSON, a key as written beats one in another case, and of
// equals the first counts: offer says whether a value is to be taken.
type columnIndex struct {
	exact   map[string]int // a key's place in keys
	keys    []string
	columns [][]int // of each key
	after   []int   // the key that followed each key the last time: devices write them in one order; last, the first of all
	last    int
	given   []match // by column, in the reading at hand
}

func newColumnIndex(paths []path, without []bool) columnIndex {
	x := columnIndex{exact: map[string]int{}, given: make([]match, len(paths))}
	for column, p := range paths {
		if without[column] || len(p) != 1 || p[0].any || p[0].index >= 0 {
			continue
		}
		k, ok := x.exact[p[0].key]
		if !ok {
			k = len(x.keys)
			x.exact[p[0].key] = k
			x.keys, x.columns = append(x.keys, p[0].key), append(x.columns, nil)
		}
		x.columns[k] = append(x.columns[k], column)
	}
	x.after, x.last = make([]int, len(x.keys)+1), len(x.keys)
	return x
}

// find gives the columns that a key may fill, and how well it fits.
func (x *columnIndex) find(key []byte) ([]int, match) {
	if len(x.keys) == 0 {
		return nil, noMatch
	}
	if k := x.after[x.last]; x.keys[k] == string(key) {
		x.last = k
		return x.columns[k], asWritten
	}
	if k, ok := x.exact[string(key)]; ok {
		x.after[x.last], x.last = k, k
		return x.columns[k], asWritten
	}
	for k, name := range x.keys {
		if sameFold(key, name) {
			return x.columns[k], anotherCase
		}
	}
	return nil, noMatch
}

// begin starts a reading.
func (x *columnIndex) begin() {
	x.last = len(x.keys)
	clear(x.given)
}

// offer reports whether the column takes a value whose key fits so well.
func (x *columnIndex) offer(column int, how match) bool {
	if how <= x.given[column] {
		return false
	}
	x.given[column] = how
	return true
}

// refuse rejects a reading for a column's value.
func (d *Decoder) refuse(out *Batch, column int, err error, sample []byte) {
	reason := "bad_type"
	if d.types[column].Kind == value.Timestamp {
		reason = "bad_timestamp"
	}
	out.reject(reason, fmt.Sprintf("column %s: %s", d.stream.Columns[column].Name, err), sample)
}

func ofInt(t value.Type, i int64) (value.Value, error) {
	switch t.Kind {
	case value.Int:
		return value.OfInt(i), nil
	case value.Double:
		return value.OfDouble(float64(i)), nil
	case value.Timestamp:
		return value.OfTime(value.MicrosOfInt(i)), nil
	case value.Decimal, value.String:
		return value.Parse(t, strconv.FormatInt(i, 10))
	}
	return value.Value{}, fmt.Errorf("want %s, found the number %d", t, i)
}

func ofUint(t value.Type, u uint64) (value.Value, error) {
	switch {
	case u <= math.MaxInt64:
		return ofInt(t, int64(u))
	case t.Kind == value.Double:
		return value.OfDouble(float64(u)), nil
	case t.Kind == value.String:
		return value.OfString(strconv.FormatUint(u, 10)), nil
	}
	return value.Value{}, fmt.Errorf("want %s, found the number %d", t, u)
}

// ofFloat converts a number of that many bits, which say how many digits it has as a text or a DECIMAL.
func ofFloat(t value.Type, f float64, bits int) (value.Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return value.Value{}, fmt.Errorf("want %s, found %v", t, f)
	}
	switch t.Kind {
	case value.Double:
		return value.OfDouble(f), nil
	case value.Int:
		if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
			return value.OfInt(int64(f)), nil
		}
	case value.Timestamp:
		if us, ok := value.MicrosOfNumber(f); ok {
			return value.OfTime(us), nil
		}
	case value.Decimal:
		return value.Parse(t, strconv.FormatFloat(f, 'f', -1, bits))
	case value.String:
		return value.OfString(strconv.FormatFloat(f, 'g', -1, bits)), nil
	}
	return value.Value{}, fmt.Errorf("want %s, found the number %v", t, f)
}

func ofBool(t value.Type, b bool) (value.Value, error) {
	switch t.Kind {
	case value.Bool:
		return value.OfBool(b), nil
	case value.String:
		return value.OfString(strconv.FormatBool(b)), nil
	}
	return value.Value{}, fmt.Errorf("want %s, found %t", t, b)
}

// ofText converts a text, also one that reads as another type. The value does not refer to b.
func (d *Decoder) ofText(t value.Type, b []byte) (value.Value, error) {
	if t.Kind == value.String {
		return value.OfString(d.names.text(b)), nil
	}
	return value.Parse(t, view(b))
}

// ofMillis converts a time in milliseconds since the epoch, whatever its magnitude.
func ofMillis(t value.Type, ms uint64) (value.Value, error) {
	if t.Kind != value.Timestamp {
		return ofUint(t, ms)
	}
	us, ok := microsOfMillis(ms)
	if !ok {
		return value.Value{}, fmt.Errorf("%d ms is out of range", ms)
	}
	return value.OfTime(us), nil
}

func microsOfMillis(ms uint64) (int64, bool) {
	if ms > math.MaxInt64/1000 {
		return 0, false
	}
	return int64(ms) * 1000, true
}

// setTime gives a reading the time that its message carries beside the columns, unless the column has a value.
func (d *Decoder) setTime(row []value.Value, us int64) {
	if d.time >= 0 && row[d.time].IsNull() {
		row[d.time] = value.OfTime(us)
		if d.types[d.time].Kind == value.Int {
			row[d.time] = value.OfInt(us)
		}
	}
}
