package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	lock := func(name string, format int, want string) func() error {
		t.Helper()
		release, err := LockDir(dir, name, format)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Fatalf("got %v, want %q", err, want)
		}
		return release
	}
	release := lock("hexpane-edge", 1, "")
	lock("hexpane-edge", 1, "is in use by process ")
	if err := release(); err != nil {
		t.Fatal(err)
	}
	lock("hexpane-core", 1, "belongs to hexpane-edge, not to hexpane-core")
	_ = lock("hexpane-edge", 2, "")()
	lock("hexpane-edge", 1, "has format 2, this version knows up to 1")
	_ = lock("hexpane-edge", 2, "")() // a refusal leaves nothing locked
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock("hexpane-edge", 2, "FORMAT is damaged")
}

func TestLockDirNamesWhatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(file, "x", 1); err == nil || !strings.Contains(err.Error(), "create data directory") {
		t.Errorf("got %v", err)
	}
}

func TestCheckBind(t *testing.T) {
	for _, c := range []struct {
		addr           string
		auth, insecure bool
		want           string
	}{
		{"127.0.0.1:1883", false, false, ""},
		{"127.9.9.9:0", false, false, ""},
		{"[::1]:1883", false, false, ""},
		{"localhost:1883", false, false, ""},
		{"0.0.0.0:1883", false, false, "refused"},
		{":1883", false, false, "refused"},
		{"[::]:1883", false, false, "refused"},
		{"10.0.0.1:1883", false, false, "refused"},
		{"edge.local:1883", false, false, "refused"},
		{"127.0.0.1.evil.com:1883", false, false, "refused"},
		{"0.0.0.0:1883", true, false, ""},
		{"0.0.0.0:1883", false, true, ""},
		{"1883", true, true, "want host:port"},
	} {
		err := CheckBind(c.addr, c.auth, c.insecure)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
