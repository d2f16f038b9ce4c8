package payload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// blob is the corpus's text, or its base64.
type blob []byte

func (b *blob) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*b = blob(s)
		return nil
	}
	var o struct{ Binary []byte }
	err := json.Unmarshal(data, &o)
	*b = o.Binary
	return err
}

type corpusValue struct {
	Int            *int64
	Uint           *uint64
	Float          *float64
	Bool           *bool
	String         *string
	Binary         *[]byte
	FloatNonNumber string
}

func (v corpusValue) field() fieldValue {
	switch {
	case v.Int != nil:
		return fieldValue{kind: fieldInt, bits: uint64(*v.Int)}
	case v.Uint != nil:
		return fieldValue{kind: fieldUint, bits: *v.Uint}
	case v.Float != nil:
		return fieldValue{kind: fieldFloat, bits: math.Float64bits(*v.Float)}
	case v.Bool != nil && *v.Bool:
		return fieldValue{kind: fieldBool, bits: 1}
	case v.Bool != nil:
		return fieldValue{kind: fieldBool}
	case v.String != nil:
		return fieldValue{kind: fieldText, text: []byte(*v.String)}
	case v.Binary != nil:
		return fieldValue{kind: fieldText, text: *v.Binary}
	}
	return fieldValue{kind: fieldFloat, bits: math.Float64bits(math.Inf(1))}
}

func (v fieldValue) same(w fieldValue) bool {
	return v.kind == w.kind && bytes.Equal(v.text, w.text) && (v.bits == w.bits || v.kind == fieldFloat && v.float() == w.float())
}

type corpusPoint struct {
	Time   int64
	Name   blob
	Tags   []struct{ Key, Value blob }
	Fields []struct {
		Key   blob
		Value corpusValue
	}
}

type corpusCase[I, R any] struct {
	Input  I
	Output struct {
		Result R
		Error  string
	}
}

type lineCorpus struct {
	Decode map[string]corpusCase[struct {
		Text        blob
		DefaultTime int64
		Precision   string
	}, []corpusPoint]
	Encode map[string]corpusCase[struct {
		Point     corpusPoint
		Precision string
	}, blob]
}

func readCorpus(t *testing.T) *lineCorpus {
	t.Helper()
	f, err := os.Open(sharedData(t, "payloads/line-protocol/corpus.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c := new(lineCorpus)
	if err := json.NewDecoder(z).Decode(c); err != nil {
		t.Fatal(err)
	}
	return c
}

var corpusUnits = map[string]int64{"1ns": 1, "1µs": 1e3, "1ms": 1e6, "1s": 1e9, "1m": 60e9, "1h": 3600e9}

// corpusTime is the point's time at a precision, in ns; ok is false for one out of range.
func corpusTime(p *point, unit, otherwise int64) (ns int64, ok bool) {
	if !p.timed {
		return otherwise / unit * unit, true
	}
	return p.time * unit, p.time <= math.MaxInt64/unit && p.time >= math.MinInt64/unit
}

func samePoint(p *point, unit, otherwise int64, want corpusPoint) string {
	if ns, _ := corpusTime(p, unit, otherwise); ns != want.Time {
		return "time"
	}
	if !bytes.Equal(p.name, want.Name) || len(p.tags) != len(want.Tags) || len(p.fields) != len(want.Fields) {
		return "name or length"
	}
	slices.SortFunc(p.tags, func(a, b tag) int { return bytes.Compare(a.key, b.key) }) // the corpus has them in order
	for i, w := range want.Tags {
		if !bytes.Equal(p.tags[i].key, w.Key) || !bytes.Equal(p.tags[i].value, w.Value) {
			return "a tag"
		}
	}
	for i, w := range want.Fields {
		if !bytes.Equal(p.fields[i].key, w.Key) || !p.fields[i].value.same(w.Value.field()) {
			return "a field"
		}
	}
	return ""
}

func TestLineCorpusDecode(t *testing.T) {
	corpus := readCorpus(t)
	failing := 0
	for key, c := range corpus.Decode {
		unit := corpusUnits[c.Input.Precision]
		lines, failed, n, wrong := lineScanner{b: c.Input.Text}, false, 0, ""
		for ; lines.next(); n++ {
			var p point
			err := lines.read(&p)
			if _, ok := corpusTime(&p, unit, c.Input.DefaultTime); err != nil || !ok {
				failed = true
			} else if c.Output.Error == "" && n < len(c.Output.Result) && wrong == "" {
				wrong = samePoint(&p, unit, c.Input.DefaultTime, c.Output.Result[n])
			}
		}
		if failed != (c.Output.Error != "") || !failed && n != len(c.Output.Result) || wrong != "" {
			t.Errorf("%s: %q: failed %v, %d points, wrong: %q; want %d, error %q", key, c.Input.Text, failed, n, wrong, len(c.Output.Result), c.Output.Error)
		}
		if failed {
			failing++
		}
		// The decoder as a whole agrees; it knows no precision.
		b := decode(t, &plan.Stream{Topic: "t", Format: "line", Timestamp: -1}, "t", string(c.Input.Text))
		if unit == 1 && len(c.Input.Text) > 0 && (len(b.Rejects) > 0) != failed || !failed && len(b.Readings) != n {
			t.Errorf("%s: %q: %d rejects, want error %q", key, c.Input.Text, len(b.Rejects), c.Output.Error)
		}
	}
	t.Logf("%d cases, %d of them errors", len(corpus.Decode), failing)
}

func TestLineCorpusEncode(t *testing.T) {
	corpus := readCorpus(t)
	for key, c := range corpus.Encode {
		p := point{name: c.Input.Point.Name, time: c.Input.Point.Time / corpusUnits[c.Input.Precision], timed: true}
		for _, x := range c.Input.Point.Tags {
			p.tags = append(p.tags, tag{x.Key, x.Value})
		}
		for _, x := range c.Input.Point.Fields {
			p.fields = append(p.fields, field{x.Key, x.Value.field()})
		}
		got, err := p.append(nil)
		bad := err != nil
		if bad != (c.Output.Error != "") || !bad && string(got) != string(c.Output.Result) {
			t.Errorf("%s: %q, failed %v; want %q, error %q", key, got, bad, c.Output.Result, c.Output.Error)
		}
	}
	t.Logf("%d cases", len(corpus.Encode))
}

var lineStream = &plan.Stream{Name: "air", Topic: "air", Format: "line", Timestamp: 1, Columns: []*plan.Column{column("station", value.String, "KEY"),
	column("ts", value.Timestamp), column("temp", value.Double), column("n", value.Int), column("ok", value.Bool), column("note", value.String), column("measurement", value.String)}}

func TestDecodeLine(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"a line", `air,station=s1 temp=21.5,n=3i,ok=t,note="a b" 1700000001000000000`, "s1|2023-11-14T22:13:21Z|21.5|3|true|a b|air"},
		{"seconds", "air,station=s1 temp=1 1700000001", "s1|2023-11-14T22:13:21Z|1||||air"},
		{"no time: arrival", "air,station=s1 temp=1", "s1|2023-11-14T22:13:20Z|1||||air"},
		{"lines and comments", "# x\nair,station=s1 temp=1 1700000001000\n\nwater,station=s2 n=2u 1700000002000\n", "s1|2023-11-14T22:13:21Z|1||||air;s2|2023-11-14T22:13:22Z||2|||water"},
		{"a bad line stays alone", "air,station=s1 temp=1\nbad\nair,station=s2 temp=2", "s1|2023-11-14T22:13:20Z|1||||air;s2|2023-11-14T22:13:20Z|2||||air;!malformed"},
		{"a tag as a number", "air,station=s1,temp=7 n=1i", "s1|2023-11-14T22:13:20Z|7|1|||air"},
		{"the tag beats the field", "air,station=s1,temp=7 temp=1", "s1|2023-11-14T22:13:20Z|7||||air"},
		{"as written beats another case", "air,station=s1 TEMP=1,temp=2,Temp=3", "s1|2023-11-14T22:13:20Z|2||||air"},
		{"escapes", `my\ air,station=s\,1 note="say \"x\""`, `s,1|2023-11-14T22:13:20Z||||say "x"|my air`},
		{"a newline in a string", "air,station=s1 note=\"a\nb\"", "s1|2023-11-14T22:13:20Z||||a\nb|air"},
		{"a float for BIGINT", "air,station=s1 n=1.5", "!bad_type"},
		{"a number for BOOLEAN", "air,station=s1 ok=1", "!bad_type"},
		{"a text for DOUBLE", `air,station=s1 temp="hot"`, "!bad_type"},
		{"too large for BIGINT", "air,station=s1 n=18446744073709551615u", "!bad_type"},
		{"no key", "air temp=1", "!missing_key"},
		{"no field", "air,station=s1", "!malformed"},
		{"a time out of range", "air,station=s1 temp=1 99999999999999999999", "!malformed"},
		{"nothing", "", "!malformed"},
		{"a comment", "# x", ""},
		{"too many", strings.Repeat("air,station=s1 x=1\n", maxElements+1), "!too_many"},
	} {
		b := decode(t, lineStream, "air", c.payload)
		if c.name == "too many" {
			b.Readings = nil
		}
		if g := outcome(b); g != c.want {
			t.Errorf("%s: %.80q\n got %s\nwant %s", c.name, c.payload, g, c.want)
		}
	}
	b := decode(t, lineStream, "air", "air,station=s1 temp=1\n\nbad\nworse")
	if len(b.Rejects) != 2 || string(b.Rejects[0].Sample) != "bad" || string(b.Rejects[1].Sample) != "worse" {
		t.Errorf("samples: %+v", b.Rejects)
	}
}

// A row encoded as a line decodes to itself.
func TestLineRoundTrip(t *testing.T) {
	d, err := New(lineStream)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		row := []value.Value{value.OfString(rapid.StringMatching(`[a-zA-Z0-9 ,=]{1,9}`).Draw(t, "station")), value.OfTime(rapid.Int64Range(1e15, 4e15).Draw(t, "ts")),
			value.OfDouble(rapid.Float64Range(-1e9, 1e9).Draw(t, "temp")), value.OfInt(rapid.Int64().Draw(t, "n")), value.OfBool(rapid.Bool().Draw(t, "ok")),
			value.OfString(rapid.StringMatching(`[ -~]{0,9}`).Draw(t, "note")), value.OfString(rapid.StringMatching(`[a-z ,]{1,9}`).Draw(t, "measurement"))}
		line, err := AppendLine(nil, lineStream, row)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Decode("air", line, arrival, &b)
		if outcome(&b) != text(row) {
			t.Fatalf("%s: got %s, want %s", line, outcome(&b), text(row))
		}
	})
	if _, err := AppendLine(nil, lineStream, make([]value.Value, len(lineStream.Columns))); err == nil {
		t.Error("a row without fields has a line")
	}
}

func FuzzDecodeLine(f *testing.F) {
	for _, seed := range []string{`air,station=s1 temp=21.5,n=3i,ok=t,note="a b" 1700000001000000000`, "a b=1\nbad\nc,d=e f=2u 5\r\n", `a\,b,c\=d=e\ f g="h\"i" -1`, "# x\n\n a b=1"} {
		f.Add([]byte(seed))
	}
	raw, _ := base64.StdEncoding.DecodeString("IgtmPSIiCiIL/z0iC1U9Riw2PWY=")
	f.Add(raw)
	d, err := New(lineStream)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var b Batch
		d.Decode("air", payload, arrival, &b)
		if len(b.Readings) > bytes.Count(payload, []byte{'\n'})+1 {
			t.Fatalf("%q: %d readings", payload, len(b.Readings))
		}
		sameAfterwards(t, &b, payload)
	})
}

func BenchmarkDecodeLine(b *testing.B) {
	one := `air,station=s1 temp=21.5,n=3i,ok=t,note="ab" 1700000001000000000` + "\n"
	b.Run("line", func(b *testing.B) { benchmarkFormat(b, lineStream, "air", []byte(one), 1) })
	b.Run("lines100", func(b *testing.B) { benchmarkFormat(b, lineStream, "air", bytes.Repeat([]byte(one), 100), 100) })
}
