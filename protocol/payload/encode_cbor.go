package payload

import (
	"encoding/binary"
	"math"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// AppendCBOR writes a row as a CBOR map under the columns' names, without NULLs: what a device would publish. Times are tag
// 1, decimals tag 4.
func AppendCBOR(dst []byte, columns []*plan.Column, row []value.Value) []byte {
	n := uint64(0)
	for _, v := range row {
		if !v.IsNull() {
			n++
		}
	}
	dst = appendCBORHead(dst, cborMap, n)
	for i, v := range row {
		if !v.IsNull() {
			dst = appendCBORText(dst, columns[i].Name)
			dst = appendCBORValue(dst, v)
		}
	}
	return dst
}

func appendCBORValue(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Bool:
		if v.Bool() {
			return append(dst, cborSimple<<5|21)
		}
		return append(dst, cborSimple<<5|20)
	case value.Int:
		return appendCBORInt(dst, v.Int())
	case value.Double:
		return appendCBORFloat(dst, v.Float())
	case value.Decimal:
		dst = appendCBORHead(dst, cborTag, tagDecimal)
		dst = appendCBORHead(dst, cborArray, 2)
		return appendCBORInt(appendCBORInt(dst, -int64(v.Scale())), v.Int())
	case value.Timestamp:
		dst = appendCBORHead(dst, cborTag, tagEpoch)
		if us := v.Int(); us%1e6 != 0 {
			return appendCBORFloat(dst, float64(us)/1e6)
		}
		return appendCBORInt(dst, v.Int()/1e6)
	}
	return appendCBORText(dst, v.Text())
}

func appendCBORText(dst []byte, s string) []byte {
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

func appendCBORFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, cborSimple<<5|27), math.Float64bits(f))
}

func appendCBORInt(dst []byte, i int64) []byte {
	if i < 0 {
		return appendCBORHead(dst, cborNegative, uint64(-1-i))
	}
	return appendCBORHead(dst, cborUint, uint64(i))
}

func appendCBORHead(dst []byte, major byte, arg uint64) []byte {
	major <<= 5
	switch {
	case arg < 24:
		return append(dst, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, major|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), arg)
}
