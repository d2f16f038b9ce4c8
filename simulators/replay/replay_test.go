package replay

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hexpane/hexpane/simulators/publish"
	"github.com/hexpane/hexpane/simulators/publish/brokertest"
)

const data = "../../../shared/data/"

func TestLine(t *testing.T) {
	const at = "2023-10-29T13:24:10.275306Z "
	for _, c := range []struct{ line, topic, payload string }{
		{at + `a/b {"x":1}`, "a/b", `{"x":1}`},
		{at + `/hfp/4400/Matinkylä (M)/15:21/60;24 {"VP":{"a b":[1]}}`, "/hfp/4400/Matinkylä (M)/15:21/60;24", `{"VP":{"a b":[1]}}`},
		{at + `a/{b}/c [1]`, "a/{b}/c", `[1]`},
		{"2023-10-29T13:24:10+02:00 a//b []", "a//b", "[]"},
		{at + `a/b nothing`, "", ""},
		{at + `{"x":1}`, "", ""},
		{`yesterday a/b {}`, "", ""},
		{at + `a/+/b {}`, "", ""},
		{"", "", ""},
	} {
		rec, err := parseLine(c.line)
		if c.topic == "" {
			if !errors.Is(err, ErrUnparsed) {
				t.Errorf("%q: %v, %v", c.line, rec, err)
			}
			continue
		}
		if err != nil || rec.Topic != c.topic || string(rec.Payload) != c.payload || rec.At.IsZero() {
			t.Errorf("%q: %q %q %v", c.line, rec.Topic, rec.Payload, err)
		}
	}
}

func TestCSV(t *testing.T) {
	const in = "id,at,v,note\n7,2016-11-25T11:53:40-06:00,1.50,\"say \"\"hi\"\", a/b\"\n0012,2016-11-25T11:53:41-06:00,,x\nshort,row\n8,never,1,x\n"
	src, err := CSV(strings.NewReader(in), CSVConfig{Topic: "bus/{id}/{note}", Time: "at",
		Payload: `{"id":"{id}","bus":{id},"v":{v},"deep":{"note":{note}},"text":"<{note}>"}`})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rec, err := range src {
		if err != nil {
			if !errors.Is(err, ErrUnparsed) {
				t.Fatal(err)
			}
			got = append(got, "unparsed")
			continue
		}
		if !json.Valid(rec.Payload) {
			t.Fatalf("%s", rec.Payload)
		}
		got = append(got, rec.Topic+" "+string(rec.Payload))
	}
	want := []string{
		`bus/7/say "hi", a_b {"id":"7","bus":7,"v":1.50,"deep":{"note":"say \"hi\", a/b"},"text":"<say \"hi\", a/b>"}`,
		`bus/0012/x {"id":"0012","bus":"0012","v":null,"deep":{"note":"x"},"text":"<x>"}`,
		"unparsed", "unparsed",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestCSVRefuses(t *testing.T) {
	for _, cfg := range []CSVConfig{{}, {Topic: "a/{nope}"}, {Topic: "a", Time: "nope"}, {Topic: "a", Sort: "nope"}} {
		if _, err := CSV(strings.NewReader("id,v\n"), cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2023, 10, 29, 13, 24, 10, 0, time.UTC)
	for _, v := range []string{"1698585850", "1698585850000", "1698585850000000", "1698585850000000000",
		"2023-10-29T13:24:10Z", "2023-10-29 13:24:10", "2023-10-29T15:24:10+02:00"} {
		if got, err := parseTime(v); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", v, got, err)
		}
	}
	if got, _ := parseTime("1193.5"); got.UnixMilli() != 1193500 {
		t.Error(got)
	}
}

func TestShuffle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secs := rapid.SliceOf(rapid.IntRange(0, 300)).Draw(t, "times")
		bound := time.Duration(rapid.IntRange(0, 120).Draw(t, "bound")) * time.Second
		seed := rapid.Uint64().Draw(t, "seed")
		list := make([]Record, len(secs))
		for i, s := range secs {
			list[i] = Record{At: time.Unix(int64(s), 0), Payload: []byte{byte(i), byte(i >> 8)}}
		}
		out := Shuffle(list, bound, seed)
		again := Shuffle(list, bound, seed)
		count := map[string]int{}
		for i := range list {
			count[string(list[i].Payload)]++
			count[string(out[i].Payload)]--
			if string(out[i].Payload) != string(again[i].Payload) {
				t.Fatal("one seed, two orders")
			}
		}
		for k, n := range count {
			if n != 0 {
				t.Fatalf("no permutation at %q", k)
			}
		}
		for i := range out {
			for j := range i {
				if out[j].At.Sub(out[i].At) > bound {
					t.Fatalf("%v came after %v: more than %v late", out[i].At, out[j].At, bound)
				}
			}
		}
	})
}

func TestSortRecords(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"10 9 -1 2.5", "-1 2.5 9 10"}, {"b a c", "a b c"},
		{"2016-11-25T11:00:00-06:00 2016-11-25T16:00:00Z", "2016-11-25T16:00:00Z 2016-11-25T11:00:00-06:00"},
	} {
		var list []Record
		for _, s := range strings.Fields(c.in) {
			list = append(list, Record{Sort: s})
		}
		SortRecords(list)
		for i, s := range strings.Fields(c.want) {
			if list[i].Sort != s {
				t.Errorf("%s: %v", c.in, list)
			}
		}
	}
}

func open(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := Open(data + name)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("real data is absent: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func config(b *brokertest.Broker) Config {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return Config{Publish: publish.Config{Broker: b.URL(), ClientID: "r", Log: log}, QoS: 1, Log: log}
}

func TestReplaysHelsinkiThroughALostConnection(t *testing.T) {
	b := brokertest.Start(t)
	b.CutAt(700)
	n, err := Run(t.Context(), config(b), Lines(open(t, "hsl-hfp/hfp_dump.txt.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if n.Read != 2003 || n.Acked != 2003 || n.Published != 2003 || n.Unparsed != 0 || n.Reconnects != 1 {
		t.Fatal(n)
	}
	distinct := map[string]bool{}
	for _, m := range b.Taken() {
		distinct[m.Topic+m.Payload] = true
	}
	want := map[string]bool{}
	for rec := range Lines(open(t, "hsl-hfp/hfp_dump.txt.gz")) {
		want[rec.Topic+string(rec.Payload)] = true
	}
	if len(distinct) != len(want) {
		t.Fatalf("%d distinct messages arrived of %d", len(distinct), len(want))
	}
}

func TestReplaysAustinSorted(t *testing.T) {
	b := brokertest.Start(t)
	src, err := CSV(open(t, "austin/2016-11-25.csv.gz"), CSVConfig{Topic: "bus/{vehicle_id}/position",
		Sort: "timestamp", Time: "timestamp", Payload: `{"ts":{timestamp},"speed":{speed}}`})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(b)
	cfg.Sort, cfg.Limit = true, 5000
	n, err := Run(t.Context(), cfg, src)
	if err != nil || n.Acked != 5000 || n.Unparsed != 0 {
		t.Fatal(n, err)
	}
	last := time.Time{}
	for _, m := range b.Taken() {
		var p struct{ TS time.Time }
		if err := json.Unmarshal([]byte(m.Payload), &p); err != nil || p.TS.Before(last) {
			t.Fatal(m, err)
		}
		last = p.TS
	}
}

func TestSourceFailureIsTold(t *testing.T) {
	b := brokertest.Start(t)
	broken := io.MultiReader(strings.NewReader("2023-10-29T13:24:10Z a {}\n"), failing{})
	n, err := Run(t.Context(), config(b), Lines(broken))
	if !errors.Is(err, io.ErrUnexpectedEOF) || n.Acked != 1 {
		t.Fatal(n, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
