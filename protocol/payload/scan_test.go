package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// The oracle: encoding/json says what is JSON and what is in it, paths are followed in a tree, numbers are big.Rats.

type tree struct {
	kind    string // as tokenKind's names
	text    string
	keys    []string
	members []*tree // of an object or an array
	raw     []byte
}

// parseTree is nil if b is no JSON or too deep.
func parseTree(b []byte) *tree {
	if !json.Valid(b) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return readTree(d, b, 0)
}

func readTree(d *json.Decoder, b []byte, depth int) *tree {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	t := &tree{}
	start := d.InputOffset() - 1
	switch v := token.(type) {
	case nil:
		t.kind = "null"
	case bool:
		t.kind = fmt.Sprint(v)
	case json.Number:
		t.kind, t.text = "number", string(v)
	case string:
		t.kind, t.text = "string", v
	case json.Delim:
		if depth >= maxDepth {
			return nil
		}
		t.kind = map[json.Delim]string{'{': "object", '[': "array"}[v]
		for d.More() {
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					panic(err)
				}
				t.keys = append(t.keys, key.(string))
			}
			member := readTree(d, b, depth+1)
			if member == nil {
				return nil
			}
			t.members = append(t.members, member)
		}
		if _, err := d.Token(); err != nil {
			panic(err)
		}
		t.raw = b[start:d.InputOffset()]
	}
	return t
}

func (p path) in(t *tree) *tree {
	for i, s := range p {
		switch {
		case t == nil:
			return nil
		case s.index >= 0:
			if t.kind != "array" || s.index >= len(t.members) {
				return nil
			}
			t = t.members[s.index]
		case t.kind != "object":
			return nil
		case s.any:
			for _, m := range t.members {
				if found := p[i+1:].in(m); found != nil {
					return found
				}
			}
			return nil
		default:
			k := slices.Index(t.keys, s.key)
			if k < 0 {
				k = slices.IndexFunc(t.keys, func(key string) bool { return len(key) == len(s.key) && strings.EqualFold(key, s.key) })
			}
			if k < 0 {
				return nil
			}
			t = t.members[k]
		}
	}
	return t
}

func (t *tree) convert(to value.Type) (value.Value, bool) {
	switch t.kind {
	case "null":
		return value.Value{}, true
	case "string":
		v, err := value.Parse(to, t.text)
		return v, err == nil
	case "true", "false":
		switch to.Kind {
		case value.Bool:
			return value.OfBool(t.kind == "true"), true
		case value.String:
			return value.OfString(t.kind), true
		}
	case "number":
		f, err := strconv.ParseFloat(t.text, 64)
		switch to.Kind {
		case value.Double:
			return value.OfDouble(f), err == nil
		case value.String:
			return value.OfString(t.text), err == nil
		case value.Decimal:
			v, err := value.Parse(to, t.text)
			return v, err == nil
		case value.Int:
			if r, ok := new(big.Rat).SetString(t.text); ok && r.IsInt() && r.Num().IsInt64() {
				return value.OfInt(r.Num().Int64()), true
			}
		case value.Timestamp:
			if i, err := strconv.ParseInt(t.text, 10, 64); err == nil {
				return value.OfTime(value.MicrosOfInt(i)), true
			}
			us, ok := value.MicrosOfNumber(f)
			return value.OfTime(us), ok && err == nil
		}
	}
	return value.Value{}, false
}

type verdict struct{ readings, rejects []string }

func (v *verdict) document(d *Decoder, t *tree) {
	switch {
	case t == nil:
		v.rejects = append(v.rejects, "malformed")
	case t.kind == "object":
		v.object(d, t)
	case t.kind == "array":
		for _, e := range t.members {
			if e.kind == "object" {
				v.object(d, e)
			} else {
				v.rejects = append(v.rejects, "not_object")
			}
		}
	default:
		v.rejects = append(v.rejects, "not_object")
	}
}

func (v *verdict) object(d *Decoder, t *tree) {
	row := make([]value.Value, len(d.types))
	for i, to := range d.types {
		found := d.paths[i].in(t)
		if found == nil {
			continue
		}
		var ok bool
		if row[i], ok = found.convert(to); !ok {
			reason := "bad_type"
			if to.Kind == value.Timestamp {
				reason = "bad_timestamp"
			}
			v.rejects = append(v.rejects, reason)
			return
		}
	}
	var b Batch
	d.finish(&b, row, t.raw, arrival)
	v.readings = append(v.readings, fmt.Sprintf("%q %x", text(row), b.Readings[0].Hash))
}

func oracle(d *Decoder, payload []byte) (v verdict) {
	whole := parseTree(payload)
	trimmed := bytes.Trim(payload, " \t\r\n")
	if whole != nil || !bytes.Contains(trimmed, []byte("\n")) {
		v.document(d, whole)
		return v
	}
	for line := range bytes.Lines(trimmed) {
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			v.document(d, parseTree(line))
		}
	}
	return v
}

// judge decodes and compares. What the two read differently by intent is left out: NaN, and bytes that are no UTF-8.
func judge(t rapid.TB, d *Decoder, payload []byte) {
	t.Helper()
	var b Batch
	d.Decode("t", payload, arrival, &b)
	lower := bytes.ToLower(payload)
	if !utf8.Valid(payload) || bytes.Contains(lower, []byte("nan")) || bytes.Contains(lower, []byte("inf")) || hugeExponent(lower) {
		return
	}
	var got verdict
	for _, r := range b.Readings {
		got.readings = append(got.readings, fmt.Sprintf("%q %x", text(r.Row), r.Hash))
	}
	for _, r := range b.Rejects {
		got.rejects = append(got.rejects, r.Reason)
	}
	if want := oracle(d, payload); !slices.Equal(got.readings, want.readings) || !slices.Equal(got.rejects, want.rejects) {
		t.Fatalf("paths %+v, types %v\npayload %q\ngot  %v\nwant %v", d.paths, d.types, payload, got, want)
	}
}

// hugeExponent reports what would cost a big.Rat too much.
func hugeExponent(lower []byte) bool {
	for {
		_, rest, found := bytes.Cut(lower, []byte("e"))
		if !found {
			return false
		}
		lower = rest
		digits := bytes.TrimLeft(rest, "+-0")
		if n := len(digits) - len(bytes.TrimLeft(digits, "0123456789")); n > 3 {
			return true
		}
	}
}

var (
	someKeys  = []string{"a", "A", "b", "key", "Key", "é", "É", "a longer key", "seventh", "\u212aey", ""}
	someTypes = []value.Kind{value.Bool, value.Int, value.Double, value.Decimal, value.String, value.Timestamp, value.Cell}
)

func someColumns(t *rapid.T) []*plan.Column {
	var columns []*plan.Column
	for i := range rapid.IntRange(1, 6).Draw(t, "columns") {
		var p string
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				p += ".*"
			case 1:
				p += fmt.Sprintf("[%d]", rapid.IntRange(0, 2).Draw(t, "index"))
			default:
				p += "." + rapid.SampledFrom(someKeys[:len(someKeys)-1]).Draw(t, "key")
			}
		}
		c := column(fmt.Sprint("c", i), rapid.SampledFrom(someTypes).Draw(t, "type"), "$"+p)
		if c.Type.Kind == uint32(value.Decimal) {
			size := rapid.SampledFrom([][2]uint32{{12, 3}, {18, 2}, {16, 0}, {0, 0}}).Draw(t, "size")
			c.Type.Precision, c.Type.Scale = size[0], size[1]
		}
		columns = append(columns, c)
	}
	return columns
}

// someJSON writes a random value.
func someJSON(t *rapid.T, dst []byte, depth int) []byte {
	most := 9
	if depth <= 0 {
		most = 6
	}
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 0:
		return append(dst, rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")...)
	case 1, 2:
		return append(dst, rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")...)
	case 3:
		return append(dst, rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24}|\.0{1,22})?(e-?[0-9]{1,3})?`).Draw(t, "big")...)
	case 4:
		return append(dst, rapid.SampledFrom([]string{"1700000001000", "1700000001.5", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
			"1e400", "-0", "0.0", "100000000000000000000e-3", "1000000000000000000000000000001e-3", "10000000000000000000000000000.1",
			"0.00000000000000000000000000", "1700000001000000999.0", "12345678901234567.8", `"12.5"`, `"7"`, `"TRUE"`, `"2023-11-14T22:13:21.5+01:00"`, `"8928308280fffff"`, `""`, `"1e3"`}).Draw(t, "known")...)
	case 5, 6:
		return someString(t, dst, rapid.String().Draw(t, "string"))
	case 7:
		return someList(t, dst, '[', ']', func(dst []byte) []byte { return someJSON(t, dst, depth-1) })
	default:
		return someObject(t, dst, depth)
	}
}

func someObject(t *rapid.T, dst []byte, depth int) []byte {
	return someList(t, dst, '{', '}', func(dst []byte) []byte {
		dst = someString(t, dst, rapid.SampledFrom(someKeys).Draw(t, "key"))
		dst = append(someSpace(t, dst), ':')
		return someJSON(t, someSpace(t, dst), depth-1)
	})
}

func someList(t *rapid.T, dst []byte, opening, closing byte, member func([]byte) []byte) []byte {
	dst = append(dst, opening)
	for i := range rapid.IntRange(0, 4).Draw(t, "members") {
		if i > 0 {
			dst = append(someSpace(t, dst), ',')
		}
		dst = member(someSpace(t, dst))
	}
	return append(someSpace(t, dst), closing)
}

func someSpace(t *rapid.T, dst []byte) []byte {
	return append(dst, rapid.SampledFrom([]string{"", "", "", "", "", " ", "  ", "\t", "\r\n", "\n"}).Draw(t, "space")...)
}

// someString quotes s, with some characters escaped that need not be.
func someString(t *rapid.T, dst []byte, s string) []byte {
	if rapid.IntRange(0, 3).Draw(t, "plain") > 0 {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return append(dst, quoted...)
	}
	dst = append(dst, '"')
	for _, r := range s {
		if r >= 0x10000 {
			r -= 0x10000
			dst = fmt.Appendf(dst, `\u%04X\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		} else {
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	dst = append(dst, rapid.SampledFrom([]string{"", "", "", `\"\\\/\b\f\n\r\t`, `\ud800`, `\udc00x`, `\ud800\n`, `\ud800\ud800\udc00`}).Draw(t, "tail")...)
	return append(dst, '"')
}

func someMutation(t *rapid.T, b []byte) []byte {
	b = slices.Clone(b)
	for range rapid.IntRange(0, 2).Draw(t, "mutations") {
		if len(b) == 0 {
			return b
		}
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("{}[]\",:\\ \n\x00\x1f0129.-+eEtfnul/ux")).Draw(t, "byte")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			b = slices.Delete(b, at, at+1)
		case 1:
			b = slices.Insert(b, at, c)
		case 2:
			b[at] = c
		case 3:
			b = b[:at]
		}
	}
	return b
}

func TestScanAgainstEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := New(&plan.Stream{Topic: "t", Format: "json", Timestamp: -1, Columns: someColumns(t)})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "messages") { // by one decoder, since it remembers keys
			var message []byte
			switch rapid.IntRange(0, 5).Draw(t, "form") {
			case 0:
				message = someJSON(t, nil, 3)
			case 1, 2:
				message = someObject(t, nil, 3)
			case 3, 4:
				message = someList(t, nil, '[', ']', func(dst []byte) []byte { return someObject(t, dst, 3) })
			case 5:
				for range rapid.IntRange(1, 3).Draw(t, "lines") {
					message = append(someObject(t, message, 2), rapid.SampledFrom([]string{"\n", "\r\n", "\n \n", " "}).Draw(t, "end")...)
				}
			}
			judge(t, d, someMutation(t, someSpace(t, message)))
		}
	})
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":{"c":[1,{"d":"x"}]},"e":true}`, `[{"A":1,"a":2},{"a":1,"A":2}]`, "{\"a\":1}\n{\"a\":2}\n", `{"x":{"n":1},"y":{"n":2}}`,
		`{"\u0061":"\ud83d\ude00\n"}`, `{"a":01}`, `{"a":1e400,"b":-0.0,"t":"2023-11-14"}`, `[[[{}]]]`, `{"a":1,"a":2}`, `{"m":12345678901234567890.50,"t":1700000001.5}`} {
		f.Add([]byte(seed))
	}
	decimal := column("m", value.Decimal)
	decimal.Type.Precision, decimal.Type.Scale = 18, 2
	d, err := New(&plan.Stream{Topic: "t", Format: "json", Timestamp: -1, Columns: []*plan.Column{column("a", value.Int), column("A", value.Double, "A"),
		column("d", value.String, "b.c[1].d"), column("b", value.String, "b.c"), column("n", value.Double, "*.n"), column("t", value.Timestamp), decimal}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) { judge(t, d, payload) })
}

func TestScanVerdicts(t *testing.T) {
	deep := func(n int) string { return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	for _, c := range []struct{ payload, want string }{
		{`{"x":01}`, "at byte 5: want no leading zeros, found \"01}\""},
		{`{"x":"\q"}`, `at byte 7: want one of "\/bfnrtu after \, found "q\"}"`},
		{`{"x":tru}`, "at byte 5: want a value, found \"tru}\""},
		{`{"x":[1,]}`, "at byte 8: want a value, found \"]}\""},
		{`{"lat":1,}`, "at byte 9: want a key, found \"}\""},
		{`{"lat":1`, "at byte 8: want ',' or '}', found the end"},
		{`{"lat":1} x`, "at byte 10: want the end, found \"x\""},
		{"{\"x\":\"a\tb\"}", "at byte 7: want no control characters in a string, found \"\\tb\\\"}\""},
		{`[{"lat":1},{"lat":2}`, "at byte 20: want ',' or ']', found the end"},
		{deep(maxDepth - 1), ""},
		{deep(maxDepth), "at byte 304: want at most 300 levels, found \"[]]]]]]]]]]]]]]]\""},
		{`{"lat":1,"x":NaN,"y":-Infinity}`, ""},
	} {
		b := decode(t, busStream, "bus/b1/position", c.payload)
		var got string
		if len(b.Rejects) > 0 {
			got = b.Rejects[0].Detail
		}
		if got != c.want || c.want != "" && len(b.Readings) > 0 {
			t.Errorf("%s\n got %s\nwant %s", c.payload, got, c.want)
		}
	}
}

func TestOwnBytes(t *testing.T) {
	hashes := func(payload string) (h []uint64) {
		for _, r := range decode(t, busStream, "bus/b1/position", payload).Readings {
			h = append(h, r.Hash)
		}
		return h
	}
	alone := slices.Concat(hashes(`{"ts":1, "lat":1}`), hashes(` {"ts":2,"x":[ ]}`))
	for _, form := range []string{"[{\"ts\":1, \"lat\":1} ,\n{\"ts\":2,\"x\":[ ]}]", "{\"ts\":1, \"lat\":1} \n{\"ts\":2,\"x\":[ ]}\n"} {
		if !slices.Equal(hashes(form), alone) {
			t.Errorf("%q hashes otherwise", form)
		}
	}
}

// A key in another case yields to the one as written, but not what an earlier * gave.
func TestPreference(t *testing.T) {
	s := &plan.Stream{Topic: "t", Timestamp: -1, Columns: []*plan.Column{column("a", value.Int, "*.x.a"), column("b", value.Int, "*.x.b")}}
	b := decode(t, s, "t", `{"p":{"x":{"a":1}},"q":{"X":{"a":2,"b":3},"x":{"a":4,"b":5},"x":{"b":6}}}`)
	if len(b.Readings) != 1 || text(b.Readings[0].Row) != "1|5" {
		t.Fatalf("got %+v", b)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		kind         value.Kind
		number, want string // ! if it is refused
	}{
		{value.Int, "-9223372036854775808", "-9223372036854775808"}, {value.Int, "9223372036854775808", "!"},
		{value.Int, "9007199254740993.000", "9007199254740993"}, {value.Int, "100000000000000000000e-3", "100000000000000000"},
		{value.Int, "1000000000000000000000000000001", "!"}, {value.Int, "10000000000000000000000000000003", "!"}, {value.Int, "922337203685477581e1", "!"},
		{value.Int, "0e999999999999", "0"}, {value.Int, "1e-999999999999", "!"}, {value.Int, "0.000000000000000000000000", "0"},
		{value.Double, "0.1", "0.1"}, {value.Double, "-0", "-0"}, {value.Double, "1e22", "1e+22"}, {value.Double, "9007199254740993", "9.007199254740992e+15"},
		{value.Double, "1e-400", "0"}, {value.Double, "1e400", "!"}, {value.Double, "NaN", "!"}, {value.Double, "-Infinity", "!"},
		{value.Decimal, "9007199254740993.25", "9007199254740993.25"}, {value.Decimal, "0.10000", "0.10"}, {value.Decimal, "-0.125", "!"},
		{value.Decimal, "9223372036854775808", "!"}, {value.Decimal, "92233720368547758.08", "!"}, {value.Decimal, "1e2", "!"},
		{value.String, "1.50", "1.50"}, {value.String, "1e400", "!"}, {value.Bool, "1", "!"}, {value.Timestamp, "1700000001000", "2023-11-14T22:13:21Z"},
	} {
		x := column("x", c.kind)
		x.Type.Scale = 2
		got := "!"
		if b := decode(t, &plan.Stream{Topic: "t", Timestamp: -1, Columns: []*plan.Column{x}}, "t", `{"x":`+c.number+`}`); len(b.Readings) == 1 {
			got = text(b.Readings[0].Row)
		}
		if got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.kind, c.number, got, c.want)
		}
	}
}

// What a reading keeps must not change with the payload's memory.
func TestReadingsKeepNothingOfThePayload(t *testing.T) {
	d, err := New(busStream)
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte(`{"ts":"2023-11-14T22:13:21Z","line":"7"} ` + "\n" + `{"line":"` + strings.Repeat("long ", 20) + `"}` + "\n" + `{"line":1.50}` + "\n" + `{"line":"a\tb"}`)
	var b Batch
	d.Decode("bus/b1/position", payload, arrival, &b)
	clear(payload)
	var lines []string
	for _, r := range b.Readings {
		lines = append(lines, r.Row[6].Str())
	}
	if want := []string{"7", strings.Repeat("long ", 20), "1.50", "a\tb"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d, err := New(busStream)
	if err != nil {
		t.Fatal(err)
	}
	object := `{"ts":"2023-11-14T22:13:21Z","Lat": 60.171325,"lon":24.925031,"stops":3,"more":[{"x":"y"}],"open":true,"line":"400"}`
	payload := []byte("[" + strings.Repeat(object+",", 99) + object + "]")
	var b Batch
	if n := testing.AllocsPerRun(10, func() {
		b.Reset()
		d.Decode("bus/b1/position", payload, arrival, &b)
	}); n > 0 || len(b.Readings) != 100 {
		t.Errorf("%v allocations for %d readings", n, len(b.Readings))
	}
}
