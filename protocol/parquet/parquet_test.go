package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"pgregory.net/rapid"
)

var plenty = Limits{Rows: 1 << 20, Bytes: 64 << 20}

var everyType = []value.Type{{Kind: value.String}, {Kind: value.Int}, {Kind: value.Double}, {Kind: value.Decimal, Precision: 12, Scale: 3},
	{Kind: value.Decimal, Precision: 6, Scale: 2}, {Kind: value.Bool}, {Kind: value.Timestamp}, {Kind: value.Cell}}

// anyOf is a value of a type, or NULL. Few texts, so that dictionaries have something to do.
func anyOf(t value.Type) *rapid.Generator[value.Value] {
	v := rapid.Just(value.Value{})
	switch t.Kind {
	case value.String:
		v = rapid.Map(rapid.OneOf(rapid.SampledFrom([]string{"", "bus", "tram", "ü\n\"x"}), rapid.String()), value.OfString)
	case value.Int:
		v = rapid.Map(rapid.Int64(), value.OfInt)
	case value.Double:
		v = rapid.Map(rapid.Float64(), value.OfDouble)
	case value.Decimal:
		most := int64(math.Pow10(int(t.Precision))) - 1
		v = rapid.Map(rapid.Int64Range(-most, most), func(n int64) value.Value { return value.OfDecimal(n, t.Scale) })
	case value.Bool:
		v = rapid.Map(rapid.Bool(), value.OfBool)
	case value.Timestamp:
		v = rapid.Map(rapid.Int64(), value.OfTime)
	case value.Cell:
		v = rapid.Map(rapid.Float64Range(-60, 60), func(lat float64) value.Value {
			h, _ := cell.Of(lat, lat/2, 9)
			return value.OfCell(h)
		})
	}
	return rapid.OneOf(v, v, v, rapid.Just(value.Value{}))
}

func write(t interface{ Fatal(...any) }, columns []Column, rows [][]value.Value) []byte {
	var file bytes.Buffer
	w, err := NewWriter(&file, columns, map[string]string{"hexpane.watermark": "2026-01-01T00:00:00Z"})
	for _, row := range rows {
		err = errors.Join(err, w.Write(row))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func read(data []byte, columns []Column, most Limits) (rows [][]value.Value, err error) {
	err = Read(data, columns, most, func(row []value.Value) error { rows = append(rows, row); return nil })
	return rows, err
}

// What is written is read back: by us, and by the library that knows the whole format.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var columns []Column
		for range rapid.IntRange(1, 8).Draw(t, "columns") {
			columns = append(columns, Column{rapid.SampledFrom([]string{"a", "b", "C", "weird name", "ü"}).Draw(t, "name"), rapid.SampledFrom(everyType).Draw(t, "type")})
		}
		rows := make([][]value.Value, rapid.IntRange(0, 40).Draw(t, "rows"))
		for i := range rows {
			for _, c := range columns {
				rows[i] = append(rows[i], anyOf(c.Type).Draw(t, "value"))
			}
		}
		data := write(t, columns, rows)
		named := slices.Clone(columns)
		for i, name := range names(columns) {
			named[i].Name = name
		}
		got, err := read(data, named, plenty)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(rows) {
			t.Fatalf("%d rows, not %d", len(got), len(rows))
		}
		for i := range rows {
			for c := range columns {
				if got[i][c] != rows[i][c] && !value.Equal(got[i][c], rows[i][c]) {
					t.Fatalf("row %d, column %d: %v, not %v", i, c, got[i][c], rows[i][c])
				}
			}
		}
		f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if mark, ok := f.Lookup("hexpane.watermark"); f.NumRows() != int64(len(rows)) || !ok || mark == "" {
			t.Fatalf("the library sees %d rows and %q", f.NumRows(), mark)
		}
		for i, c := range f.Root().Columns() {
			if c.Name() != named[i].Name || !c.Optional() {
				t.Fatalf("column %d is %s for the library", i, c.Name())
			}
		}
	})
}

// Several row groups, since a group is so many bytes, and so many of a text that its dictionary is given up.
func TestRowGroups(t *testing.T) {
	columns := []Column{{"id", value.Type{Kind: value.String}}, {"n", value.Type{Kind: value.Int}}}
	const long, group = 4 << 10, 1 << 20
	const rows = 2*group/long + 10
	var file bytes.Buffer
	w, err := NewWriter(&file, columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.groupBytes = group
	id := func(i int) string {
		return strings.Repeat(time.UnixMicro(int64(i)).UTC().Format("15:04:05.000000,"), long/16)
	}
	flushed := 0
	for i := range rows {
		if err := w.Write([]value.Value{value.OfString(id(i)), value.OfInt(int64(i))}); err != nil {
			t.Fatal(err)
		}
		if i == rows/2 {
			flushed = file.Len()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if flushed < 1000 {
		t.Errorf("%d bytes had left after a row group; it is held in memory", flushed)
	}
	most := Limits{Rows: rows, Bytes: 4 * group}
	n := 0
	if err := Read(file.Bytes(), columns, most, func(row []value.Value) error {
		if row[0].Str() != id(n) || row[1].Int() != int64(n) {
			t.Fatalf("row %d: %v", n, row)
		}
		n++
		return nil
	}); err != nil || n != rows {
		t.Fatalf("%d rows: %v", n, err)
	}
	if _, err := read(file.Bytes(), columns, Limits{Rows: rows - 1, Bytes: most.Bytes}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too many rows: %v", err)
	}
	if _, err := read(file.Bytes(), columns, Limits{Rows: rows, Bytes: group}); !errors.Is(err, errLarge) {
		t.Errorf("too many bytes: %v", err)
	}
}

// other is a row as another program writes it.
type other struct {
	Small    int32     `parquet:"small"`
	Float    float32   `parquet:"float"`
	Money    int64     `parquet:"money,decimal(2:15)"`
	At       time.Time `parquet:"at,timestamp(nanosecond)"`
	Day      int32     `parquet:"day,date"`
	Text     string    `parquet:"text,dict"`
	Flag     bool      `parquet:"flag"`
	Unsigned uint64    `parquet:"unsigned"`
	List     []int64   `parquet:"list"`
	Delta    int64     `parquet:"delta,delta"`
	Cell     string    `parquet:"cell"`
}

func TestFilesOfOthers(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)
	const h3 = "891f1d48177ffff"
	for name, options := range map[string][]parquet.WriterOption{
		"v1, snappy":     {parquet.DataPageVersion(1), parquet.Compression(&parquet.Snappy), parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain)},
		"v2, gzip":       {parquet.DataPageVersion(2), parquet.Compression(&parquet.Gzip), parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain)},
		"v2, not packed": {parquet.DataPageVersion(2), parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain)},
	} {
		var file bytes.Buffer
		w := parquet.NewGenericWriter[other](&file, options...)
		if _, err := w.Write([]other{{-7, 1.5, 1234, at, 20_000, "tram", true, 1 << 63, []int64{1}, 1, h3}, {Cell: h3, At: at}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		typed := func(kind value.Kind) value.Type { return value.Type{Kind: kind} }
		for _, c := range []struct {
			name string
			as   value.Type
			want string // the first row's; or, with !, what is wrong
		}{
			{"SMALL", typed(value.Int), "-7"}, {"small", typed(value.Double), "-7"}, {"float", typed(value.Double), "1.5"},
			{"money", value.Type{Kind: value.Decimal, Precision: 15, Scale: 2}, "12.34"}, {"money", value.Type{Kind: value.Decimal, Precision: 10, Scale: 4}, "12.3400"},
			{"money", value.Type{Kind: value.Decimal, Precision: 10, Scale: 1}, "!too many digits"}, {"money", value.Type{Kind: value.Decimal, Precision: 3, Scale: 2}, "!too many digits"},
			{"money", typed(value.Double), "12.34"}, {"at", typed(value.Timestamp), "2026-03-01T12:00:00.123456Z"}, {"day", typed(value.Timestamp), "2024-10-04T00:00:00Z"},
			{"text", typed(value.String), "tram"}, {"text", typed(value.Int), `!"tram" is no BIGINT`}, {"flag", typed(value.Bool), "true"},
			{"flag", typed(value.Int), "!can't be read as BIGINT"}, {"unsigned", typed(value.Int), "!9223372036854775808 is no BIGINT"},
			{"unsigned", typed(value.Double), "9.223372036854775e+18"}, {"list", typed(value.Int), "!list or a structure"}, {"delta", typed(value.Int), "!encoded as DELTA_BINARY_PACKED"},
			{"cell", typed(value.Cell), h3}, {"text", typed(value.Cell), `!no CELL`}, {"none", typed(value.Int), "!it has no column none; it has small, float, money"},
		} {
			rows, err := read(file.Bytes(), []Column{{c.name, c.as}}, plenty)
			wrong, fails := strings.CutPrefix(c.want, "!")
			switch {
			case fails && (err == nil || !strings.Contains(err.Error(), wrong)):
				t.Errorf("%s: %s as %s: %v, want %s", name, c.name, c.as, err, wrong)
			case !fails && (err != nil || len(rows) != 2 || rows[0][0].Text() != c.want && rows[0][0].Text() != "9.223372036854776e+18"):
				t.Errorf("%s: %s as %s: %v %v, want %s", name, c.name, c.as, rows, err, c.want)
			}
		}
	}
}

// A file that is cut anywhere is none.
func TestCutFiles(t *testing.T) {
	columns := []Column{{"a", value.Type{Kind: value.String}}, {"b", value.Type{Kind: value.Double}}}
	data := write(t, columns, [][]value.Value{{value.OfString("x"), value.OfDouble(1)}, {{}, {}}})
	for n := range data {
		if rows, err := read(data[:n], columns, plenty); err == nil {
			t.Fatalf("%d bytes of %d: %v", n, len(data), rows)
		}
	}
}

// A run of a few bytes, and a list's length, ask for gigabytes. Neither gets them.
func TestBombs(t *testing.T) {
	footer := func(text []byte) []byte {
		data := append([]byte("PAR1"), text...)
		return append(binary.LittleEndian.AppendUint32(data, uint32(len(text))), "PAR1"...)
	}
	for name, data := range map[string][]byte{
		"a list of 2^31 elements": footer([]byte{0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07}),
		"a text of 2^31 bytes":    footer([]byte{0x68, 0xff, 0xff, 0xff, 0xff, 0x07}),
		"structures without end":  footer(bytes.Repeat([]byte{0x1c}, 1<<20)),
		"lists without end":       footer(bytes.Repeat([]byte{0x19}, 1<<20)),
	} {
		if _, err := read(data, []Column{{"a", value.Type{Kind: value.Int}}}, plenty); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	run := runs{data: []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 1}, width: 1} // 2^31 times the same
	for range 1000 {
		if v, ok := run.next(); !ok || v != 1 {
			t.Fatal("a long run can't be read")
		}
	}
	var file bytes.Buffer
	w := parquet.NewGenericWriter[struct {
		A string `parquet:"a,plain"`
	}](&file, parquet.Compression(&parquet.Zstd))
	for range 3000 {
		if _, err := w.Write([]struct {
			A string `parquet:"a,plain"`
		}{{strings.Repeat("x", 1000)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := read(file.Bytes(), []Column{{"a", value.Type{Kind: value.String}}}, Limits{Rows: 5000, Bytes: 1 << 20}); !errors.Is(err, errLarge) {
		t.Errorf("%d bytes that are 3 MB: %v", file.Len(), err)
	}
}

// No file makes the reader panic, or give more rows than it may.
func FuzzRead(f *testing.F) {
	var columns []Column
	var some []value.Value
	for i, t := range everyType {
		columns = append(columns, Column{string(rune('a' + i)), t})
		some = append(some, anyOf(t).Example(i))
	}
	f.Add(write(f, columns, [][]value.Value{some, make([]value.Value, len(some)), some}))
	for _, codec := range []compress.Codec{&parquet.Snappy, &parquet.Gzip, &parquet.Uncompressed} {
		for version := range 2 {
			var file bytes.Buffer
			w := parquet.NewGenericWriter[other](&file, parquet.Compression(codec), parquet.DataPageVersion(version+1))
			if _, err := w.Write([]other{{Text: "x"}, {Small: 3}}); err != nil {
				f.Fatal(err)
			}
			if err := w.Close(); err != nil {
				f.Fatal(err)
			}
			f.Add(file.Bytes())
		}
	}
	asked := [][]Column{columns, {{"small", value.Type{Kind: value.Int}}, {"float", value.Type{Kind: value.Double}}, {"money", value.Type{Kind: value.Decimal, Precision: 9, Scale: 2}},
		{"at", value.Type{Kind: value.Timestamp}}, {"day", value.Type{Kind: value.Timestamp}}, {"text", value.Type{Kind: value.String}}, {"flag", value.Type{Kind: value.Bool}}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, want := range asked {
			for i := range want {
				n := 0
				_ = Read(data, want[i:i+1], Limits{Rows: 1000, Bytes: 1 << 20}, func([]value.Value) error { n++; return nil })
				if n > 1000 {
					t.Fatalf("%d rows", n)
				}
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	columns := []Column{{"cell", value.Type{Kind: value.Cell}}, {"n", value.Type{Kind: value.Int}}, {"p95", value.Type{Kind: value.Double}}, {"window_start", value.Type{Kind: value.Timestamp}}}
	w, err := NewWriter(io.Discard, columns, nil)
	if err != nil {
		b.Fatal(err)
	}
	h, _ := cell.Of(48, 11, 9)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := w.Write([]value.Value{value.OfCell(h), value.OfInt(int64(i)), value.OfDouble(float64(i) / 7), value.OfTime(int64(i) * 1e7)}); err != nil {
			b.Fatal(err)
		}
	}
}
