package payload

import (
	"math"

	"github.com/hexpane/hexpane/protocol/payload/tahu"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// SparkplugBirth writes what a device publishes on DBIRTH, or a node on NBIRTH: every column that the topic doesn't fill and
// that is not the event time, with an alias (its index) and a type. session is a node's bdSeq; below 0 there is none.
func SparkplugBirth(dst []byte, s *plan.Stream, row []value.Value, session, seq int64) ([]byte, error) {
	p, err := sparkplugPayload(s, row, seq, true)
	if err != nil {
		return dst, err
	}
	if session >= 0 {
		p.Metrics = append(p.Metrics, &tahu.Payload_Metric{Name: proto.String("bdSeq"), Datatype: proto.Uint32(uint32(tahu.DataType_Int64)),
			Value: &tahu.Payload_Metric_LongValue{LongValue: uint64(session)}})
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, p)
}

// SparkplugData writes what follows on DDATA or NDATA: the columns that are not NULL, by alias.
func SparkplugData(dst []byte, s *plan.Stream, row []value.Value, seq int64) ([]byte, error) {
	p, err := sparkplugPayload(s, row, seq, false)
	if err != nil {
		return dst, err
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, p)
}

// SparkplugDeath writes a node's will.
func SparkplugDeath(dst []byte, session int64) ([]byte, error) {
	p := &tahu.Payload{Metrics: []*tahu.Payload_Metric{{Name: proto.String("bdSeq"), Datatype: proto.Uint32(uint32(tahu.DataType_Int64)),
		Value: &tahu.Payload_Metric_LongValue{LongValue: uint64(session)}}}}
	return proto.MarshalOptions{}.MarshalAppend(dst, p)
}

func sparkplugPayload(s *plan.Stream, row []value.Value, seq int64, birth bool) (*tahu.Payload, error) {
	template, err := ParseTemplate(s.Topic)
	if err != nil {
		return nil, err
	}
	fromTop := map[string]bool{}
	for _, name := range template.Names() {
		fromTop[name] = true
	}
	p := &tahu.Payload{Seq: proto.Uint64(uint64(seq) & math.MaxUint8)}
	for i, c := range s.Columns {
		if i == int(s.Timestamp) {
			if !row[i].IsNull() {
				p.Timestamp = proto.Uint64(uint64(row[i].Int() / 1000))
			}
			continue
		}
		if fromTop[c.Name] || row[i].IsNull() && !birth {
			continue
		}
		m := &tahu.Payload_Metric{Alias: proto.Uint64(uint64(i))}
		if birth {
			steps, err := parseQuoted(c.Path, c.Name)
			if err != nil {
				return nil, err
			}
			m.Name = proto.String(steps[len(steps)-1].key)
			m.Datatype = proto.Uint32(uint32(sparkplugType(c.Type.Value().Kind)))
		}
		setMetric(m, row[i])
		p.Metrics = append(p.Metrics, m)
	}
	return p, nil
}

func sparkplugType(k value.Kind) tahu.DataType {
	switch k {
	case value.Bool:
		return tahu.DataType_Boolean
	case value.Int:
		return tahu.DataType_Int64
	case value.Double:
		return tahu.DataType_Double
	case value.Timestamp:
		return tahu.DataType_DateTime
	}
	return tahu.DataType_String
}

func setMetric(m *tahu.Payload_Metric, v value.Value) {
	switch v.Kind() {
	case value.Null:
		m.IsNull = proto.Bool(true)
	case value.Bool:
		m.Value = &tahu.Payload_Metric_BooleanValue{BooleanValue: v.Bool()}
	case value.Int:
		m.Value = &tahu.Payload_Metric_LongValue{LongValue: uint64(v.Int())}
	case value.Double:
		m.Value = &tahu.Payload_Metric_DoubleValue{DoubleValue: v.Float()}
	case value.Timestamp:
		m.Value = &tahu.Payload_Metric_LongValue{LongValue: uint64(v.Int() / 1000)}
	default:
		m.Value = &tahu.Payload_Metric_StringValue{StringValue: v.Text()}
	}
}
