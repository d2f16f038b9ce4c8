package payload

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// outcome writes a batch as the tables here want it: rows, then !reason of each reject.
func outcome(b *Batch) string {
	var got []string
	for _, r := range b.Readings {
		got = append(got, text(r.Row))
	}
	for _, r := range b.Rejects {
		got = append(got, "!"+r.Reason)
	}
	return strings.Join(got, ";")
}

func inFormat(s *plan.Stream, format string) *plan.Stream {
	return &plan.Stream{Name: s.Name, Topic: s.Topic, Format: format, Timestamp: s.Timestamp, Columns: s.Columns, Dedupe: s.Dedupe}
}

func mustCBOR(t testing.TB, v any) string {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type m = map[string]any

func TestDecodeCBOR(t *testing.T) {
	one, two := mustCBOR(t, m{"lat": 1, "lon": 2.5}), mustCBOR(t, m{"lat": 2})
	for _, c := range []struct{ name, payload, want string }{
		{"a map", mustCBOR(t, m{"ts": 1700000001000, "lat": 1.5, "lon": 2, "stops": 3, "open": true, "line": "7"}), "b1|2023-11-14T22:13:21Z|1.5|2|3|true|7"},
		{"keys in another case", mustCBOR(t, m{"TS": 1700000001, "Lat": 1.5}), "b1|2023-11-14T22:13:21Z|1.5||||"},
		{"as written beats another case", unhex(t, "a2 634c4154 01 636c6174 02"), "b1|2023-11-14T22:13:20Z|2||||"},
		{"the first of equal keys", unhex(t, "a2 636c6174 01 636c6174 02"), "b1|2023-11-14T22:13:20Z|1||||"},
		{"epoch, tag 1", unhex(t, "a1 627473 c1 1a514b67b0"), "b1|2013-03-21T20:04:00Z|||||"},
		{"epoch of a fraction", unhex(t, "a1 627473 c1 fb41d452d9ec200000"), "b1|2013-03-21T20:04:00.5Z|||||"},
		{"epoch before 1970", unhex(t, "a1 627473 c1 20"), "b1|1969-12-31T23:59:59Z|||||"},
		{"time as text, tag 0", unhex(t, "a1 627473 c0 74323031332d30332d32315432303a30343a30305a"), "b1|2013-03-21T20:04:00Z|||||"},
		{"a decimal fraction", unhex(t, "a1 636c6174 c4 82 21 196ab3"), "b1|2023-11-14T22:13:20Z|273.15||||"},
		{"another tag, and self-described", unhex(t, "d9d9f7 a1 636c6174 d81a 01"), "b1|2023-11-14T22:13:20Z|1||||"},
		{"half floats", unhex(t, "a1 636c6174 f93e00"), "b1|2023-11-14T22:13:20Z|1.5||||"},
		{"no length", unhex(t, "bf 636c6174 01 646c696e65 7f 6161 6162 ff ff"), "b1|2023-11-14T22:13:20Z|1||||ab"},
		{"null and undefined", unhex(t, "a2 636c6174 f6 636c6f6e f7"), "b1|2023-11-14T22:13:20Z|||||"},
		{"bytes as text", unhex(t, "a1 646c696e65 43010203"), "b1|2023-11-14T22:13:20Z|||||AQID"},
		{"an array", mustCBOR(t, []m{{"lat": 1}, {"lat": 2}}), "b1|2023-11-14T22:13:20Z|1||||;b1|2023-11-14T22:13:20Z|2||||"},
		{"an array without length", "\x9f" + one + two + "\xff", "b1|2023-11-14T22:13:20Z|1|2.5|||;b1|2023-11-14T22:13:20Z|2||||"},
		{"a sequence", one + two, "b1|2023-11-14T22:13:20Z|1|2.5|||;b1|2023-11-14T22:13:20Z|2||||"},
		{"a bad element stays alone", mustCBOR(t, []any{m{"lat": 1}, 7, m{"lat": "x"}, m{"lat": 2}}), "b1|2023-11-14T22:13:20Z|1||||;b1|2023-11-14T22:13:20Z|2||||;!not_object;!bad_type"},
		{"the end of a sequence is cut", one + "\xa1", "b1|2023-11-14T22:13:20Z|1|2.5|||;!malformed"},
		{"nothing", "", "!malformed"},
		{"an empty array", "\x80", ""},
		{"a lone number", "\x03", "!not_object"},
		{"a bignum", unhex(t, "a1 6573746f7073 c2 49010000000000000000"), "!bad_type"},
		{"no number", unhex(t, "a1 636c6174 f97e00"), "!bad_type"},
		{"a fraction for BIGINT", mustCBOR(t, m{"stops": 1.5}), "!bad_type"},
		{"too large for BIGINT", unhex(t, "a1 6573746f7073 1bffffffffffffffff"), "!bad_type"},
		{"a bad time", mustCBOR(t, m{"ts": "yesterday"}), "!bad_timestamp"},
		{"an epoch out of range", unhex(t, "a1 627473 c1 1b7fffffffffffffff"), "!bad_timestamp"},
		{"a map for a number", mustCBOR(t, m{"lat": m{}}), "!bad_type"},
		{"too deep", strings.Repeat("\x81", 100) + "\x01", "!malformed"},
		{"a length that lies", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "!malformed"},
		{"too many", strings.Repeat("\x80", maxElements+1), "!too_many"},
	} {
		b := decode(t, inFormat(busStream, "cbor"), "bus/b1/position", c.payload)
		if g := outcome(b); g != c.want {
			t.Errorf("%s: %x\n got %s %+v\nwant %s", c.name, c.payload[:min(len(c.payload), 64)], g, b.Rejects, c.want)
		}
	}
}

func TestCBORPaths(t *testing.T) {
	s := &plan.Stream{Topic: "t", Format: "cbor", Timestamp: -1, Columns: []*plan.Column{column("a", value.Double, "x.*.a"),
		column("b", value.Double, "list[1].b"), column("c", value.String, "$.deep.C"), column("d", value.Int, "$.-7"), column("e", value.Int, "$['p.q'][0]")}}
	b := decode(t, s, "t", mustCBOR(t, map[any]any{"x": m{"n": 3, "VP": m{"a": 1}}, "list": []any{0, m{"b": 2}}, "deep": m{"c": "z"}, -7: 9, "p.q": []int{5}}))
	if outcome(b) != "1|2|z|9|5" {
		t.Fatalf("got %s", outcome(b))
	}
	for _, bad := range []string{"$['a", "$['']", "$['a']b", "$['a'].", "$['a']..b", "$.a.['b']"} {
		if CheckPath(bad) == nil {
			t.Errorf("path %q was taken", bad)
		}
	}
	for text, want := range map[string]int{"$['Motor/RPM']": 1, `$.a["b.c"].d[3]`: 4, `$["it's"]`: 1, "$['*']": 1} {
		if p, err := parseQuoted(text, ""); err != nil || len(p) != want || p[0].any {
			t.Errorf("path %q: %+v, %v", text, p, err)
		}
	}
}

// A row encoded as CBOR, alone, in an array and in a sequence, decodes to itself.
func TestCBORRoundTrip(t *testing.T) {
	s := &plan.Stream{Topic: "t", Format: "cbor", Timestamp: 0, Columns: []*plan.Column{column("ts", value.Timestamp), column("i", value.Int),
		column("f", value.Double), column("b", value.Bool), column("s", value.String), {Name: "d", Type: &plan.Type{Kind: uint32(value.Decimal), Precision: 18, Scale: 4}}}}
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var objects []byte
		var rows []string
		n := rapid.IntRange(1, 4).Draw(t, "n")
		for range n {
			row := []value.Value{value.OfTime(rapid.Int64Range(-2e15, 4e15).Draw(t, "ts")), value.OfInt(rapid.Int64().Draw(t, "i")),
				value.OfDouble(rapid.Float64Range(-1e300, 1e300).Draw(t, "f")), value.OfBool(rapid.Bool().Draw(t, "b")), value.OfString(rapid.String().Draw(t, "s")),
				value.OfDecimal(rapid.Int64Range(-1e17, 1e17).Draw(t, "d"), 4)}
			if null := rapid.IntRange(1, 9).Draw(t, "null"); null < len(row) {
				row[null] = value.Value{}
			}
			rows = append(rows, text(row))
			objects = AppendCBOR(objects, s.Columns, row)
		}
		for _, payload := range [][]byte{objects, append([]byte{0x80 | byte(n)}, objects...)} {
			var b Batch
			d.Decode("t", payload, arrival, &b)
			if outcome(&b) != strings.Join(rows, ";") {
				t.Fatalf("%x: got %s, want %s", payload, outcome(&b), rows)
			}
		}
	})
}

// The CBOR forms of RFC 8428's examples say what their JSON forms say.
func TestSenMLCBORExamples(t *testing.T) {
	for _, name := range []string{"ex3", "ex5"} {
		base := sharedData(t, "payloads/senml/"+name+".gen.cbor")
		packed, err := os.ReadFile(base)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := os.ReadFile(strings.TrimSuffix(base, ".cbor") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		got, err := ResolveSenML(packed, arrival)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ResolveSenML(plain, arrival)
		if err != nil || !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, want)
		}
	}
}

func TestSenMLCBOR(t *testing.T) {
	narrow := &plan.Stream{Topic: "s", Format: "senml", Timestamp: -1, Columns: []*plan.Column{column("name", value.String, "KEY"), column("unit", value.String),
		column("value", value.Double), column("string_value", value.String), column("bool_value", value.Bool), column("data", value.String)}}
	type record map[int]any
	b := decode(t, narrow, "s", mustCBOR(t, []record{{-2: "dev1/", -5: 20.0, 0: "temp", 1: "Cel", 2: 3.5}, {0: "label", 3: "Room"}, {0: "on", 4: true},
		{0: "raw", 8: []byte{1, 2, 3}}, {0: "exact", 2: cbor.Tag{Number: 4, Content: []int{-2, 27315}}}}))
	if got := outcome(b); got != "dev1/temp|Cel|23.5|||;dev1/label|||Room||;dev1/on||||true|;dev1/raw|||||AQID;dev1/exact||293.15|||" {
		t.Errorf("got %s %+v", got, b.Rejects)
	}
	for name, bad := range map[string]any{"a map": record{0: "a", 2: 1}, "no name": []record{{2: 1}}, "text for a number": []record{{0: "a", 2: "x"}},
		"a newer version": []record{{0: "a", -1: 11, 2: 1}}, "not understood": []any{map[any]any{0: "a", 2: 1, "new_": 2}}, "no maps": []int{1},
		"number for a text": []record{{0: 7, 2: 1}}, "NaN": []any{cbor.RawMessage(unhex(t, "a2 00 6161 02 f97e00"))},
		"a long name": []record{{-2: strings.Repeat("x", maxSenMLName), 0: "a", 2: 1}}, "bad fraction": []record{{0: "a", 2: cbor.Tag{Number: 4, Content: []int{1}}}}} {
		if b := decode(t, narrow, "s", mustCBOR(t, bad)); outcome(b) != "!bad_senml" {
			t.Errorf("%s: %s", name, outcome(b))
		}
	}
	if b := decode(t, narrow, "s", "\x80\x80"); outcome(b) != "!bad_senml" {
		t.Errorf("two packs: %s", outcome(b))
	}
}

// Records encoded, in JSON and in CBOR, resolve to themselves.
func TestSenMLRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []Record
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			r := Record{Name: rapid.StringMatching(`[a-z0-9:/]{1,9}`).Draw(t, "name"), Unit: rapid.StringMatching(`[A-Za-z%]{0,3}`).Draw(t, "unit"),
				TimeUs: rapid.Int64Range(1e15, 4e15).Draw(t, "time")}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				r.Text = value.OfString(rapid.String().Draw(t, "text"))
			case 1:
				r.Bool = value.OfBool(rapid.Bool().Draw(t, "bool"))
			case 2:
				r.Data = value.OfString("AQID")
			default:
				r.Value = value.OfDouble(rapid.Float64Range(-1e9, 1e9).Draw(t, "value") + 0) // no minus zero, which base values take away
			}
			records = append(records, r)
		}
		for _, pack := range [][]byte{AppendSenML(nil, records), AppendSenMLCBOR(nil, records)} {
			got, err := ResolveSenML(pack, arrival)
			if err != nil || !slices.Equal(got, records) {
				t.Fatalf("%q: %v\n got %+v\nwant %+v", pack, err, got, records)
			}
		}
	})
}

func FuzzDecodeCBOR(f *testing.F) {
	for _, seed := range []any{m{"ts": 1700000001000, "lat": 1.5}, []m{{"lat": 1}, {"x": m{"a": []int{1, 2}}}}, cbor.Tag{Number: 1, Content: 5}} {
		f.Add([]byte(mustCBOR(f, seed)))
	}
	for _, seed := range []string{"bf 636c6174 01 646c696e65 7f 6161 6162 ff ff", "a1 636c6174 c4 82 21 196ab3", "9fff", "a1 627473 c1 fb41d452d9ec200000"} {
		f.Add([]byte(unhex(f, seed)))
	}
	s := inFormat(busStream, "cbor")
	s.Columns = append(slices.Clone(s.Columns), column("a", value.Int, "x.*[1]"), column("b", value.Double, "*.lat"),
		&plan.Column{Name: "d", Type: &plan.Type{Kind: uint32(value.Decimal), Precision: 9, Scale: 2}, Path: "lat"})
	d, err := New(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		var b Batch
		d.Decode("bus/b1/position", payload, arrival, &b)
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was written to")
		}
		sameAfterwards(t, &b, payload)
	})
}

// sameAfterwards checks that readings don't change with the message's bytes, which will be used again.
func sameAfterwards(t *testing.T, b *Batch, payload []byte) {
	t.Helper()
	before := outcome(b)
	for i := range payload {
		payload[i] ^= 0x55
	}
	if after := outcome(b); after != before {
		t.Fatalf("readings refer to the message: %q became %q", before, after)
	}
}

func FuzzDecodeSenMLCBOR(f *testing.F) {
	f.Add([]byte(mustCBOR(f, []any{map[any]any{-2: "dev1/", -3: 1320067464, 0: "temp", 2: 23.1}, map[any]any{8: []byte{1}, 6: -5, "x_": 1}})))
	f.Fuzz(func(t *testing.T, payload []byte) {
		records, err := ResolveSenML(payload, arrival)
		if err != nil || len(records) > 100 {
			return
		}
		for _, r := range records {
			if r.Name == "" {
				t.Fatal("a record without a name")
			}
		}
		if again, err := ResolveSenML(AppendSenMLCBOR(nil, records), arrival); err != nil || len(again) != len(records) {
			t.Fatalf("%+v became %+v: %v", records, again, err)
		}
	})
}

func benchmarkFormat(b *testing.B, s *plan.Stream, topic string, payload []byte, n int) {
	b.Helper()
	d, err := New(s)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var out Batch
	for b.Loop() {
		out.Reset()
		d.Decode(topic, payload, arrival, &out)
	}
	if len(out.Readings) != n {
		b.Fatal(out.Rejects)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/reading")
}

var busRow = []value.Value{{}, value.OfTime(1_700_000_001_000_000), value.OfDouble(60.171325), value.OfDouble(24.925031), value.OfInt(3), value.OfBool(true), value.OfString("400")}

func BenchmarkDecodeCBOR(b *testing.B) {
	s := inFormat(busStream, "cbor")
	one := AppendCBOR(nil, s.Columns, busRow)
	b.Run("map", func(b *testing.B) { benchmarkFormat(b, s, "bus/b1/position", one, 1) })
	b.Run("array100", func(b *testing.B) {
		benchmarkFormat(b, s, "bus/b1/position", append(appendCBORHead(nil, cborArray, 100), bytes.Repeat(one, 100)...), 100)
	})
	pack := make([]Record, 100)
	for i := range pack {
		pack[i] = Record{Name: "dev1/temp", Unit: "Cel", TimeUs: arrival + int64(i)*1e6, Value: value.OfDouble(20.5)}
	}
	narrow := &plan.Stream{Topic: "s", Format: "senml", Timestamp: -1, Columns: []*plan.Column{column("name", value.String, "KEY"), column("unit", value.String), column("value", value.Double)}}
	b.Run("senml100", func(b *testing.B) { benchmarkFormat(b, narrow, "s", AppendSenMLCBOR(nil, pack), 100) })
	b.Run("senmljson100", func(b *testing.B) { benchmarkFormat(b, narrow, "s", AppendSenML(nil, pack), 100) })
}
