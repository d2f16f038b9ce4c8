package value

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrCorrupt says that bytes are not a value.
var ErrCorrupt = errors.New("value: corrupt bytes")

// Append writes v after dst:
//
//	NULL       00
//	BOOLEAN    01, 0|1
//	BIGINT     02, zigzag varint        TIMESTAMP  06, zigzag varint of µs
//	DOUBLE     03, 8 bytes little-endian
//	DECIMAL    04, scale, zigzag varint
//	STRING     05, uvarint length, bytes
//	CELL       07, 8 bytes little-endian
//
// Equal values of one kind have equal bytes (−0 is written as 0), so the bytes serve as a group key.
func Append(dst []byte, v Value) []byte {
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case Bool:
		dst = append(dst, byte(v.bits))
	case Int, Timestamp:
		dst = binary.AppendVarint(dst, int64(v.bits))
	case Double:
		bits := v.bits
		if bits == 1<<63 {
			bits = 0
		}
		dst = binary.LittleEndian.AppendUint64(dst, bits)
	case Decimal:
		dst = append(dst, v.scale)
		dst = binary.AppendVarint(dst, int64(v.bits))
	case String:
		dst = binary.AppendUvarint(dst, uint64(len(v.str)))
		dst = append(dst, v.str...)
	case Cell:
		dst = binary.LittleEndian.AppendUint64(dst, v.bits)
	}
	return dst
}

// AppendRow writes each value of row in turn.
func AppendRow(dst []byte, row []Value) []byte {
	for _, v := range row {
		dst = Append(dst, v)
	}
	return dst
}

// Read takes one value off src and gives the rest. Strings are copied.
func Read(src []byte) (Value, []byte, error) {
	if len(src) == 0 {
		return Value{}, nil, ErrCorrupt
	}
	kind, src := Kind(src[0]), src[1:]
	switch kind {
	case Null:
		return Value{}, src, nil
	case Bool:
		if len(src) < 1 || src[0] > 1 {
			return Value{}, nil, ErrCorrupt
		}
		return Value{kind: Bool, bits: uint64(src[0])}, src[1:], nil
	case Int, Timestamp:
		i, n := binary.Varint(src)
		if n <= 0 {
			return Value{}, nil, ErrCorrupt
		}
		return Value{kind: kind, bits: uint64(i)}, src[n:], nil
	case Double, Cell:
		if len(src) < 8 {
			return Value{}, nil, ErrCorrupt
		}
		bits := binary.LittleEndian.Uint64(src)
		if kind == Double && math.IsNaN(math.Float64frombits(bits)) || kind == Cell && bits == 0 {
			return Value{}, nil, ErrCorrupt
		}
		return Value{kind: kind, bits: bits}, src[8:], nil
	case Decimal:
		if len(src) < 2 {
			return Value{}, nil, ErrCorrupt
		}
		i, n := binary.Varint(src[1:])
		if n <= 0 {
			return Value{}, nil, ErrCorrupt
		}
		return Value{kind: Decimal, scale: src[0], bits: uint64(i)}, src[1+n:], nil
	case String:
		l, n := binary.Uvarint(src)
		if n <= 0 || l > uint64(len(src)-n) {
			return Value{}, nil, ErrCorrupt
		}
		return Value{kind: String, str: string(src[n : n+int(l)])}, src[n+int(l):], nil
	}
	return Value{}, nil, ErrCorrupt
}

// ReadRow takes len(row) values off src into row and gives the rest.
func ReadRow(src []byte, row []Value) ([]byte, error) {
	var err error
	for i := range row {
		if row[i], src, err = Read(src); err != nil {
			return nil, err
		}
	}
	return src, nil
}
