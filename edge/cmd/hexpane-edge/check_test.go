package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge/check"
)

func TestWhoseTheDirectoryIs(t *testing.T) {
	dir := t.TempDir()
	expect := func(what, status, has string) {
		t.Helper()
		if r := owned(dir); r.Status != status || !strings.Contains(r.Detail, has) {
			t.Errorf("%s: %+v", what, r)
		}
	}
	expect("new", check.OK, "")
	release, err := service.LockDir(dir, "hexpane-edge", dataFormat)
	if err != nil {
		t.Fatal(err)
	}
	expect("in use", check.Fail, "in use by process")
	if err := release(); err != nil {
		t.Fatal(err)
	}
	expect("free again", check.OK, "")
	for text, has := range map[string]string{"hexpane-core 1\n": "belongs to hexpane-core", "hexpane-edge 999\n": "format 999", "?": "damaged"} {
		if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(text, check.Fail, has)
	}
}

// What is wrong with the configuration is one result, and the others follow; secrets are in none.
func TestCheckReportsAll(t *testing.T) {
	cfg := &checkConfig{Format: "json", DiskFor: time.Millisecond}
	cfg.Data, cfg.ID, cfg.Mode, cfg.HTTP.Listen, cfg.MQTT.Listen = t.TempDir(), "not an id", "broker", "127.0.0.1:0", "127.0.0.1:0"
	cfg.NATS.URL = "nats://me:secret@127.0.0.1:1"
	var out bytes.Buffer
	err := runCheck(t.Context(), &out, cfg)
	if err == nil || !strings.Contains(err.Error(), "checks failed") {
		t.Errorf("%v", err)
	}
	var got struct {
		OK     bool
		Checks []check.Result
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.OK || len(got.Checks) < 6 || got.Checks[0].Status != check.Fail ||
		!strings.Contains(got.Checks[0].Detail, "id:") || strings.Contains(out.String(), "secret") {
		t.Errorf("%v\n%s", err, out.String())
	}
	cfg.Format = "text"
	out.Reset()
	if err := runCheck(t.Context(), &out, cfg); err == nil || !strings.HasPrefix(out.String(), "fail  configuration") || strings.Count(out.String(), "\n") != len(got.Checks) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
