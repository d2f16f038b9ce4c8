package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// standIn is a core that speaks the protocol: it gives three rows of a push query and waits, is slow, or has much to say. Asked is
// closed by the slow statement, left when the push query's client went.
func standIn(t *testing.T) (address string, asked, left chan struct{}) {
	t.Helper()
	asked, left = make(chan struct{}), make(chan struct{})
	core := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "slow") {
			close(asked)
			<-r.Context().Done()
			return
		}
		if strings.Contains(string(body), "long") {
			fmt.Fprint(w, `{"columns":[{"name":"i","type":"STRING"}],"rows":[[0]`)
			for i := range 399_999 {
				fmt.Fprintf(w, ",[%d]", i+1)
			}
			fmt.Fprint(w, "]}")
			return
		}
		if !strings.Contains(string(body), "EMIT CHANGES") {
			fmt.Fprintln(w, `{"columns":[{"name":"two","type":"BIGINT"}],"rows":[[2]]}`)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprintln(w, `{"columns":[{"name":"device","type":"STRING"},{"name":"n","type":"BIGINT"}]}`)
		for i := range 3 {
			fmt.Fprintf(w, `{"row":["bus-%d",%d]}`+"\n", i, i)
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	t.Cleanup(core.Close)
	return core.URL, asked, left
}

// Ctrl-C ends a push query and not the prompt; rows are there before the query's end. The core is a stand-in.
func TestPromptStopsAPushQuery(t *testing.T) {
	t.Parallel()
	core, asked, left := standIn(t)
	x := atTerminal(t, core, t.TempDir())
	x.expect(first)
	x.send("SELECT device, n FROM v EMIT CHANGES;" + enter)
	x.expect("device  n\nbus-0   0\nbus-1   1\nbus-2   2\n")
	x.send(ctrlC)
	x.expect("(3 rows, ")
	x.expect("stopped)\n" + first)
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Error("the core still has the query's connection")
	}
	x.send("SELECT 2;" + enter)
	x.expect("two\n  2\n(1 row, ")
	x.expect(first)
	x.send("SELECT slow;" + enter)
	<-asked
	x.send(ctrlC)
	x.expect("interrupted\n" + first)
	x.send("SELECT long;" + enter)
	x.expect("\n100\n101\n")
	x.gate.Lock()
	x.send(ctrlC)
	x.gate.Unlock()
	x.expect("\ninterrupted\n" + first)
	if strings.Contains(x.seenText(), "\n399999\n") {
		t.Error("a table of 400,000 rows was printed to its end")
	}
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	x.ends()
}

// Ctrl-C ends a push query that no prompt started, as its user wants it to end; and a client that waits for its input.
func TestInterruptedClient(t *testing.T) {
	t.Parallel()
	core, _, left := standIn(t)
	start := func(stdin io.Reader, args ...string) (*exec.Cmd, *bufio.Reader, *strings.Builder) {
		t.Helper()
		c := exec.Command(filepath.Join(bin, "hexpane"), append([]string{"sql", "--server", core}, args...)...)
		stderr := &strings.Builder{}
		c.Stdin, c.Stderr = stdin, stderr
		stdout, err := c.StdoutPipe()
		if err = errors.Join(err, c.Start()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill() })
		return c, bufio.NewReader(stdout), stderr
	}
	c, out, stderr := start(nil, "SELECT device, n FROM v EMIT CHANGES")
	for _, want := range []string{"device  n\n", "bus-0   0\n", "bus-1   1\n", "bus-2   2\n"} {
		if got, err := out.ReadString('\n'); err != nil || got != want {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)
	if err := c.Wait(); err != nil || string(rest) != "(3 rows)\n" || stderr.Len() > 0 {
		t.Errorf("%v, %q, %q", err, rest, stderr)
	}
	<-left

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, out, stderr = start(r)
	if _, err := w.WriteString("SELECT 2;\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"two\n", "  2\n", "(1 row)\n"} { // before its input ends
		if got, err := out.ReadString('\n'); err != nil || got != want {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _ = c.Wait(); c.ProcessState.ExitCode() != 1 || stderr.String() != "hexpane sql: interrupted\n" {
		t.Errorf("exit %d, %q", c.ProcessState.ExitCode(), stderr)
	}
}

// A file of statements: all answers in order, then the first error's place and an exit code.
func TestFileOfStatements(t *testing.T) {
	t.Parallel()
	s := promptSite(t)
	file := filepath.Join(t.TempDir(), "some.sql")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "-- the fleet; by device\nSELECT device, avg_speed\nFROM fleet ORDER BY device;\nSELECT SUM(n) AS n FROM fleet;\nCREATE VIEW more AS SELECT device, MAX(speed) AS top FROM vehicles GROUP BY device;\n"
	write(good)
	const rows = "device   avg_speed\nbus-1          0.5\ntram-77       20.5\n東京          NULL\n(3 rows)\nn\n3\n(1 row)\n"
	if out, code := command(t, "", "hexpane", "sql", "--server", s.http, "-f", file); code != 0 || out != rows+"view more created\n" {
		t.Errorf("exit %d:\n%s", code, out)
	}
	write(good + "SELECT 1;\n")
	out, code := command(t, "", "hexpane", "sql", "--server", s.http, "-f", file)
	if want := rows + "view more exists already\nhexpane sql: " + file + ": line 6, column 9: expected FROM, found the end"; code != 1 || !strings.HasPrefix(out, want) {
		t.Errorf("an error in the file's last line: exit %d:\n%s\nwant\n%s…", code, out, want)
	}
	for _, form := range []string{"--format", "--output"} {
		out, code = command(t, "SELECT device, avg_speed FROM fleet ORDER BY device; DROP VIEW more", "hexpane", "sql", "--server", s.http, "-f", "-", form, "csv")
		if want := "device,avg_speed\nbus-1,0.5\ntram-77,20.5\n東京,\n"; form == "--format" && (code != 0 || !strings.HasPrefix(out, want)) || form == "--output" && (code != 1 || !strings.HasPrefix(out, want)) {
			t.Errorf("%s: exit %d:\n%s", form, code, out)
		}
	}
	out, code = command(t, "SELECT n FROM fleet LIMIT 1; SELECT\n  m FROM fleet;\nSELECT n FROM fleet", "hexpane", "sql", "--server", s.http, "--format", "json")
	if code != 1 || !strings.HasPrefix(out, `{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1]],"watermark":`) || !strings.Contains(out, "line 2, column 3: no column `m`") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	var gone *os.PathError
	if _, err := os.Stat(filepath.Join(t.TempDir(), "none.sql")); !errors.As(err, &gone) {
		t.Fatal(err)
	}
	if out, code := command(t, "", "hexpane", "sql", "--server", s.http, "-f", gone.Path); code != 1 || !strings.Contains(out, "no such file") {
		t.Errorf("no file: exit %d: %s", code, out)
	}
}
