package core

import (
	"slices"
	"strings"
	"testing"
)

// A point that InfluxDB refuses is a row of rejected, with the server's reason, and stays one over a crash.
func TestRefusedPointsAreRows(t *testing.T) {
	f := newField(t, 2)
	defer func() { f.close() }()
	f.core.cfg.Influx.Bucket = "city/year"
	f.core.refusedPoint(`odd\ view\,s,bus=7 n=1i 1000`, "field type conflict")
	f.core.refusedPoint("speeds n=1i 1000", "too old")
	f.settle()
	f.crash()
	got, err := f.ask("SELECT stream, topic, reason, sample FROM rejected ORDER BY stream")
	check(t, err)
	if want := []string{`odd view,s, influx:city/year, field type conflict, odd\ view\,s,bus=7 n=1i 1000`, "speeds, influx:city/year, too old, speeds n=1i 1000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	long := strings.Repeat("ü", maxSample)
	f.core.refusedPoint("long n=1i 1"+long, "unable to parse "+long)
	f.settle()
	got, err = f.ask("SELECT sample, reason FROM rejected WHERE stream = 'long'")
	check(t, err)
	cut := strings.Repeat("ü", (maxSample-16)/2)
	if want := []string{"long n=1i 1" + strings.Repeat("ü", (maxSample-11)/2) + "…, unable to parse " + cut + "…"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range maxRefused + 10 {
		f.core.refusedPoint("v n=1i 1", "full")
	}
	f.settle()
	got, err = f.ask("SELECT COUNT(*) AS n FROM rejected")
	check(t, err)
	if !slices.Equal(got, []string{"1003"}) {
		t.Errorf("%q rows", got)
	}
}
