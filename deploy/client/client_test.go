package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeCore answers statements from a table; anything else is refused at line 2, column 3.
func fakeCore(t *testing.T, answers map[string]string) *Config {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ SQL string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/api/v1/sql" {
			http.Error(w, "what?", http.StatusTeapot)
			return
		}
		answer, ok := answers[body.SQL]
		if !ok {
			answer = `{"error":{"message":"no such thing","line":2,"column":3}}`
		}
		if strings.HasPrefix(answer, `{"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintln(w, answer)
	}))
	t.Cleanup(s.Close)
	return &Config{Server: s.URL + "/", Output: "table"}
}

func runClient(cfg *Config, stdin string, args ...string) (stdout, stderr string, err error) {
	var out, notes bytes.Buffer
	err = Run(context.Background(), cfg, Process{OnInterrupt: func(func()) func() { return func() {} }, Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &notes})
	return out.String(), notes.String(), err
}

const mixed = `{"columns":[{"name":"city","type":"STRING"},{"name":"n","type":"BIGINT"},{"name":"price","type":"DECIMAL(6,2)"},{"name":"open","type":"BOOLEAN"}],
	"rows":[["Zürich",12345678901234567890,1.50,true],["東京",7,-10.00,null],["a \"b\", c\n2nd",null,null,false],["",0,0.25,true]],"watermark":"2026-01-01T00:00:00Z"}`

func TestTable(t *testing.T) {
	out, _, err := runClient(fakeCore(t, map[string]string{"SELECT": mixed}), "", "SELECT")
	want := `
city                         n   price  open
Zürich    12345678901234567890    1.50  true
東京                         7  -10.00  NULL
a "b", c                  NULL    NULL  false
2nd
                             0    0.25  true
(4 rows)
`
	if err != nil || out != want[1:] {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestHostileCells(t *testing.T) {
	answer := `{"columns":[{"name":"a\u001b[2J","type":"STRING"}],"rows":[["x\u001b]0;y\u0007\r\tz\u202e\u0085\u2028"],["e\u0301🏳️‍🌈"]]}`
	out, _, err := runClient(fakeCore(t, map[string]string{"S": answer}), "", "S")
	if want := "a\\x1b[2J\nx\\x1b]0;y\\x07\\x0d    z\\u202e\\x85\\u2028\ne\u0301🏳️‍🌈\n(2 rows)\n"; err != nil || out != want {
		t.Errorf("%v\n%q\n%q", err, out, want)
	}
}

func TestForms(t *testing.T) {
	cfg := fakeCore(t, map[string]string{"CREATE": `{"columns":[],"rows":[],"messages":["created"]}`, "SELECT": mixed,
		"ONE": `{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1]]}`})
	const text = "CREATE; SELECT; ONE"
	if out, notes, err := runClient(cfg, text); err != nil || notes != "" || !strings.HasPrefix(out, "created\ncity") || !strings.HasSuffix(out, "(4 rows)\nn\n1\n(1 row)\n") {
		t.Errorf("table: %v %q\n%s", err, notes, out)
	}
	cfg.Output = "csv"
	want := "city,n,price,open\nZürich,12345678901234567890,1.50,true\n東京,7,-10.00,\n\"a \"\"b\"\", c\n2nd\",,,false\n,0,0.25,true\n\nn\n1\n"
	if out, notes, err := runClient(cfg, text); err != nil || notes != "created\n" || out != want {
		t.Errorf("csv: %v %q\n%s", err, notes, out)
	}
	cfg.Output = "json"
	if out, notes, err := runClient(cfg, text); err != nil || notes != "" || out != `{"columns":[],"rows":[],"messages":["created"]}`+"\n"+mixed+"\n"+`{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1]]}`+"\n" {
		t.Errorf("json: %v %q\n%s", err, notes, out)
	}
}

// A long answer comes whole and in order.
func TestLongAnswer(t *testing.T) {
	const rows = 100_000
	var b strings.Builder
	b.WriteString(`{"columns":[{"name":"i","type":"BIGINT"},{"name":"s","type":"STRING"}],"rows":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `[%d,"s%d"]`, i, i)
	}
	b.WriteString("]}")
	cfg := fakeCore(t, map[string]string{"S": b.String()})
	for form, line := range map[string]func(int) string{
		"table": func(i int) string { return fmt.Sprintf("%5d  s%d", i, i) },
		"csv":   func(i int) string { return fmt.Sprintf("%d,s%d", i, i) },
	} {
		cfg.Output = form
		out, _, err := runClient(cfg, "S")
		lines := strings.Split(out, "\n")
		if err != nil || len(lines) < rows+1 {
			t.Fatalf("%s: %v, %d lines", form, err, len(lines))
		}
		for i, got := range lines[1 : rows+1] {
			if want := line(i); got != want {
				t.Fatalf("%s: line %d is %q, want %q", form, i, got, want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	cfg := fakeCore(t, map[string]string{"A": `{"messages":["a"]}`, "B": `{"messages":["b"]}`, "WRONG x": `{"error":{"message":"no\u001b such word","line":1,"column":5}}`, "TORN": `{"columns":[{"name":"x"}],"rows":[[1],[2`})
	file := filepath.Join(t.TempDir(), "x.sql")
	for name, c := range map[string]struct {
		text, want, out string
	}{
		"the first error ends it":    {"A;\n-- x\n  A; FROM\n b c;\nB;", "line 4, column 3: no such thing\n  4 |  b c\n    |   ^", "a\na\n"},
		"an error on the first line": {"  X;", "line 2, column 3: no such thing", ""}, // the fake's line 2 is not there: no caret
		"tabs and wide characters":   {"X\n\t東y", "line 2, column 3: no such thing\n  2 |     東y\n    |       ^", ""},
		"after another on its line":  {"A;\nA;  WRONG x;", "line 2, column 9: no\\x1b such word\n  2 | WRONG x\n    |     ^", "a\na\n"},
		"torn answer":                {"A;\nTORN", "line 2: read the answer: unexpected end of JSON input", "a\n"},
		"not UTF-8":                  {"A;\nB\xff;", "line 2 is not UTF-8", "a\n"},
	} {
		out, _, err := runClient(cfg, c.text)
		if err == nil || err.Error() != c.want || out != c.out {
			t.Errorf("%s: printed %q, and fails with\n%v\nwant\n%s", name, out, err, c.want)
		}
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		in := *cfg
		in.File = file
		if out, _, err := runClient(&in, ""); err == nil || !strings.HasSuffix(err.Error(), c.want) || out != c.out {
			t.Errorf("%s, of a file: printed %q, and fails with\n%v", name, out, err)
		} else if strings.HasPrefix(c.want, "line 4") && err.Error() != file+": "+c.want {
			t.Errorf("%s, of a file: %v", name, err)
		}
	}
	in := *cfg
	in.File = "-"
	if out, _, err := runClient(&in, "A;B"); err != nil || out != "a\nb\n" {
		t.Errorf("-f -: %v, %q", err, out)
	}
	if _, _, err := runClient(&in, "", "A"); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("a statement and a file: %v", err)
	}
	if _, _, err := runClient(&Config{Server: strings.TrimSuffix(cfg.Server, "/") + "/elsewhere", Output: "table"}, "A"); err == nil || !strings.Contains(err.Error(), "is it a core's address?") {
		t.Errorf("another server: %v", err)
	}
}

// A core that wants a token gets it, and a user without one is told how to give it.
func TestToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"a token is needed"}}`)
			return
		}
		fmt.Fprint(w, `{"messages":["in"]}`)
	}))
	defer s.Close()
	cfg := &Config{Server: s.URL, Output: "table"}
	if _, _, err := runClient(cfg, "A"); err == nil || err.Error() != "a token is needed (give --token, or HEXPANE_TOKEN in the environment)" {
		t.Error(err)
	}
	cfg.Token = "secret"
	if out, _, err := runClient(cfg, "A"); err != nil || out != "in\n" {
		t.Error(out, err)
	}
	s.Close()
	if _, _, err := runClient(cfg, "A"); err == nil || strings.Count(err.Error(), s.URL) != 1 || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

func TestCaretOfALongLine(t *testing.T) {
	st := statement{text: strings.Repeat("a", 300) + "!" + strings.Repeat("b", 300), line: 7, column: 5}
	got := st.caret(&refusal{Line: 1, Column: 301}, 7)
	want := "\n  7 | …" + strings.Repeat("a", 70) + "!" + strings.Repeat("b", 69) + "…\n    | " + strings.Repeat(" ", 71) + "^"
	if got != want {
		t.Errorf("%s", got)
	}
}

// pressing is an output whose reader presses Ctrl-C once something has been printed.
type pressing struct {
	bytes.Buffer
	press func()
}

func (p *pressing) Write(b []byte) (int, error) {
	defer p.press()
	return p.Buffer.Write(b)
}

// Ctrl-C between two statements, whose first is answered, runs no further one and says so.
func TestInterruptedBetweenStatements(t *testing.T) {
	for _, text := range []string{"SELECT 1; SELECT 2;\n", "SELECT 1;\nSELECT 2;\n", "SELECT 1;\nSELECT 2"} {
		cfg := fakeCore(t, map[string]string{"SELECT 1": mixed, "SELECT 2": mixed})
		out := &pressing{press: func() {}}
		err := Run(context.Background(), cfg, Process{OnInterrupt: func(f func()) func() { out.press = f; return func() {} }, Stdin: strings.NewReader(text), Stdout: out, Stderr: new(bytes.Buffer)})
		if err == nil || !strings.Contains(err.Error(), "interrupted") || strings.Count(out.String(), "(4 rows)") != 1 {
			t.Errorf("%q: %v\n%s", text, err, out)
		}
	}
}
