package payload

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/fxamacker/cbor/v2"
	"github.com/hexpane/hexpane/protocol/value"
)

// Limits of one CBOR item, for cbor.DecOptions. They hold for all elements together no more than the message's size does.
const (
	maxCBORNesting = 32
	maxCBORPairs   = 1 << 16 // of a map
)

// cborMode checks that items are well formed and within the limits. Whatever passes it can be walked without further
// checks of lengths.
var cborMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxNestedLevels: maxCBORNesting, MaxArrayElements: maxElements, MaxMapPairs: maxCBORPairs}.DecMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return m
}()

// cborBytes takes one item's bytes without reading them.
type cborBytes struct{ item []byte }

// UnmarshalCBOR keeps the item.
func (c *cborBytes) UnmarshalCBOR(b []byte) error { c.item = b; return nil }

// first cuts the first well-formed item off.
func (c *cborBytes) first(payload []byte) (rest []byte, err error) {
	return cborMode.UnmarshalFirst(payload, c)
}

// The major types of RFC 8949, 3.1.
const (
	cborUint byte = iota
	cborNegative
	cborByteString
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const cborIndefinite = 31

// cborHead is an item's first bytes. A Decoder walks items by heads, since reading them into Go's maps would cost more than
// all else.
type cborHead struct {
	major, info byte
	arg         uint64
}

func headAt(b []byte, i int) (h cborHead, next int) {
	h = cborHead{major: b[i] >> 5, info: b[i] & 31}
	i++
	switch h.info {
	case 24:
		h.arg, i = uint64(b[i]), i+1
	case 25:
		h.arg, i = uint64(binary.BigEndian.Uint16(b[i:])), i+2
	case 26:
		h.arg, i = uint64(binary.BigEndian.Uint32(b[i:])), i+4
	case 27:
		h.arg, i = binary.BigEndian.Uint64(b[i:]), i+8
	case cborIndefinite:
	default:
		h.arg = uint64(h.info)
	}
	return h, i
}

// ends reports whether a container has no n-th element, and steps over the break of one without a length.
func (h cborHead) ends(b []byte, i int, n uint64) (next int, end bool) {
	if h.info != cborIndefinite {
		return i, n >= h.arg
	}
	if b[i] == 0xff {
		return i + 1, true
	}
	return i, false
}

// skipCBOR steps over the item at i.
func skipCBOR(b []byte, i int) int {
	h, i := headAt(b, i)
	switch h.major {
	case cborByteString, cborText:
		if h.info != cborIndefinite {
			return i + int(h.arg)
		}
		for b[i] != 0xff {
			i = skipCBOR(b, i)
		}
		return i + 1
	case cborTag:
		return skipCBOR(b, i)
	case cborArray, cborMap:
		for n := uint64(0); ; n++ {
			var end bool
			if i, end = h.ends(b, i, n); end {
				return i
			}
			if i = skipCBOR(b, i); h.major == cborMap {
				i = skipCBOR(b, i)
			}
		}
	}
	return i
}

// untagged steps over the tags at i and gives the last of those that change what the value means.
func untagged(b []byte, i int) (tag uint64, next int) {
	tag = noTag
	for {
		h, next := headAt(b, i)
		if h.major != cborTag {
			return tag, i
		}
		if h.arg <= tagDecimal {
			tag = h.arg
		}
		i = next
	}
}

// Tags with a meaning here; others are stepped over.
const (
	tagTimeText  = 0
	tagEpoch     = 1
	tagBignum    = 2
	tagNegBignum = 3
	tagDecimal   = 4
	noTag        = math.MaxUint64
)

// cborString gives the bytes of a text or byte string; those in several pieces are put together in scratch.
func cborString(b []byte, i int, scratch []byte) (text []byte, next int) {
	h, i := headAt(b, i)
	if h.info != cborIndefinite {
		return b[i : i+int(h.arg)], i + int(h.arg)
	}
	scratch = scratch[:0]
	for b[i] != 0xff {
		var piece []byte
		piece, i = cborString(b, i, nil)
		scratch = append(scratch, piece...)
	}
	return scratch, i + 1
}

// cborFloat is the float16, float32 or float64 of a head.
func (h cborHead) float() (f float64, bits int) {
	switch h.info {
	case 25:
		return halfFloat(uint16(h.arg)), 32
	case 26:
		return float64(math.Float32frombits(uint32(h.arg))), 32
	}
	return math.Float64frombits(h.arg), 64
}

// halfFloat is RFC 8949's appendix D.
func halfFloat(half uint16) float64 {
	exp, mant := int(half>>10&0x1f), float64(half&0x3ff)
	var f float64
	switch {
	case exp == 0:
		f = math.Ldexp(mant, -24)
	case exp != 31:
		f = math.Ldexp(mant+1024, exp-25)
	case mant == 0:
		f = math.Inf(1)
	default:
		f = math.NaN()
	}
	if half&0x8000 != 0 {
		return -f
	}
	return f
}

func (h cborHead) isFloat() bool { return h.major == cborSimple && h.info >= 25 && h.info <= 27 }

// integer is the whole number of a head, if an int64 holds it.
func (h cborHead) integer() (int64, bool) {
	if h.major > cborNegative || h.arg > math.MaxInt64 {
		return 0, false
	}
	if h.major == cborNegative {
		return -1 - int64(h.arg), true
	}
	return int64(h.arg), true
}

// cborNumber reads a number as a float64, also a decimal fraction.
func cborNumber(b []byte, i int) (float64, error) {
	tag, i := untagged(b, i)
	h, next := headAt(b, i)
	switch {
	case tag == tagDecimal:
		text, err := decimalFraction(b, i)
		if err != nil {
			return 0, err
		}
		return strconv.ParseFloat(text, 64)
	case h.major == cborUint:
		return float64(h.arg), nil
	case h.major == cborNegative:
		return -1 - float64(h.arg), nil
	case h.isFloat():
		if f, _ := h.float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return 0, fmt.Errorf("want a number, found %s", describeCBOR(b[i:next]))
}

// maxDecimalExponent is the largest power of ten of a decimal fraction that is read: a text is made of it.
const maxDecimalExponent = 30

// decimalFraction is an array of exponent and mantissa as a plain decimal number.
func decimalFraction(b []byte, i int) (string, error) {
	h, i := headAt(b, i)
	var parts [2]int64
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end || h.major != cborArray {
			if h.major == cborArray && n == 2 {
				break
			}
			return "", fmt.Errorf("a decimal fraction is [exponent, mantissa]")
		}
		element, next := headAt(b, i)
		whole, ok := element.integer()
		if n > 1 || !ok {
			return "", fmt.Errorf("a decimal fraction is [exponent, mantissa], whole numbers of 64 bits")
		}
		parts[n], i = whole, next
	}
	exp, mantissa := parts[0], parts[1]
	switch {
	case exp > maxDecimalExponent || exp < -maxDecimalExponent:
		return "", fmt.Errorf("a decimal fraction's exponent of %d", exp)
	case exp < 0:
		return value.OfDecimal(mantissa, uint8(-exp)).Text(), nil
	}
	text := strconv.AppendInt(nil, mantissa, 10)
	for range exp {
		text = append(text, '0')
	}
	return string(text), nil
}

// describeCBOR names what an item is, for messages.
func describeCBOR(b []byte) string {
	h, _ := headAt(b, 0)
	switch {
	case h.isFloat():
		f, _ := h.float()
		return fmt.Sprintf("the number %v", f)
	case h.major == cborSimple && (h.info == 20 || h.info == 21):
		return strconv.FormatBool(h.info == 21)
	}
	return [...]string{"a number", "a number", "a byte string", "a text", "an array", "a map", "a tag", "a simple value"}[h.major]
}

// convertCBOR makes a typed value of the item at i. Nothing in it refers to b.
func (d *Decoder) convertCBOR(t value.Type, b []byte, i int) (value.Value, error) {
	tag, i := untagged(b, i)
	h, next := headAt(b, i)
	switch {
	case tag == tagBignum || tag == tagNegBignum:
		return value.Value{}, fmt.Errorf("want %s, found a number of more than 64 bits", t)
	case tag == tagDecimal:
		text, err := decimalFraction(b, i)
		if err != nil {
			return value.Value{}, err
		}
		return value.Parse(t, text)
	case tag == tagEpoch && t.Kind == value.Timestamp:
		return epochTime(h)
	case h.major == cborUint:
		return ofUint(t, h.arg)
	case h.major == cborNegative:
		if whole, ok := h.integer(); ok {
			return ofInt(t, whole)
		}
		return ofFloat(t, -1-float64(h.arg), 64)
	case h.isFloat():
		f, bits := h.float()
		return ofFloat(t, f, bits)
	case h.major == cborText:
		text, _ := cborString(b, i, d.scratch)
		return d.ofText(t, text)
	case h.major == cborByteString && t.Kind == value.String:
		bytes, _ := cborString(b, i, d.scratch)
		return value.OfString(base64.RawURLEncoding.EncodeToString(bytes)), nil
	case h.major == cborSimple && (h.info == 20 || h.info == 21):
		return ofBool(t, h.info == 21)
	case h.major == cborSimple && (h.info == 22 || h.info == 23): // null, undefined
		return value.Value{}, nil
	}
	return value.Value{}, fmt.Errorf("want %s, found %s", t, describeCBOR(b[i:next]))
}

// epochTime is tag 1: seconds since the epoch, whatever their magnitude.
func epochTime(h cborHead) (value.Value, error) {
	if whole, ok := h.integer(); ok && whole > -maxEpochSeconds && whole < maxEpochSeconds {
		return value.OfTime(whole * 1e6), nil
	}
	if h.isFloat() {
		if f, _ := h.float(); f > -maxEpochSeconds && f < maxEpochSeconds {
			return value.OfTime(int64(math.Round(f * 1e6))), nil
		}
	}
	return value.Value{}, fmt.Errorf("tag 1 wants seconds since the epoch")
}

const maxEpochSeconds = 9e12 // 64 bits of microseconds
