package table

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func fleet(format string) *plan.Table {
	column := func(name string, kind value.Kind, key bool) *plan.Column {
		return &plan.Column{Name: name, Type: &plan.Type{Kind: uint32(kind), Precision: 6, Scale: 2}, Key: key}
	}
	def := &plan.Table{Id: 7, Name: "fleet", File: "fleet." + format, Format: format, Columns: []*plan.Column{column("device", value.String, true),
		column("home", value.Cell, false), column("seats", value.Int, false), column("fare", value.Decimal, false)}}
	if format == "json" {
		def.Columns[2].Path = "inside.seats"
	}
	return def
}

func TestFilesGiveRowsOrSayWhatIsWrong(t *testing.T) {
	two := []string{"bus-1 891f1d48177ffff 40 1.50", "bus-2   "}
	for _, c := range []struct {
		name, format, data string
		rows               []string
		err                string
	}{
		{"columns in another order, and one too many", "csv", "seats,Device,note,home,fare\n40,bus-1,\"a, b\",891f1d48177ffff,1.50\n,bus-2,,,\n", two, ""},
		{"marks of a spreadsheet", "csv", "\xef\xbb\xbfdevice,home,seats,fare\r\nbus-1, 891f1d48177ffff ,40,1.5\r\nbus-2,,,\r\n", two, ""},
		{"no rows", "csv", "device,home,seats,fare\n", nil, ""},
		{"empty", "csv", "", nil, "it is empty; its first line must name the columns"},
		{"no such column", "csv", "device,home,fare\n", nil, "its first line names no column seats; it has device, home, fare"},
		{"bad number", "csv", "device,home,seats,fare\nbus-1,,40,\nbus-2,,many,\n", nil, `line 3: seats: "many" is no BIGINT`},
		{"bad number after a field of two lines", "csv", "device,home,seats,fare\n\"bus\n1\",,40,\nbus-2,,many,\n", nil, `line 4: seats: "many" is no BIGINT`},
		{"no cell", "csv", "device,home,seats,fare\nbus-1,123,40,\n", nil, `line 2: home: "123" is no H3 cell`},
		{"short line", "csv", "device,home,seats,fare\nbus-1,123\n", nil, "record on line 2: wrong number of fields"},
		{"no key", "csv", "device,home,seats,fare\n,,40,\n", nil, "line 2: the key device is missing"},
		{"key twice", "csv", "device,home,seats,fare\na,,1,\nb,,2,\na,,3,\n", nil, "line 2 and line 4 have the same key"},
		{"too many", "csv", "device,home,seats,fare\na,,1,\nb,,2,\nc,,3,\nd,,4,\n", nil, "it has more than 3 rows (tables.max_rows)"},
		{"array", "json", `[{"device":"bus-1","home":"891f1d48177ffff","inside":{"seats":40},"fare":1.50},{"device":"bus-2","x":1}]`, two, ""},
		{"objects", "json", "{\"device\":\"bus-1\",\"home\":\"891f1d48177ffff\",\n\"inside\":{\"seats\":40},\"fare\":\"1.50\"}\n{\"device\":\"bus-2\"}\n", two, ""},
		{"empty array", "json", "[]", nil, ""},
		{"nothing", "json", " ", nil, ""},
		{"array cut short", "json", `[{"device":"bus-1"},`, nil, "object 2: EOF"},
		{"array not closed", "json", `[{"device":"bus-1"}`, nil, "the array is not closed: EOF"},
		{"something behind", "json", `[{"device":"bus-1"}] x`, nil, "something stands behind the last object"},
		{"no object", "json", `[1]`, nil, "object 1: "},
		{"an array in the array", "json", `[[{"device":"a"},{"device":"b"}]]`, nil, "object 1: expected an object with the columns as members"},
		{"bad number", "json", `[{"device":"a"},{"device":"b","inside":{"seats":"many"}}]`, nil, "object 2: bad_type: "},
		{"no cell", "json", `[{"device":"a","home":"xyz"}]`, nil, `object 1: home: "xyz" is no CELL`},
		{"no key", "json", `{"home":"891f1d48177ffff"}`, nil, "object 1: the key device is missing"},
		{"key twice", "json", `{"device":"a"}{"device":"a"}`, nil, "object 1 and object 2 have the same key"},
	} {
		t.Run(c.format+" "+c.name, func(t *testing.T) {
			got, err := read(fleet(c.format), 3, file{data: []byte(c.data)})
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Fatalf("%v, not %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var rows []string
			for row := range got.All() {
				var words []string
				for _, v := range row {
					words = append(words, v.Text())
				}
				rows = append(rows, strings.Join(words, " "))
			}
			if !slices.Equal(rows, c.rows) {
				t.Errorf("%q, not %q", rows, c.rows)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("csv", "device,home,seats,fare\nbus-1,891f1d48177ffff,40,1.5\n")
	f.Add("json", `[{"device":"bus-1","inside":{"seats":40}}]`)
	f.Fuzz(func(t *testing.T, format, data string) {
		if format != "csv" && format != "json" && format != "parquet" {
			return
		}
		def := fleet(format)
		got, err := read(def, 10, file{data: []byte(data)})
		if err != nil {
			return
		}
		if got.Len() > 10 {
			t.Fatal(got.Len(), "rows")
		}
		for row := range got.All() {
			for i, v := range row {
				if want := def.Columns[i].Type.Value().Kind; !v.IsNull() && v.Kind() != want {
					t.Fatalf("%s in a column of %s", v.Kind(), want)
				}
			}
			if again, ok := got.Find(value.Append(nil, row[0])); !ok || !slices.Equal(again, row) {
				t.Fatal("a row is not found by its key")
			}
		}
	})
}

// keeper is over a real JetStream.
func keeper(t *testing.T) (*Keeper, jetstream.ObjectStore) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := js.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "TABLES"})
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Dir: filepath.Join(t.TempDir(), "tables"), MaxRows: 100, MaxBytes: 1000}, objects, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)), objects
}

func (k *Keeper) put(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(k.cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(k.cfg.Dir, name), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestContentsFollowTheFile(t *testing.T) {
	k, objects := keeper(t)
	ctx := t.Context()
	p := &plan.Plan{Tables: []*plan.Table{fleet("csv")}}
	if err := k.Fill(ctx, p); err == nil || !strings.Contains(err.Error(), "tables.dir") {
		t.Fatalf("without a directory: %v", err)
	}
	k.put(t, "other.csv", "")
	if err := k.Fill(ctx, p); err == nil || !strings.Contains(err.Error(), "there is no file fleet.csv") {
		t.Fatalf("without a file: %v", err)
	}
	k.put(t, "fleet.csv", "device,home,seats,fare\nbus-1,,40,\n")
	if err := k.Fill(ctx, p); err != nil {
		t.Fatal(err)
	}
	def := p.Tables[0]
	if def.Rows != 1 || def.Contents == "" {
		t.Fatalf("%v", def)
	}
	if _, err := objects.GetBytes(ctx, def.Contents); err != nil {
		t.Fatal("edges don't find the contents", err)
	}
	for round, change := range []struct {
		data    string
		changed bool
		failed  float64
	}{
		{"device,home,seats,fare\nbus-1,,40,\n", false, 0}, // touched, but the same rows
		{"device,home,seats,fare\nbus-1,,many,\n", false, 1},
		{"device,home,seats,fare\nbus-1,,40,\nbus-2,,50,\n", true, 1},
		{"device,home,seats,fare\n" + strings.Repeat("x", 1000), false, 2},
	} {
		k.put(t, "fleet.csv", change.data)
		now := time.Now().Add(time.Duration(round) * time.Second)
		if err := os.Chtimes(filepath.Join(k.cfg.Dir, "fleet.csv"), now, now); err != nil {
			t.Fatal(err)
		}
		changed := k.Changed(ctx, p)
		if len(changed) != 0 != change.changed {
			t.Fatalf("round %d: %v", round, changed)
		}
		if again := k.Changed(ctx, p); !change.changed && len(again) != 0 {
			t.Fatalf("round %d: changed again without a change", round)
		}
		var m dto.Metric
		if err := k.failed.WithLabelValues("fleet").Write(&m); err != nil {
			t.Fatal(err)
		}
		if got := m.GetCounter().GetValue(); got != change.failed {
			t.Fatalf("round %d: %v failures, not %v", round, got, change.failed)
		}
		if change.changed {
			p.Tables[0] = changed[0]
		}
	}
	next := p.Tables[0]
	if next.Rows != 2 || next.Contents == def.Contents || next.Id != def.Id {
		t.Fatalf("%v", next)
	}
	fresh := New(k.cfg, objects, prometheus.NewRegistry(), k.log) // as after a restart
	for _, from := range []*Keeper{k, fresh} {
		got, err := from.Get(ctx, next)
		if err != nil || got.Len() != 2 {
			t.Fatal(got, err)
		}
	}
	if err := k.Prune(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.GetInfo(ctx, def.Contents); err == nil {
		t.Error("old contents stay")
	}
	if _, err := objects.GetInfo(ctx, next.Contents); err != nil {
		t.Error("contents in force are gone", err)
	}
}

func TestFilesOutsideAreOutOfReach(t *testing.T) {
	k, _ := keeper(t)
	k.put(t, "fleet.csv", "")
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("device,home,seats,fare\na,,1,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(k.cfg.Dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"link.csv", "../" + filepath.Base(filepath.Dir(secret)) + "/secret.csv", secret, "."} {
		def := fleet("csv")
		def.File = file
		if err := k.Fill(context.Background(), &plan.Plan{Tables: []*plan.Table{def}}); err == nil {
			t.Errorf("%s was read", file)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	var data strings.Builder
	data.WriteString("device,home,seats,fare\n")
	for i := range 10_000 {
		fmt.Fprintf(&data, "bus-%d,891f1d48177ffff,%d,1.50\n", i, i%80)
	}
	for b.Loop() {
		if _, err := read(fleet("csv"), 100_000, file{data: []byte(data.String())}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10_000), "ns/row")
}
