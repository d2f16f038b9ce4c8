package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func drawValue(t *rapid.T, kind int) value.Value {
	switch kind {
	case 0:
		return value.Value{}
	case 1:
		return value.OfBool(rapid.Bool().Draw(t, "bool"))
	case 2:
		return value.OfInt(rapid.Int64().Draw(t, "int"))
	case 3:
		return value.OfDouble(rapid.Float64().Draw(t, "double"))
	case 4:
		return value.OfDouble(float64(rapid.Int64Range(-1e9, 1e9).Draw(t, "scaled")) / 1e6)
	case 5:
		return value.OfString(rapid.String().Draw(t, "string"))
	case 6:
		return value.OfTime(rapid.Int64().Draw(t, "time"))
	case 7:
		return value.OfDecimal(rapid.Int64().Draw(t, "decimal"), uint8(rapid.IntRange(0, 9).Draw(t, "scale")))
	}
	return value.OfCell(rapid.Uint64Min(1).Draw(t, "cell"))
}

func TestColumnsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, count := rapid.IntRange(1, 6).Draw(t, "width"), rapid.IntRange(1, 20).Draw(t, "count")
		rows := make([][]value.Value, count)
		for i := range rows {
			rows[i] = make([]value.Value, width)
		}
		for c := range width {
			kind := rapid.IntRange(0, 9).Draw(t, "kind") // 9: mixed
			for _, r := range rows {
				k := kind
				if kind == 9 {
					k = rapid.IntRange(0, 8).Draw(t, "mixed")
				}
				r[c] = drawValue(t, k)
			}
		}
		got, err := ReadColumns(AppendColumns(nil, slices.Concat(rows...), width), count, width)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if !bytes.Equal(value.AppendRow(nil, rows[i]), value.AppendRow(nil, got[i])) {
				t.Fatalf("row %d: %v, wrote %v", i, got[i], rows[i])
			}
		}
	})
}

func TestPackRoundTrip(t *testing.T) {
	for _, n := range []int{0, 10, 5000} {
		b := &Batch{Edge: "e1", Epoch: 7, Seq: 9, Deltas: []*Deltas{{View: 1, Keys: bytes.Repeat([]byte("k"), n)}}}
		message, err := Pack(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unpack(message)
		if err != nil || !proto.Equal(b, got) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	message, _ := Pack(&Batch{Edge: "e", Rows: []*Rows{{Stream: 1, Count: 1, Columns: []byte{1, 2, 4}}}})
	f.Add(message)
	f.Add([]byte{1, 0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, message []byte) {
		b, err := Unpack(message)
		if err != nil {
			return
		}
		for _, r := range b.Rows {
			rows, err := ReadColumns(r.Columns, int(r.Count), 3)
			if err == nil && len(rows) != int(r.Count) {
				t.Fatalf("%d rows of %d", len(rows), r.Count)
			}
		}
	})
}

// The layout is read here as the browser reads it, by offsets, not through the writer.
func TestFrameLayout(t *testing.T) {
	f := BeginFrame(nil, Update, "positions:v", 3, 1500, 2)
	f.Strings("id", []string{"a", "bcd"})
	f.F64("lat", []float64{1.5, math.NaN()})
	f.Bools("final", []bool{true, false})
	b := f.End()
	le := binary.LittleEndian
	if string(b[:2]) != "HP" || b[2] != 1 || b[3] != 2 || int(le.Uint32(b[4:])) != len(b) || len(b)%8 != 0 {
		t.Fatalf("header % x", b[:8])
	}
	if math.Float64frombits(le.Uint64(b[8:])) != 3 || math.Float64frombits(le.Uint64(b[16:])) != 1500 || le.Uint32(b[24:]) != 2 || le.Uint16(b[30:]) != 3 {
		t.Fatalf("fields % x", b[8:32])
	}
	at := 32 + 16 // topic of 11 bytes, padded
	if string(b[32:43]) != "positions:v" || b[at] != frameString || string(b[at+8:at+10]) != "id" {
		t.Fatalf("first column % x", b[at:])
	}
	at += 8 + 8
	if le.Uint32(b[at+4:]) != 1 || le.Uint32(b[at+8:]) != 4 || string(b[at+12:at+16]) != "abcd" {
		t.Fatalf("strings % x", b[at:])
	}
	at += 16 + 8 + 8
	if math.Float64frombits(le.Uint64(b[at:])) != 1.5 || !math.IsNaN(math.Float64frombits(le.Uint64(b[at+8:]))) {
		t.Fatalf("doubles % x", b[at:])
	}
}

func BenchmarkColumns(b *testing.B) {
	var rows []value.Value
	for i := range 1000 {
		rows = append(rows, value.OfString("bus-1234"), value.OfTime(1e15+int64(i)*1000), value.OfDouble(40+float64(i)/1e5), value.OfDouble(float64(i%50)))
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = AppendColumns(buf[:0], rows, 4)
	}
	b.ReportMetric(float64(len(buf))/1000, "bytes/row")
}
