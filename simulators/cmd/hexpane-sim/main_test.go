package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/simulators/publish/brokertest"
)

func TestExitCodes(t *testing.T) {
	b := brokertest.Start(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := file("a.txt", "2023-10-29T13:24:10Z a/b (c) {\"x\":1}\nnonsense\n")
	table := file("a.csv", "id,v\n1,2\n")
	good := file("good.yaml", "broker: "+b.URL()+"\ncount: 10\nfor: 0s\n")
	bad := file("bad.yaml", "brokre: x\n")
	for _, c := range []struct {
		args string
		want int
	}{
		{"load --config " + good, 0},
		{"load --check-config --config " + good, 0},
		{"load --print-config", 0},
		{"load --config " + bad, 2},
		{"load --for 0s", 2},
		{"load --rate fast", 2},
		{"replay " + lines + " --broker " + b.URL(), 0},
		{"replay " + table + " --speed 0 --topic x/{id} --broker " + b.URL(), 0},
		{"replay " + table + " --speed 0", 2},
		{"replay " + table + " --speed 0 --topic x/{no} --broker " + b.URL(), 1},
		{"replay " + filepath.Join(dir, "none") + " --broker " + b.URL(), 1},
		{"city --vehicles 10 --sensors 0 --purchases 5/s --for 200ms --broker " + b.URL(), 0},
		{"city --basemap " + filepath.Join(dir, "map.geojson"), 0},
		{"nonsense", 2},
	} {
		if got := run(strings.Fields(c.args)); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.args, got, c.want)
		}
	}
	seen := map[string]bool{}
	for _, m := range b.Taken() {
		seen[m.Topic] = true
	}
	if !seen["a/b (c)"] || !seen["x/1"] {
		t.Error(seen)
	}
}

func TestRate(t *testing.T) {
	for s, want := range map[string]rate{"20": 20, "20/s": 20, "2.5k/s": 2500, "20K": 20000, "0": 0} {
		var r rate
		if err := r.UnmarshalText([]byte(s)); err != nil || r != want {
			t.Errorf("%s: %v, %v", s, r, err)
		}
	}
}
