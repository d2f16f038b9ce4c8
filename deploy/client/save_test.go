package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exporter answers in the form asked for; a statement with the word "break" breaks off in the middle.
func exporter(t *testing.T) *Config {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(strings.Builder)
		_, _ = fmt.Fprint(body, r.Header.Get("Accept"))
		text := make([]byte, 1000)
		n, _ := r.Body.Read(text)
		asked := string(text[:n])
		if strings.Contains(asked, "CREATE") || !strings.Contains(body.String(), "text/csv") && !strings.Contains(body.String(), "parquet") {
			fmt.Fprintln(w, `{"columns":[],"rows":[],"messages":["done"]}`)
			return
		}
		w.Header().Set("Trailer", rowsTrailer)
		fmt.Fprint(w, "a,b\n1,2\n")
		if strings.Contains(asked, "break") {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Header().Set(rowsTrailer, "1")
	}))
	t.Cleanup(s.Close)
	return &Config{Server: s.URL, Output: "csv"}
}

func TestSave(t *testing.T) {
	cfg := exporter(t)
	dir := t.TempDir()
	if out, notes, err := runClient(cfg, "CREATE x; SELECT a; SELECT b"); err != nil || out != "a,b\n1,2\n\na,b\n1,2\n" || notes != "done\n" {
		t.Errorf("%q %q %v", out, notes, err)
	}
	cfg.Save = filepath.Join(dir, "rows.csv")
	if out, notes, err := runClient(cfg, "", "SELECT a"); err != nil || out != "" || notes != "1 row, 8 bytes\n" {
		t.Errorf("%q %q %v", out, notes, err)
	}
	if text, err := os.ReadFile(cfg.Save); err != nil || string(text) != "a,b\n1,2\n" {
		t.Errorf("%q %v", text, err)
	}
	for _, statement := range []string{"SELECT break", "SELECT a; SELECT break"} {
		cfg.Save = filepath.Join(dir, "broken.csv")
		if _, _, err := runClient(cfg, statement); err == nil || !strings.Contains(err.Error(), "broke off") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	cfg.Output = "parquet"
	if _, _, err := runClient(cfg, "SELECT a; SELECT b"); err == nil || !strings.Contains(err.Error(), "one statement") {
		t.Errorf("two results in a file: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("what broke off left something: %v %v", files, err)
	}
}
