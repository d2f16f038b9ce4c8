package payload

import (
	"fmt"
	"math"

	"github.com/hexpane/hexpane/protocol/payload/tahu"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/encoding/protowire"
)

// metric is one metric as it stands in a message. Its bytes are those of the message.
type metric struct {
	name               []byte
	alias, millis      uint64
	datatype           tahu.DataType
	kind               metricKind
	isNull             bool
	named, aliased, at bool // name, alias and timestamp are there
	bits               uint64
	text               []byte
}

// metricKind is the number of the field that holds the value; 0: none.
type metricKind uint8

const (
	metricInt    metricKind = 10
	metricLong   metricKind = 11
	metricFloat  metricKind = 12
	metricDouble metricKind = 13
	metricBool   metricKind = 14
	metricString metricKind = 15
	metricBytes  metricKind = 16
	metricLast   metricKind = 19 // after data set and template, the extension
)

// sparkplugMessage is one Payload. Fields of other numbers or wire types than known are stepped over, as protobuf has it.
type sparkplugMessage struct {
	millis  uint64
	timed   bool
	metrics []metric
}

func (m *sparkplugMessage) read(b []byte) error {
	m.millis, m.timed, m.metrics = 0, false, m.metrics[:0]
	for len(b) > 0 {
		number, wire, n := consumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch {
		case number == 1 && wire == protowire.VarintType:
			m.millis, n = protowire.ConsumeVarint(b)
			m.timed = true
		case number == 2 && wire == protowire.BytesType:
			var text []byte
			if text, n = protowire.ConsumeBytes(b); n >= 0 {
				if len(m.metrics) == maxElements {
					return errTooMany
				}
				var one metric
				if err := one.read(text); err != nil {
					return fmt.Errorf("metric %d: %w", len(m.metrics), err)
				}
				m.metrics = append(m.metrics, one)
			}
		default:
			n = protowire.ConsumeFieldValue(number, wire, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

// consumeTag is protowire's, but refuses the numbers that protobuf's own decoder refuses.
func consumeTag(b []byte) (protowire.Number, protowire.Type, int) {
	number, wire, n := protowire.ConsumeTag(b)
	if n >= 0 && number > protowire.MaxValidNumber {
		return 0, 0, invalidTag
	}
	return number, wire, n
}

// invalidTag is one of protowire's codes that mean malformed.
const invalidTag = -2

var errTooMany = fmt.Errorf("more than %d metrics", maxElements)

func (m *metric) read(b []byte) error {
	for len(b) > 0 {
		number, wire, n := consumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if b = b[n:]; !m.field(number, wire, b, &n) {
			n = protowire.ConsumeFieldValue(number, wire, b)
			if number > protowire.Number(metricBytes) && number <= protowire.Number(metricLast) && wire == protowire.BytesType {
				m.kind = metricKind(number)
			}
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

// field reads a known field, and reports whether it is one.
func (m *metric) field(number protowire.Number, wire protowire.Type, b []byte, n *int) bool {
	switch wire {
	case protowire.VarintType:
		var u uint64
		u, *n = protowire.ConsumeVarint(b)
		switch number {
		case 2:
			m.alias, m.aliased = u, true
		case 3:
			m.millis, m.at = u, true
		case 4:
			m.datatype = tahu.DataType(int32(uint32(u)))
		case 7:
			m.isNull = u != 0
		case 10:
			m.kind, m.bits = metricInt, uint64(uint32(u))
		case 11:
			m.kind, m.bits = metricLong, u
		case 14:
			m.kind, m.bits = metricBool, u
		default:
			return false
		}
	case protowire.BytesType:
		var text []byte
		text, *n = protowire.ConsumeBytes(b)
		switch number {
		case 1:
			m.name, m.named = text, true
		case 15, 16:
			m.kind, m.text = metricKind(number), text
		default:
			return false
		}
	case protowire.Fixed32Type:
		if number != 12 {
			return false
		}
		var u uint32
		u, *n = protowire.ConsumeFixed32(b)
		m.kind, m.bits = metricFloat, uint64(u)
	case protowire.Fixed64Type:
		if number != 13 {
			return false
		}
		m.kind = metricDouble
		m.bits, *n = protowire.ConsumeFixed64(b)
	default:
		return false
	}
	return true
}

// untyped reports whether the type that its birth gave is needed to read the value.
func (m *metric) untyped() bool {
	return m.datatype == tahu.DataType_Unknown && (m.kind == metricInt || m.kind == metricLong) && !m.isNull
}

// convertMetric makes a typed value. Nothing in it refers to the message.
func (d *Decoder) convertMetric(t value.Type, m *metric, datatype tahu.DataType) (value.Value, error) {
	if m.isNull {
		return value.Value{}, nil
	}
	switch m.kind {
	case 0:
		return value.Value{}, nil
	case metricInt, metricLong:
		return ofMetricInteger(t, m, datatype)
	case metricFloat:
		return ofFloat(t, float64(math.Float32frombits(uint32(m.bits))), 32)
	case metricDouble:
		return ofFloat(t, math.Float64frombits(m.bits), 64)
	case metricBool:
		return ofBool(t, m.bits != 0)
	case metricString:
		return d.ofText(t, m.text)
	}
	return value.Value{}, fmt.Errorf("want %s, found a %s", t, datatype)
}

func ofMetricInteger(t value.Type, m *metric, datatype tahu.DataType) (value.Value, error) {
	bits := 0
	switch datatype {
	case tahu.DataType_Int8:
		bits = 8
	case tahu.DataType_Int16:
		bits = 16
	case tahu.DataType_Int32:
		bits = 32
	case tahu.DataType_Int64:
		bits = 64
	case tahu.DataType_Boolean:
		return ofBool(t, m.bits != 0)
	case tahu.DataType_DateTime:
		return ofMillis(t, m.bits)
	default:
		return ofUint(t, m.bits)
	}
	i, ok := twosComplement(m.bits, bits, m.kind == metricInt)
	if !ok {
		return value.Value{}, fmt.Errorf("%d is no %s", m.bits, datatype)
	}
	return ofInt(t, i)
}

// twosComplement is a signed number of so many bits. Some senders extend its sign to the field's 32 or 64 bits, and some
// don't.
func twosComplement(u uint64, bits int, short bool) (int64, bool) {
	i := int64(u)
	if short || bits == 32 && u <= math.MaxUint32 {
		i = int64(int32(uint32(u)))
	}
	shift := 64 - bits
	cut := i << shift >> shift
	return cut, cut == i || u>>bits == 0
}
