package wire

import (
	"encoding/binary"
	"math"

	"github.com/hexpane/hexpane/protocol/value"
)

// How a column is written: one byte, then
const (
	columnMixed   = 0 // each value in its binary form
	columnSame    = 1 // one value, which all rows have
	columnInts    = 2 // kind, then zigzag varints of the differences
	columnScaled  = 3 // decimal digits k, then differences of value·10^k
	columnDoubles = 4 // 8 bytes each, little-endian
	columnStrings = 5 // uvarint length and bytes each
)

// maxScale bounds the digits tried for columnScaled: 1e-7° is a centimetre.
const maxScale = 7

// AppendColumns writes rows, which lie one behind the other with width values each, column by column.
func AppendColumns(dst []byte, rows []value.Value, width int) []byte {
	for c := range width {
		dst = appendColumn(dst, rows[c:], width)
	}
	return dst
}

// appendColumn writes the values at 0, width, 2·width and so on.
func appendColumn(dst []byte, v []value.Value, width int) []byte {
	first, alike, kindAlike := v[0], true, true
	for i := width; i < len(v); i += width {
		kindAlike = kindAlike && v[i].Kind() == first.Kind()
		alike = alike && kindAlike && value.Equal(v[i], first)
	}
	switch {
	case alike && first.Kind() != value.Decimal:
		return value.Append(append(dst, columnSame), first)
	case !kindAlike:
	case first.Kind() == value.Int || first.Kind() == value.Timestamp:
		dst = append(dst, columnInts, byte(first.Kind()))
		previous := int64(0)
		for i := 0; i < len(v); i += width {
			dst = binary.AppendVarint(dst, v[i].Int()-previous)
			previous = v[i].Int()
		}
		return dst
	case first.Kind() == value.Double:
		return appendDoubles(dst, v, width)
	case first.Kind() == value.String:
		dst = append(dst, columnStrings)
		for i := 0; i < len(v); i += width {
			dst = binary.AppendUvarint(dst, uint64(len(v[i].Str())))
			dst = append(dst, v[i].Str()...)
		}
		return dst
	}
	dst = append(dst, columnMixed)
	for i := 0; i < len(v); i += width {
		dst = value.Append(dst, v[i])
	}
	return dst
}

// appendDoubles writes decimal fractions as integers, which most measured values are, and others as they are.
func appendDoubles(dst []byte, v []value.Value, width int) []byte {
	scale := 0
	for i := 0; i < len(v) && scale <= maxScale; i += width {
		for f := v[i].Float(); scale <= maxScale; scale++ {
			if _, ok := scaled(f, scale); ok {
				break
			}
		}
	}
	if scale <= maxScale {
		if out, ok := appendScaled(dst, v, width, scale); ok {
			return out
		}
	}
	dst = append(dst, columnDoubles)
	for i := 0; i < len(v); i += width {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v[i].Float()))
	}
	return dst
}

// appendScaled fails if the scale, found for a later value, spoils an earlier one.
func appendScaled(dst []byte, v []value.Value, width, scale int) ([]byte, bool) {
	dst = append(dst, columnScaled, byte(scale))
	previous := int64(0)
	for i := 0; i < len(v); i += width {
		n, ok := scaled(v[i].Float(), scale)
		if !ok {
			return nil, false
		}
		dst = binary.AppendVarint(dst, n-previous)
		previous = n
	}
	return dst, true
}

var powers = [maxScale + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}

// scaled gives f·10^scale as an integer if dividing it again gives exactly f.
func scaled(f float64, scale int) (int64, bool) {
	x := math.RoundToEven(f * powers[scale])
	if math.Abs(x) > 1<<53 || x/powers[scale] != f || f == 0 && math.Signbit(f) {
		return 0, false
	}
	return int64(x), true
}

// ReadColumns reads count rows of width values each. The rows share one slab.
func ReadColumns(src []byte, count, width int) ([][]value.Value, error) {
	// A row costs no byte in a column of one repeated value, so count needs a bound of its own.
	if count < 0 || width < 0 || count > 1<<20 || width > 1<<12 || count*width > 1<<22 {
		return nil, ErrCorrupt
	}
	slab := make([]value.Value, count*width)
	rows := make([][]value.Value, count)
	for i := range rows {
		rows[i] = slab[i*width : (i+1)*width : (i+1)*width]
	}
	var err error
	for c := range width {
		if src, err = readColumn(src, rows, c); err != nil {
			return nil, err
		}
	}
	if len(src) != 0 {
		return nil, ErrCorrupt
	}
	return rows, nil
}

func readColumn(src []byte, rows [][]value.Value, c int) ([]byte, error) {
	if len(src) == 0 {
		return nil, ErrCorrupt
	}
	mode, src := src[0], src[1:]
	switch mode {
	case columnSame:
		v, rest, err := value.Read(src)
		for _, r := range rows {
			r[c] = v
		}
		return rest, err
	case columnMixed:
		var err error
		for _, r := range rows {
			if r[c], src, err = value.Read(src); err != nil {
				return nil, err
			}
		}
		return src, nil
	case columnInts:
		if len(src) == 0 {
			return nil, ErrCorrupt
		}
		kind := value.Kind(src[0])
		if kind != value.Int && kind != value.Timestamp {
			return nil, ErrCorrupt
		}
		return readInts(src[1:], rows, func(r []value.Value, i int64) {
			if kind == value.Int {
				r[c] = value.OfInt(i)
			} else {
				r[c] = value.OfTime(i)
			}
		})
	case columnScaled:
		if len(src) == 0 || src[0] > maxScale {
			return nil, ErrCorrupt
		}
		power := powers[src[0]]
		return readInts(src[1:], rows, func(r []value.Value, i int64) { r[c] = value.OfDouble(float64(i) / power) })
	case columnDoubles:
		if len(src) < 8*len(rows) {
			return nil, ErrCorrupt
		}
		for _, r := range rows {
			r[c] = value.OfDouble(math.Float64frombits(binary.LittleEndian.Uint64(src)))
			src = src[8:]
		}
		return src, nil
	case columnStrings:
		for _, r := range rows {
			l, n := binary.Uvarint(src)
			if n <= 0 || l > uint64(len(src)-n) {
				return nil, ErrCorrupt
			}
			r[c] = value.OfString(string(src[n : n+int(l)]))
			src = src[n+int(l):]
		}
		return src, nil
	}
	return nil, ErrCorrupt
}

func readInts(src []byte, rows [][]value.Value, set func([]value.Value, int64)) ([]byte, error) {
	previous := int64(0)
	for _, r := range rows {
		d, n := binary.Varint(src)
		if n <= 0 {
			return nil, ErrCorrupt
		}
		previous += d
		set(r, previous)
		src = src[n:]
	}
	return src, nil
}
