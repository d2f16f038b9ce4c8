package reference_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

func definition() *plan.Table {
	column := func(name string, kind value.Kind, key bool) *plan.Column {
		return &plan.Column{Name: name, Type: &plan.Type{Kind: uint32(kind), Scale: 2}, Key: key}
	}
	return &plan.Table{Name: "t", Columns: []*plan.Column{column("text", value.String, false), column("line", value.Int, true),
		column("day", value.String, true), column("price", value.Decimal, false)}}
}

// Every row is found by its key and by no other, before and after it travelled; the order of rows does not change the name.
func TestRowsAreFoundByTheirKeys(t *testing.T) {
	def := definition()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.IntRange(-3, 300), 0, 40, rapid.ID[int]).Draw(t, "keys")
		rows := make([][]value.Value, len(keys))
		for i, k := range keys {
			rows[i] = []value.Value{{}, value.OfInt(int64(k / 7)), value.OfString(fmt.Sprint(k % 7)), value.OfDecimal(int64(k), 2)}
			if k%2 == 0 {
				rows[i][0] = value.OfString(fmt.Sprint("row ", k))
			}
		}
		made, err := reference.New(reference.Keys(def), 4, rows)
		if err != nil {
			t.Fatal(err)
		}
		packed, name, err := made.Encode()
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(rows)
		again, err := reference.New(reference.Keys(def), 4, rows)
		if err != nil {
			t.Fatal(err)
		}
		if _, other, _ := again.Encode(); other != name {
			t.Fatal("the same rows in another order have another name")
		}
		travelled, err := reference.Decode(def, packed)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []*reference.Table{made, travelled} {
			if table.Len() != len(rows) {
				t.Fatalf("%d rows, not %d", table.Len(), len(rows))
			}
			for _, want := range rows {
				key := value.Append(value.Append(nil, want[1]), want[2])
				if got, ok := table.Find(key); !ok || !slices.Equal(got, want) {
					t.Fatalf("%v finds %v, %v", want, got, ok)
				}
				if _, ok := table.Find(key[:len(key)-1]); ok {
					t.Fatalf("half a key finds a row")
				}
			}
		}
	})
}

func TestBadRowsAreRefused(t *testing.T) {
	a, b, null := value.OfString("a"), value.OfString("b"), value.Value{}
	_, err := reference.New([]int{0}, 2, [][]value.Value{{a, null}, {b, null}, {a, b}})
	var twice *reference.DuplicateError
	if !errors.As(err, &twice) || *twice != (reference.DuplicateError{First: 0, Second: 2}) {
		t.Errorf("a key given twice: %v", err)
	}
	if _, err := reference.New([]int{0}, 2, [][]value.Value{{null, a}}); err == nil {
		t.Error("a row without a key was taken")
	}
	if _, err := reference.New([]int{0}, 2, [][]value.Value{{a}}); err == nil {
		t.Error("a short row was taken")
	}
}

// FuzzDecode: what comes over the network is a table or an error, and a table packs to what it was.
func FuzzDecode(f *testing.F) {
	def := definition()
	whole, err := reference.New(reference.Keys(def), 4, [][]value.Value{
		{{}, value.OfInt(math.MaxInt64), value.OfString("x"), value.OfDecimal(150, 2)},
		{value.OfString("Depot"), value.OfInt(0), value.OfString(""), {}}})
	if err != nil {
		f.Fatal(err)
	}
	packed, _, err := whole.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:len(packed)-2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := reference.Decode(def, data)
		if err != nil {
			return
		}
		packed, name, err := table.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := reference.Decode(def, packed)
		if err != nil {
			t.Fatal(err)
		}
		if other, same, _ := again.Encode(); same != name || !bytes.Equal(other, packed) {
			t.Fatal("it packs to something else")
		}
	})
}

func BenchmarkFind(b *testing.B) {
	def := definition()
	rows := make([][]value.Value, 10_000)
	keys := make([][]byte, len(rows))
	for i := range rows {
		rows[i] = []value.Value{value.OfString("depot"), value.OfInt(int64(i)), value.OfString("monday"), value.OfDecimal(150, 2)}
		keys[i] = value.AppendRow(nil, rows[i][1:3])
	}
	table, err := reference.New(reference.Keys(def), 4, rows)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := table.Find(keys[i%len(keys)]); !ok {
			b.Fatal("not found")
		}
		i += 7919
	}
}
