package client

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("XDG_STATE_HOME", state)
	h := userHistory()
	if lines, err := h.load(); err != nil || lines != nil {
		t.Fatalf("of a new user: %q, %v", lines, err)
	}
	for i := range 2*historyLines - 1 {
		if err := h.add(fmt.Sprint("SELECT ", i, ";")); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(state, "hexpane", "sql_history")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	last := fmt.Sprint("SELECT ", 2*historyLines-2, ";")
	if lines, err := h.load(); err != nil || len(lines) != historyLines || lines[historyLines-1] != last {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if err := h.add("SHOW VIEWS;"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first one cuts the file
		lines, err := h.load()
		if err != nil || len(lines) != historyLines || lines[historyLines-2] != last || lines[historyLines-1] != "SHOW VIEWS;" {
			t.Fatalf("%d lines, %v", len(lines), err)
		}
	}
	text, err := os.ReadFile(path)
	if info, _ := os.Stat(path); err != nil || strings.Count(string(text), "\n") != historyLines || info.Mode().Perm() != 0o600 {
		t.Errorf("after the cut: %d lines, %v, %v", strings.Count(string(text), "\n"), info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(state, "hexpane", "*")); !reflect.DeepEqual(left, []string{path}) {
		t.Errorf("left: %q", left)
	}
}

// What another program, or an accident, put there must not reach the terminal.
func TestHistoryOfOthers(t *testing.T) {
	h := history{filepath.Join(t.TempDir(), "sql_history")}
	if err := os.WriteFile(h.path, []byte("a;\n\x1b[2J\n\xff\n\n"+strings.Repeat("x", historyLine+1)+"\nb;"), 0o600); err != nil {
		t.Fatal(err)
	}
	if lines, err := h.load(); err != nil || !reflect.DeepEqual(lines, []string{"a;", "b;"}) {
		t.Errorf("%q, %v", lines, err)
	}
}

func TestHistoryHasItsPlace(t *testing.T) {
	for _, c := range []struct{ state, home, want string }{
		{"/s", "/h", "/s/hexpane/sql_history"},
		{"", "/h", "/h/.local/state/hexpane/sql_history"},
		{"relative", "/h", "/h/.local/state/hexpane/sql_history"},
		{"", "", ""},
	} {
		t.Setenv("XDG_STATE_HOME", c.state)
		t.Setenv("HOME", c.home)
		if got := userHistory().path; got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	none := history{}
	if lines, err := none.load(); lines != nil || err != nil || none.add("a;") != nil {
		t.Errorf("without a place: %q, %v", lines, err)
	}
}
