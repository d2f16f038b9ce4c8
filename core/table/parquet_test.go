package table

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

func written(t interface{ Fatal(...any) }, def *plan.Table, rows ...[]value.Value) []byte {
	var columns []parquet.Column
	for _, c := range slices.Backward(def.Columns) { // in another order
		columns = append(columns, parquet.Column{Name: strings.ToUpper(c.Name), Type: c.Type.Value()})
	}
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, columns, nil)
	for _, row := range rows {
		row = slices.Clone(row)
		slices.Reverse(row)
		err = errors.Join(err, w.Write(row))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bus(name string, seats int64) []value.Value {
	return []value.Value{value.OfString(name), {}, value.OfInt(seats), {}}
}

// Random rows → Parquet → a table: equal.
func TestParquetRoundTrip(t *testing.T) {
	def := fleet("parquet")
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.String(), 0, 50, rapid.ID).Draw(t, "devices")
		rows := map[string][]value.Value{}
		var list [][]value.Value
		for _, name := range names {
			row := []value.Value{value.OfString(name), rapid.SampledFrom([]value.Value{{}, value.OfCell(0x891f1d48177ffff)}).Draw(t, "home"),
				rapid.Map(rapid.Int64(), value.OfInt).Draw(t, "seats"), value.OfDecimal(rapid.Int64Range(-999_999, 999_999).Draw(t, "fare"), 2)}
			rows[name], list = row, append(list, row)
		}
		half := len(list) / 2 // in two files
		got, err := read(def, len(list), file{"a", written(t, def, list[:half]...)}, file{"b", written(t, def, list[half:]...)})
		if err != nil {
			t.Fatal(err)
		}
		if got.Len() != len(rows) {
			t.Fatalf("%d rows, not %d", got.Len(), len(rows))
		}
		for row := range got.All() {
			if !slices.Equal(row, rows[row[0].Str()]) {
				t.Fatalf("%v, not %v", row, rows[row[0].Str()])
			}
		}
	})
}

func TestParquetSaysWhatIsWrong(t *testing.T) {
	def := fleet("parquet")
	other := fleet("parquet")
	other.Columns = other.Columns[:3]
	shared := make([][]value.Value, 0, 100)
	for i := range cap(shared) {
		row := bus(string(rune('a'+i)), 1)
		row[0] = value.OfString(strings.Repeat("x", i+1))
		shared = append(shared, row)
	}
	long := fleet("parquet")
	long.Columns[1].Type = &plan.Type{Kind: uint32(value.String)}
	text := value.OfString(strings.Repeat("x", 1<<19)) // once in the file, a hundred times in the rows
	for i := range shared {
		shared[i][1] = text
	}
	for _, c := range []struct {
		def  *plan.Table
		data []byte
		want string
	}{
		{def, written(t, def, bus("a", 1), bus("b", 2), bus("a", 3)), "row 1 and row 3 have the same key"},
		{def, written(t, def, bus("a", 1), []value.Value{{}, {}, {}, {}}), "row 2: the key device is missing"},
		{def, written(t, other, bus("a", 1)[:3]), "it has no column fare; it has SEATS, HOME, DEVICE"},
		{def, []byte("device,home"), "it is cut off, or no Parquet"},
		{def, nil, "it is cut off, or no Parquet"},
		{long, written(t, long, shared...), "its rows take more than 33554432 bytes"},
	} {
		if _, err := read(c.def, 1000, file{data: c.data}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if reference.MaxBytes != 33554432 {
		t.Error("the bound has another value")
	}
}

// A directory is all of its files, and is followed as one.
func TestParquetDirectory(t *testing.T) {
	k, _ := keeper(t)
	k.cfg.MaxBytes = 100_000
	def := fleet("parquet")
	def.File = "lake/view=fleet"
	put := func(name string, rows ...[]value.Value) {
		t.Helper()
		path := filepath.Join(k.cfg.Dir, "lake", "view=fleet", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, written(t, def, rows...), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(k.cfg.Dir, "lake", "view=fleet"), 0o700)); err != nil {
		t.Fatal(err)
	}
	p := &plan.Plan{Tables: []*plan.Table{def}}
	if err := k.Fill(t.Context(), p); err == nil || !strings.Contains(err.Error(), "directory without a Parquet file") {
		t.Fatalf("empty: %v", err)
	}
	put("date=2026-01-01/part-0.parquet", bus("a", 1), bus("b", 2))
	put("date=2026-01-01/.part-1.parquet", bus("a", 1))
	put("date=2026-01-02/_part-1.parquet", bus("a", 1))
	if err := os.WriteFile(filepath.Join(k.cfg.Dir, "lake", "view=fleet", "_manifest.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Fill(t.Context(), p); err != nil || def.Rows != 2 {
		t.Fatalf("%d rows: %v", def.Rows, err)
	}
	if changed := k.Changed(t.Context(), p); len(changed) > 0 {
		t.Fatalf("changed: %v", changed)
	}
	put("date=2026-01-02/part-0.parquet", bus("c", 3))
	if changed := k.Changed(t.Context(), p); len(changed) != 1 || changed[0].Rows != 3 {
		t.Fatalf("a file more: %v", changed)
	}
	before, err := k.look(def)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(k.cfg.Dir, "lake", "view=fleet", "date=2026-01-01", "part-0.parquet"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if now, err := k.look(def); err != nil || now == before {
		t.Errorf("a touched file is not seen: %v", err)
	}
	k.cfg.MaxBytes = 1000
	if _, _, err := k.contents(def); err == nil || !strings.Contains(err.Error(), "tables.max_bytes") {
		t.Errorf("too large: %v", err)
	}
}
