package payload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

func column(name string, kind value.Kind, more ...string) *plan.Column {
	c := &plan.Column{Name: name, Type: &plan.Type{Kind: uint32(kind)}}
	for _, m := range more {
		if m == "KEY" {
			c.Key = true
		} else {
			c.Path = m
		}
	}
	return c
}

var busStream = &plan.Stream{Name: "bus", Topic: "bus/{device}/position", Format: "json", Timestamp: 1, Columns: []*plan.Column{
	column("device", value.String, "KEY"), column("ts", value.Timestamp), column("lat", value.Double), column("lon", value.Double),
	column("stops", value.Int), column("open", value.Bool), column("line", value.String)}}

const arrival = int64(1_700_000_000_000_000)

func decode(t testing.TB, s *plan.Stream, topic, payload string) *Batch {
	t.Helper()
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	var b Batch
	d.Decode(topic, []byte(payload), arrival, &b)
	return &b
}

func text(row []value.Value) string {
	var parts []string
	for _, v := range row {
		parts = append(parts, v.Text())
	}
	return strings.Join(parts, "|")
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"an object", `{"ts":1700000001000,"lat":1.5,"lon":2,"stops":3,"open":true,"line":"7"}`, "b1|2023-11-14T22:13:21Z|1.5|2|3|true|7"},
		{"names in another case", `{"TS":1700000001,"Lat":1.5}`, "b1|2023-11-14T22:13:21Z|1.5||||"},
		{"numbers as strings", `{"ts":"1700000001","lat":"1.5","stops":"3"}`, "b1|2023-11-14T22:13:21Z|1.5||3||"},
		{"RFC 3339", `{"ts":"2023-11-14T23:13:21.5+01:00"}`, "b1|2023-11-14T22:13:21.5Z|||||"},
		{"no time: arrival", `{"lat":1}`, "b1|2023-11-14T22:13:20Z|1||||"},
		{"null", `{"ts":1700000001,"lat":null,"line":null}`, "b1|2023-11-14T22:13:21Z|||||"},
		{"a number as text", `{"ts":1700000001,"line":17}`, "b1|2023-11-14T22:13:21Z|||||17"},
		{"whole number with a point", `{"ts":1700000001,"stops":60.0}`, "b1|2023-11-14T22:13:21Z|||60||"},
		{"the topic wins", `{"ts":1700000001,"device":"other"}`, "b1|2023-11-14T22:13:21Z|||||"},
		{"an array", `[{"ts":1700000001,"lat":1},{"ts":1700000002,"lat":2}]`, "b1|2023-11-14T22:13:21Z|1||||;b1|2023-11-14T22:13:22Z|2||||"},
		{"a bad element stays alone", `[{"lat":1},7,{"lat":"x"},{"lat":2}]`, "b1|2023-11-14T22:13:20Z|1||||;b1|2023-11-14T22:13:20Z|2||||;!not_object;!bad_type"},
		{"lines", "{\"lat\":1}\n\n{\"lat\":2}\r\n{bad\n", "b1|2023-11-14T22:13:20Z|1||||;b1|2023-11-14T22:13:20Z|2||||;!malformed"},
		{"nothing", ``, "!malformed"},
		{"cut off", `{"lat":1`, "!malformed"},
		{"a lone number", `3`, "!not_object"},
		{"a fraction for BIGINT", `{"stops":1.5}`, "!bad_type"},
		{"not a number", `{"lat":nan}`, "!bad_type"},
		{"a bad time", `{"ts":"yesterday"}`, "!bad_timestamp"},
		{"an object for a number", `{"lat":{}}`, "!bad_type"},
	} {
		b := decode(t, busStream, "bus/b1/position", c.payload)
		var got []string
		for _, r := range b.Readings {
			got = append(got, text(r.Row))
		}
		for _, r := range b.Rejects {
			got = append(got, "!"+r.Reason)
		}
		if g := strings.Join(got, ";"); g != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.payload, g, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	s := &plan.Stream{Topic: "t", Format: "json", Timestamp: -1, Columns: []*plan.Column{column("a", value.Double, "x.*.a"),
		column("b", value.Double, "list[1].b"), column("c", value.String, "$.deep.c")}}
	b := decode(t, s, "t", `{"x":{"n":3,"VP":{"a":1}},"list":[0,{"b":2}],"deep":{"c":"z"}}`)
	if len(b.Readings) != 1 || text(b.Readings[0].Row) != "1|2|z" {
		t.Fatalf("got %+v", b)
	}
	for _, bad := range []string{"a..b", "a[x]", "a[1", "a[1]b"} {
		if _, err := parsePath(bad, ""); err == nil {
			t.Errorf("path %q was taken", bad)
		}
	}
}

func TestMissingKey(t *testing.T) {
	s := &plan.Stream{Topic: "t", Format: "json", Timestamp: -1, Columns: []*plan.Column{column("id", value.String, "KEY")}}
	if b := decode(t, s, "t", `{"other":1}`); len(b.Rejects) != 1 || b.Rejects[0].Reason != "missing_key" {
		t.Fatalf("got %+v", b)
	}
}

func TestHashTellsReadingsApart(t *testing.T) {
	hash := func(topic, payload string) uint64 { return decode(t, busStream, topic, payload).Readings[0].Hash }
	one := hash("bus/b1/position", `{"ts":1,"lat":1}`)
	if one != hash("bus/b1/position", `{"ts":1,"lat":1}`) {
		t.Error("the same reading has another hash")
	}
	if one == hash("bus/b2/position", `{"ts":1,"lat":1}`) || one == hash("bus/b1/position", `{"ts":2,"lat":1}`) || one == hash("bus/b1/position", `{"ts":1,"lat":1,"x":0}`) {
		t.Error("another reading has the same hash")
	}
}

func TestHashBySequence(t *testing.T) {
	s := &plan.Stream{Topic: "t", Format: "json", Timestamp: 1, Dedupe: "sequence:seq", Columns: []*plan.Column{column("id", value.String, "KEY"),
		column("ts", value.Timestamp), column("seq", value.Int)}}
	hash := func(payload string) uint64 { return decode(t, s, "t", payload).Readings[0].Hash }
	if hash(`{"id":"a","ts":1,"seq":7}`) != hash(`{"id":"a","ts":2,"seq":7,"resent":true}`) {
		t.Error("the same sequence has another hash")
	}
	if one := hash(`{"id":"a","ts":1,"seq":7}`); one == hash(`{"id":"a","ts":1,"seq":8}`) || one == hash(`{"id":"b","ts":1,"seq":7}`) {
		t.Error("another sequence or device has the same hash")
	}
	if hash(`{"id":"a","ts":1}`) == hash(`{"id":"a","ts":2}`) {
		t.Error("without a sequence, another reading has the same hash")
	}
}

// A row encoded as JSON, alone, in an array and as a line, decodes to itself.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := New(busStream)
		if err != nil {
			t.Fatal(err)
		}
		var objects [][]byte
		var rows []string
		for range rapid.IntRange(1, 5).Draw(t, "n") {
			row := []value.Value{value.OfString("b1"), value.OfTime(rapid.Int64Range(1e15, 2e15).Draw(t, "ts")),
				value.OfDouble(rapid.Float64Range(-90, 90).Draw(t, "lat")), {}, value.OfInt(rapid.Int64().Draw(t, "stops")),
				value.OfBool(rapid.Bool().Draw(t, "open")), value.OfString(strings.ToValidUTF8(rapid.String().Draw(t, "line"), "?"))}
			rows = append(rows, text(row))
			objects = append(objects, AppendJSON(nil, busStream.Columns, row))
		}
		array := slices.Concat([]byte("["), bytes.Join(objects, []byte(",")), []byte("]"))
		for _, payload := range [][]byte{array, bytes.Join(objects, []byte("\n"))} {
			var b Batch
			d.Decode("bus/b1/position", payload, arrival, &b)
			if len(b.Rejects) > 0 || len(b.Readings) != len(rows) {
				t.Fatalf("%s: %+v", payload, b.Rejects)
			}
			for i, r := range b.Readings {
				if text(r.Row) != rows[i] || r.TimeUs != r.Row[1].Int() {
					t.Fatalf("%s: got %s, want %s", payload, text(r.Row), rows[i])
				}
			}
		}
	})
}

func TestTopic(t *testing.T) {
	for _, c := range []struct{ template, topic, want string }{
		{"city/{device}/position", "city/b1/position", "b1"},
		{"city/{device}/position", "city/b1/env", "-"},
		{"city/{device}/position", "city/b1/position/x", "-"},
		{"/hfp/{event}/+/#", "/hfp/vp/bus/1/Matinkylä (M)/;24", "vp"},
		{"/hfp/{event}/+/#", "/hfp/vp/bus", "vp"},
		{"/hfp/{event}/+/#", "/hfp/vp", "-"},
		{"{a}/{b}", "/", ","},
		{"+/x", "$SYS/x", "-"},
		{"#", "$SYS/x", "-"},
		{"#", "anything/at/all", ""},
	} {
		tmpl, err := ParseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		got := "-"
		if levels, ok := tmpl.Match(c.topic, nil); ok {
			got = strings.Join(levels, ",")
		}
		if got != c.want {
			t.Errorf("%s on %s: %q, want %q", c.template, c.topic, got, c.want)
		}
	}
	for _, bad := range []string{"", "a/#/b", "a{b}", "{a}/{a}", "a+", "{}"} {
		if _, err := ParseTemplate(bad); err == nil {
			t.Errorf("template %q was taken", bad)
		}
	}
	if tmpl, _ := ParseTemplate("a/{b}/+/#"); tmpl.Filter() != "a/+/+/#" || !slices.Equal(tmpl.Names(), []string{"b"}) {
		t.Errorf("filter %q, names %v", tmpl.Filter(), tmpl.Names())
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"ts":1700000001000,"lat":1.5}`, `[{"lat":1},{"lat":2}]`, "{\"lat\":1}\n{\"lat\":2}", `{"ts":1e300}`, `[[[[`, `{"lat":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	d, err := New(busStream)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var b Batch
		d.Decode("bus/b1/position", payload, arrival, &b)
		if len(b.Readings)+len(b.Rejects) == 0 && len(bytes.TrimSpace(payload)) > 0 && string(bytes.TrimSpace(payload)) != "[]" && !bytes.Contains(payload, []byte("[")) {
			t.Fatalf("%q vanished", payload)
		}
		for _, r := range b.Readings {
			if got := value.AppendRow(nil, r.Row); len(r.Row) != len(busStream.Columns) || len(got) == 0 {
				t.Fatalf("row %v", r.Row)
			}
		}
	})
}

func FuzzTopic(f *testing.F) {
	f.Add("city/{device}/+/#", "city/a/b/c")
	f.Fuzz(func(t *testing.T, template, topic string) {
		tmpl, err := ParseTemplate(template)
		if err != nil {
			return
		}
		if levels, ok := tmpl.Match(topic, nil); ok && len(levels) != len(tmpl.Names()) {
			t.Fatalf("%d levels for %d names", len(levels), len(tmpl.Names()))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	object := `{"ts":1700000001000,"lat":60.171325,"lon":24.925031,"stops":3,"open":true,"line":"400"}`
	array := "[" + strings.Repeat(object+",", 99) + object + "]"
	for _, c := range []struct {
		name, payload string
		n             int
	}{{"object", object, 1}, {"array100", array, 100}, {"lines100", strings.Repeat(object+"\n", 100), 100}} {
		b.Run(c.name, func(b *testing.B) {
			d, err := New(busStream)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var out Batch
			payload := []byte(c.payload)
			for b.Loop() {
				out.Reset()
				d.Decode("bus/b1/position", payload, arrival, &out)
			}
			if len(out.Readings) != c.n {
				b.Fatal(fmt.Sprint(out.Rejects))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.n), "ns/reading")
		})
	}
}
