package payload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/payload/tahu"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// Motors of a plant: the columns of one device, without the topic's.
func motors(topic string, more ...*plan.Column) *plan.Stream {
	s := &plan.Stream{Name: "motors", Topic: topic, Format: "sparkplug", Timestamp: 1, Columns: []*plan.Column{column("node", value.String, "KEY"), column("ts", value.Timestamp),
		column("rpm", value.Double, "['Motor/RPM']"), column("Temp", value.Int), column("on", value.Bool), column("serial", value.String, "Properties/Serial")}}
	s.Columns = append(s.Columns, more...)
	return s
}

// script feeds messages "type[/device]: metrics" and compares with what each gives. A metric is name=value, or #alias=value
// in data, or name#alias=value in a birth; @ms after a metric or the type is a time. i8, i32 … before a value say the type.
func script(t *testing.T, s *plan.Stream, text string) {
	t.Helper()
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		message, want, _ := strings.Cut(strings.TrimSpace(line), " => ")
		head, metrics, _ := strings.Cut(message, ":")
		p := &tahu.Payload{}
		if name, at, ok := strings.Cut(head, "@"); ok {
			head = name
			p.Timestamp = number(at)
		}
		for _, m := range strings.Fields(metrics) {
			p.Metrics = append(p.Metrics, scriptMetric(t, m))
		}
		payload, err := proto.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		kind, device, ok := strings.Cut(strings.TrimSpace(head), "/")
		topic := "spBv1.0/plant/" + kind + "/n1"
		if ok {
			topic += "/" + device
		}
		var b Batch
		d.Decode(topic, payload, arrival, &b)
		got := outcome(&b)
		if b.Skipped > 0 {
			got += "skipped"
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("line %d: %s\n got %s %+v\nwant %s", i+1, message, got, b.Rejects, want)
		}
	}
}

func number(s string) *uint64 {
	var u uint64
	if _, err := fmt.Sscan(s, &u); err != nil {
		panic(err)
	}
	return &u
}

var scriptTypes = map[string]tahu.DataType{"i8": tahu.DataType_Int8, "i16": tahu.DataType_Int16, "i32": tahu.DataType_Int32, "i64": tahu.DataType_Int64,
	"u32": tahu.DataType_UInt32, "u64": tahu.DataType_UInt64, "date": tahu.DataType_DateTime, "f32": tahu.DataType_Float, "f64": tahu.DataType_Double,
	"bool": tahu.DataType_Boolean, "str": tahu.DataType_String, "raw": tahu.DataType_Unknown}

func scriptMetric(t *testing.T, text string) *tahu.Payload_Metric {
	t.Helper()
	m := &tahu.Payload_Metric{}
	text, at, ok := strings.Cut(text, "@")
	if ok {
		m.Timestamp = number(at)
	}
	name, v, _ := strings.Cut(text, "=")
	name, alias, ok := strings.Cut(name, "#")
	if ok {
		m.Alias = number(alias)
	}
	if name != "" {
		m.Name = proto.String(name)
	}
	kind, v, _ := strings.Cut(v, ":")
	short, kind := strings.HasSuffix(kind, "?"), strings.TrimSuffix(kind, "?") // ?: without its type, as in data
	if dt := scriptTypes[kind]; !short && dt != 0 {
		m.Datatype = proto.Uint32(uint32(dt))
	}
	var f float64
	if _, err := fmt.Sscan(v, &f); err != nil && kind != "str" && kind != "bool" && v != "null" {
		t.Fatalf("metric %q: %v", text, err)
	}
	switch {
	case v == "null":
		m.IsNull = proto.Bool(true)
	case kind == "i8" || kind == "i16" || kind == "i32" || kind == "u32":
		m.Value = &tahu.Payload_Metric_IntValue{IntValue: uint32(int64(f))}
	case kind == "f32":
		m.Value = &tahu.Payload_Metric_FloatValue{FloatValue: float32(f)}
	case kind == "f64":
		m.Value = &tahu.Payload_Metric_DoubleValue{DoubleValue: f}
	case kind == "bool":
		m.Value = &tahu.Payload_Metric_BooleanValue{BooleanValue: v == "true"}
	case kind == "str":
		m.Value = &tahu.Payload_Metric_StringValue{StringValue: v}
	case kind == "raw":
		m.Value = &tahu.Payload_Metric_BytesValue{BytesValue: []byte(v)}
	default:
		m.Value = &tahu.Payload_Metric_LongValue{LongValue: uint64(int64(f))}
	}
	return m
}

func TestSparkplugDevice(t *testing.T) {
	script(t, motors("spBv1.0/+/+/{node}/+"), `
		DDATA/m1@1700000001000: #1=f64:5 => !unknown_alias
		DDATA/m1@1700000001000: Motor/RPM=f64:5 => n1|2023-11-14T22:13:21Z|5||| 
		DDATA/m1@1700000001000: Temp=i32?:5 => !unknown_alias
		DDATA/m1@1700000001000: Other=i32?:5 => skipped
		DBIRTH/m1@1700000001000: Motor/RPM#1=f64:0 Temp#2=i16:-3 on#3=bool:false Properties/Serial#4=str:S7 Other#9=u64:1 => n1|2023-11-14T22:13:21Z|0|-3|false|S7
		DDATA/m1@1700000002000: #1=f64?:7.5 #2=i16?:-4 => n1|2023-11-14T22:13:22Z|7.5|-4||
		DDATA/m1@1700000002000: temp=i16?:-5 => n1|2023-11-14T22:13:22Z||-5||
		DDATA/m1@1700000002000: #9=u64?:5 => skipped
		DDATA/m1@1700000002000: #3=bool?:null => n1|2023-11-14T22:13:22Z||||
		DDATA/m1@1700000002000: #1=f64?:7.5 #5=i64?:1 => !unknown_alias
		DDATA/m2@1700000002000: #1=f64?:7.5 => !unknown_alias
		DDATA/m1@1700000009000: #1=f64?:3@1700000005000 #2=i16?:1@1700000004000 #3=bool?:true@1700000005000 => n1|2023-11-14T22:13:24Z||1||;n1|2023-11-14T22:13:25Z|3||true|
		DDATA/m1: #1=f64?:1 => n1|2023-11-14T22:13:20Z|1|||
		DDATA/m1: #1=f32:0.5 #2=u32:3 => n1|2023-11-14T22:13:20Z|0.5|3||
		DDATA/m1: #2=i8:200 => n1|2023-11-14T22:13:20Z||-56||
		DDATA/m1: #2=i8:300 => !bad_type
		DDATA/m1: #2=u64:-1 => !bad_type
		DDATA/m1: #1=raw:1 => !bad_type
		DDATA/m1@18446744073709551: #1=f64?:1 => !bad_timestamp
		DDATA/m1: #1=f64?:1@18446744073709551 => !bad_timestamp
		DBIRTH/m1@1700000001000: Temp#1=i64:4 => n1|2023-11-14T22:13:21Z||4||
		DDATA/m1@1700000001000: #1=i64?:-9 => n1|2023-11-14T22:13:21Z||-9||
		DDEATH/m1@1700000001000: => skipped
		DDATA/m1@1700000001000: #1=i64?:-9 => !unknown_alias
		DCMD/m1: Temp=i64:1 => skipped
		DWHAT/m1: => !bad_topic
		NDATA/m1: => !bad_topic`)
}

func TestSparkplugNode(t *testing.T) {
	script(t, motors("spBv1.0/+/+/{node}/#", column("device", value.String, "KEY"), column("online", value.Bool)), `
		NBIRTH@1700000001000: bdSeq=i64:3 Temp#1=i32:20 => n1|2023-11-14T22:13:21Z||20||||true
		NDATA@1700000002000: #1=i32?:21 => n1|2023-11-14T22:13:22Z||21||||true
		NDATA@1700000002000: Other=f64:1 => n1|2023-11-14T22:13:22Z||||||true
		DBIRTH/a@1700000001000: Motor/RPM#5=f64:1 => n1|2023-11-14T22:13:21Z|1||||a|true
		DBIRTH/b@1700000001000: Motor/RPM#6=f64:2 => n1|2023-11-14T22:13:21Z|2||||b|true
		DBIRTH/c@1700000001000: on#7=bool:true => n1|2023-11-14T22:13:21Z|||true||c|true
		DDEATH/c@1700000003000: => n1|2023-11-14T22:13:23Z|||||c|false
		NDEATH@5: bdSeq=i64:2 => skipped
		DDATA/a@1700000004000: #5=f64?:3 => n1|2023-11-14T22:13:24Z|3||||a|true
		NDEATH@5: bdSeq=i64:3 => n1|2023-11-14T22:13:20Z||||||false;n1|2023-11-14T22:13:20Z|||||a|false;n1|2023-11-14T22:13:20Z|||||b|false
		DDATA/a@1700000004000: #5=f64?:3 => !unknown_alias
		NDEATH: bdSeq=i64:3 => n1|2023-11-14T22:13:20Z||||||false
		DBIRTH/a: Motor/RPM#5=f64:1 => n1|2023-11-14T22:13:20Z|1||||a|true
		NBIRTH: bdSeq=i64:4 => n1|2023-11-14T22:13:20Z||||||true
		DDATA/a: #5=f64?:3 => !unknown_alias`)
}

func TestSparkplugTopics(t *testing.T) {
	for topic, want := range map[string]string{"spBv1.0/g/NDATA/n": "g/n", "site/spBv1.0/g/DDATA/n/d": "g/n/d", "spBv1.0/STATE/host": "/", "spBv1.0/g/DDATA/n": "-",
		"spBv1.0/g/NDATA/n/d": "-", "spBv1.0/g/DDATA/n/d/e": "-", "xspBv1.0/g/NDATA/n": "-", "spBv1.0/g": "-", "spBv1.0//NDATA/n": "-", "spBv1.0/g/NDATA/": "-", "other": "-",
		"spBv1.0/g/NDATA/" + strings.Repeat("n", maxSparkplugID+1): "-"} {
		got := "-"
		if p, ok := parseSparkplugTopic(topic); ok {
			got = p.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
}

// What is remembered is bounded, and deaths give it back.
func TestSparkplugBounds(t *testing.T) {
	b := births{nodes: map[nodeID]*sparkplugNode{}}
	many := &birth{aliases: map[uint64]definition{}}
	for i := range uint64(maxSparkplugAliases / 4) {
		many.aliases[i] = definition{}
	}
	n := nodeID{"g", "n"}
	for _, device := range []string{"", "a", "b", "c"} {
		if err := b.replace(n, device, many); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.replace(n, "a", many); err != nil {
		t.Errorf("the same device again: %v", err)
	}
	if b.replace(n, "d", many) == nil || b.aliases != maxSparkplugAliases || b.devices != 4 {
		t.Errorf("%d aliases of %d devices", b.aliases, b.devices)
	}
	if b.dropNode(n); b.aliases != 0 || b.devices != 0 || len(b.nodes) != 0 {
		t.Errorf("after death: %d aliases of %d devices, %d nodes", b.aliases, b.devices, len(b.nodes))
	}
	for i := range maxSparkplugDevices {
		if err := b.replace(nodeID{"g", fmt.Sprint(i)}, "", &birth{}); err != nil {
			t.Fatal(err)
		}
	}
	if b.replace(n, "", &birth{}) == nil {
		t.Error("a device too many was taken")
	}
	d, err := New(motors("spBv1.0/+/+/{node}/+"))
	if err != nil {
		t.Fatal(err)
	}
	var out Batch
	d.Decode("spBv1.0/g/DBIRTH/n/d", bytes.Repeat([]byte{0x12, 0}, maxElements+1), arrival, &out)
	if outcome(&out) != "!too_many" {
		t.Errorf("too many metrics: %s", outcome(&out))
	}
	out.Reset()
	d.Decode("spBv1.0/g/DBIRTH/n/d", []byte{0x12, 5, 0}, arrival, &out)
	if outcome(&out) != "!malformed" {
		t.Errorf("cut off: %s", outcome(&out))
	}
}

// A row sent as a birth, and then another as data, decode to themselves.
func TestSparkplugRoundTrip(t *testing.T) {
	s := motors("spBv1.0/+/+/{node}/+", column("n", value.Int), column("at", value.Timestamp))
	draw := func(t *rapid.T) []value.Value {
		row := []value.Value{value.OfString("n1"), value.OfTime(rapid.Int64Range(0, 4e12).Draw(t, "ts") * 1000), value.OfDouble(rapid.Float64Range(-1e9, 1e9).Draw(t, "rpm")),
			value.OfInt(rapid.Int64().Draw(t, "temp")), value.OfBool(rapid.Bool().Draw(t, "on")), value.OfString(rapid.String().Draw(t, "serial")),
			value.OfInt(rapid.Int64().Draw(t, "n")), value.OfTime(rapid.Int64Range(0, 4e12).Draw(t, "at") * 1000)}
		if null := rapid.IntRange(2, 12).Draw(t, "null"); null < len(row) {
			row[null] = value.Value{}
		}
		return row
	}
	rapid.Check(t, func(t *rapid.T) {
		d, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		first, second := draw(t), draw(t)
		birth, err := SparkplugBirth(nil, s, first, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		data, err := SparkplugData(nil, s, second, 1)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Decode("spBv1.0/g/DBIRTH/n1/d", birth, arrival, &b)
		d.Decode("spBv1.0/g/DDATA/n1/d", data, arrival, &b)
		if want := text(first) + ";" + text(second); outcome(&b) != want {
			t.Fatalf("got %s, want %s", outcome(&b), want)
		}
	})
}

// What is read of a message is what protobuf's own code reads.
func FuzzSparkplugMessage(f *testing.F) {
	s := motors("spBv1.0/+/+/{node}/+")
	row := []value.Value{value.OfString("n1"), value.OfTime(arrival), value.OfDouble(1.5), value.OfInt(-3), value.OfBool(true), value.OfString("x")}
	birth, err := SparkplugBirth(nil, s, row, 1, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(birth)
	f.Add([]byte{0x12, 4, 0x10, 7, 0x50, 9, 0x12, 5, 0x65, 0, 0, 0x80, 0x3f})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got sparkplugMessage
		var want tahu.Payload
		errGot, errWant := got.read(payload), proto.Unmarshal(payload, &want)
		if (errGot != nil) != (errWant != nil) {
			t.Fatalf("%x: %v, protobuf says %v", payload, errGot, errWant)
		}
		if errGot != nil {
			return
		}
		if got.timed != (want.Timestamp != nil) || got.millis != want.GetTimestamp() || len(got.metrics) != len(want.Metrics) {
			t.Fatalf("%x: %+v, protobuf says %v", payload, got, &want)
		}
		for i := range got.metrics {
			if g, w := &got.metrics[i], want.Metrics[i]; !sameMetric(g, w) {
				t.Fatalf("%x: metric %d: %+v, protobuf says %v", payload, i, g, w)
			}
		}
	})
}

func sameMetric(g *metric, w *tahu.Payload_Metric) bool {
	if g.named != (w.Name != nil) || string(g.name) != w.GetName() || g.aliased != (w.Alias != nil) || g.alias != w.GetAlias() ||
		g.at != (w.Timestamp != nil) || g.millis != w.GetTimestamp() || g.isNull != w.GetIsNull() || uint32(g.datatype) != w.GetDatatype() {
		return false
	}
	switch v := w.Value.(type) {
	case *tahu.Payload_Metric_IntValue:
		return g.kind > metricBytes || g.kind == metricInt && g.bits == uint64(v.IntValue)
	case *tahu.Payload_Metric_LongValue:
		return g.kind > metricBytes || g.kind == metricLong && g.bits == v.LongValue
	case *tahu.Payload_Metric_BooleanValue:
		return g.kind > metricBytes || g.kind == metricBool && (g.bits != 0) == v.BooleanValue
	case *tahu.Payload_Metric_StringValue:
		return g.kind > metricBytes || g.kind == metricString && string(g.text) == v.StringValue
	case *tahu.Payload_Metric_BytesValue:
		return g.kind > metricBytes || g.kind == metricBytes && bytes.Equal(g.text, v.BytesValue)
	case *tahu.Payload_Metric_FloatValue:
		return g.kind >= metricFloat
	case *tahu.Payload_Metric_DoubleValue:
		return g.kind >= metricDouble
	}
	return g.kind == 0 || g.kind > metricBytes
}

func FuzzDecodeSparkplug(f *testing.F) {
	s := motors("spBv1.0/+/+/{node}/#", column("device", value.String, "KEY"), column("online", value.Bool))
	row := []value.Value{value.OfString("n1"), value.OfTime(arrival), value.OfDouble(1.5), value.OfInt(-3), value.OfBool(true), value.OfString("x"), {}, {}}
	birth, err := SparkplugBirth(nil, s, row, 1, 0)
	if err != nil {
		f.Fatal(err)
	}
	data, err := SparkplugData(nil, s, row, 1)
	if err != nil {
		f.Fatal(err)
	}
	kinds := []string{"NBIRTH/n", "DBIRTH/n/d", "NDATA/n", "DDATA/n/d", "NDEATH/n", "DDEATH/n/d"}
	f.Add(birth, data, uint8(1), uint8(3))
	f.Add(birth, []byte{}, uint8(0), uint8(4))
	f.Fuzz(func(t *testing.T, first, second []byte, kind1, kind2 uint8) {
		d, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Decode("spBv1.0/g/"+kinds[int(kind1)%len(kinds)], slices.Clone(first), arrival, &b)
		d.Decode("spBv1.0/g/"+kinds[int(kind2)%len(kinds)], second, arrival, &b)
		sameAfterwards(t, &b, second)
	})
}

func BenchmarkDecodeSparkplug(b *testing.B) {
	s := motors("spBv1.0/+/+/{node}/+")
	row := []value.Value{value.OfString("n1"), value.OfTime(arrival), value.OfDouble(1.5), value.OfInt(-3), value.OfBool(true), value.OfString("x")}
	birth, err := SparkplugBirth(nil, s, row, -1, 0)
	if err != nil {
		b.Fatal(err)
	}
	data, err := SparkplugData(nil, s, row, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("birth", func(b *testing.B) { benchmarkFormat(b, s, "spBv1.0/g/DBIRTH/n1/d", birth, 1) })
	b.Run("data", func(b *testing.B) {
		d, err := New(s)
		if err != nil {
			b.Fatal(err)
		}
		var out Batch
		d.Decode("spBv1.0/g/DBIRTH/n1/d", birth, arrival, &out)
		b.ReportAllocs()
		for b.Loop() {
			out.Reset()
			d.Decode("spBv1.0/g/DDATA/n1/d", data, arrival, &out)
		}
		if len(out.Readings) != 1 {
			b.Fatal(out.Rejects)
		}
	})
	b.Run("protobuf", func(b *testing.B) { // what the generated code takes to read the same message, and make no reading
		b.ReportAllocs()
		for b.Loop() {
			var p tahu.Payload
			if err := proto.Unmarshal(data, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
