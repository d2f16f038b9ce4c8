package payload

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// sharedData finds ../shared/data beside the repository.
func sharedData(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		if p := filepath.Join(d, "shared", "data", path); exists(p) {
			return p
		}
	}
	t.Skipf("no shared/data/%s beside the repository", path)
	return ""
}

func exists(p string) bool { _, err := os.Stat(p); return err == nil }

// The examples of RFC 8428 resolve to the forms given there.
func TestSenMLExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData(t, "payloads/senml"), "*.resolved.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".resolved.json")
		pack, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []map[string]any
		if err := json.Unmarshal(resolved, &want); err != nil {
			t.Fatal(err)
		}
		now := int64(1_498_780_179_000_000)
		if at, ok := want[0]["t"].(float64); ok && !bytes.Contains(pack, []byte(`t":`)) {
			now = int64(at * 1e6) // no time in the pack: what the resolved form took for it
		}
		got, err := ResolveSenML(pack, now)
		if !bytes.Contains(resolved, []byte(`"vd"`)) { // one of the resolved forms leaves the record with binary data out
			got = slices.DeleteFunc(got, func(r Record) bool { return !r.Data.IsNull() })
		}
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %d records, want %d: %v", filepath.Base(name), len(got), len(want), err)
			continue
		}
		for i, w := range want {
			checkRecord(t, filepath.Base(name), i, got[i], w, now)
		}
	}
}

func checkRecord(t *testing.T, name string, i int, got Record, want map[string]any, now int64) {
	t.Helper()
	bad := func(field string, g, w any) { t.Errorf("%s, record %d, %s: %v, want %v", name, i, field, g, w) }
	if got.Name != want["n"] {
		bad("n", got.Name, want["n"])
	}
	if u, _ := want["u"].(string); got.Unit != u {
		bad("u", got.Unit, u)
	}
	if v, ok := want["v"].(float64); ok != !got.Value.IsNull() || ok && math.Abs(got.Value.Float()-v) > 1e-9 {
		bad("v", got.Value.Text(), want["v"])
	}
	if s, ok := want["vs"].(string); ok && got.Text.Str() != s {
		bad("vs", got.Text.Str(), s)
	}
	if s, ok := want["vd"].(string); ok && got.Data.Str() != s {
		bad("vd", got.Data.Str(), s)
	}
	if b, ok := want["vb"].(bool); ok && got.Bool.Bool() != b {
		bad("vb", got.Bool.Bool(), b)
	}
	if s, ok := want["t"].(float64); ok && s >= relativeLimit && math.Abs(float64(got.TimeUs)/1e6-s) > 1e-3 {
		bad("t", got.TimeUs, s)
	} else if !ok && got.TimeUs != now {
		bad("t", got.TimeUs, now)
	}
}

func TestSenMLReadings(t *testing.T) {
	gps := `[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1320067464,"bu":"%RH","v":20.0},{"v":24.30621,"u":"lon"},{"v":60.07965,"u":"lat"},
		{"v":20.3,"t":60},{"v":24.30622,"u":"lon","t":60},{"v":60.07966,"u":"lat","t":60}]`
	wide := &plan.Stream{Topic: "s", Format: "senml", Timestamp: 1, Columns: []*plan.Column{column("device", value.String, "KEY"), column("ts", value.Timestamp),
		column("lat", value.Double), column("lon", value.Double), column("humidity", value.Double, "%RH")}}
	b := decode(t, wide, "s", gps)
	if len(b.Rejects) != 0 || len(b.Readings) != 2 || text(b.Readings[1].Row) != "urn:dev:ow:10e2073a01080063|2011-10-31T13:25:24Z|60.07966|24.30622|20.3" {
		t.Errorf("wide: %+v, %+v", b.Readings, b.Rejects)
	}
	narrow := &plan.Stream{Topic: "s", Format: "senml", Timestamp: -1, Columns: []*plan.Column{column("name", value.String, "KEY"), column("unit", value.String),
		column("value", value.Double), column("string_value", value.String)}}
	b = decode(t, narrow, "s", `[{"bn":"dev1/","n":"temp","u":"Cel","v":23.1},{"n":"label","vs":"Machine Room"}]`)
	if len(b.Readings) != 2 || text(b.Readings[0].Row) != "dev1/temp|Cel|23.1|" || text(b.Readings[1].Row) != "dev1/label|||Machine Room" {
		t.Errorf("one reading a record: %+v, %+v", b.Readings, b.Rejects)
	}
	for _, bad := range []string{`{}`, `[{"v":1}]`, `[{"n":"a","v":"x"}]`, `[{"n":"a","bver":11,"v":1}]`, `[{"n":"a","v":1,"new_":2}]`, `[1]`} {
		if b := decode(t, narrow, "s", bad); len(b.Rejects) != 1 || b.Rejects[0].Reason != "bad_senml" {
			t.Errorf("%s: %+v", bad, b)
		}
	}
}

func FuzzDecodeSenML(f *testing.F) {
	f.Add([]byte(`[{"bn":"dev1/","bt":1320067464,"bs":1,"n":"temp","u":"Cel","v":23.1},{"n":"l","vs":"x"},{"vb":true,"t":-5}]`))
	d, err := New(&plan.Stream{Topic: "s", Format: "senml", Timestamp: -1, Columns: []*plan.Column{column("name", value.String, "KEY"), column("value", value.Double)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var b Batch
		d.Decode("s", payload, arrival, &b)
		for _, r := range b.Readings {
			if r.Row[0].IsNull() {
				t.Fatal("a reading without its key")
			}
		}
	})
}
