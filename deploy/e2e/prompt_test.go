package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// terminal is a program at a real pseudo-terminal, with a user who reads what it prints, in turn.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mode *term.State   // before the program
	done chan struct{} // closed when all was read

	gate sync.Mutex // held: the user reads nothing, and the program has to wait
	mu   sync.Mutex
	text string
	seen int // bytes of text that were expected
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

const (
	up    = "\x1b[A"
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlR = "\x12"
	enter = "\r"
	tab   = "\t"
)

// atTerminal starts hexpane sql as a user would; state is where its history goes.
func atTerminal(t *testing.T, server, state string, env ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "hexpane"), "sql", "--server", server)
	cmd.Env = append(append(os.Environ(), "TERM=xterm", "LANG=C.UTF-8", "XDG_STATE_HOME="+state, "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0"), env...)
	tty, stream, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	mode, err := term.GetState(int(tty.Fd()))
	if err == nil {
		err = pty.Setsize(tty, &pty.Winsize{Rows: 40, Cols: 120})
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stream, stream, stream
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, cmd: cmd, mode: mode, done: make(chan struct{})}
	go func() {
		defer close(x.done)
		buffer := make([]byte, 64<<10)
		for {
			x.gate.Lock()
			n, err := tty.Read(buffer)
			x.gate.Unlock()
			x.mu.Lock()
			x.text += string(buffer[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		_ = tty.Close()
		<-x.done
		if t.Failed() {
			t.Logf("the terminal:\n%s", escapes.ReplaceAllString(x.text, ""))
		}
	})
	return x
}

func (x *terminal) send(keys string) {
	x.t.Helper()
	if _, err := x.tty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// expect waits for a text, after those that were expected before.
func (x *terminal) expect(want string) {
	x.t.Helper()
	want = strings.ReplaceAll(want, "\n", "\r\n")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		x.mu.Lock()
		text := escapes.ReplaceAllString(x.text, "")
		i := strings.Index(text[min(x.seen, len(text)):], want)
		if i >= 0 {
			x.seen += i + len(want)
		}
		x.mu.Unlock()
		switch {
		case i >= 0:
			return
		case time.Now().After(end):
			x.t.Fatalf("not seen: %q; after what was:\n%s", want, text[min(x.seen, len(text)):])
		}
	}
}

func (x *terminal) seenText() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.ReplaceAll(escapes.ReplaceAllString(x.text, ""), "\r\n", "\n")
}

// ends waits for the program's end, with exit code 0.
func (x *terminal) ends() {
	x.t.Helper()
	select {
	case <-x.done:
	case <-time.After(time.Minute):
		x.t.Fatal("the program has not ended")
	}
	if err := x.cmd.Wait(); err != nil {
		x.t.Fatal(err)
	}
	if mode, err := term.GetState(int(x.tty.Fd())); err != nil || !reflect.DeepEqual(mode, x.mode) {
		x.t.Errorf("the terminal is not left as it was: %+v, %v; before: %+v", mode, err, x.mode)
	}
}

const (
	first  = "hexpane> "
	second = "      -> "
)

func promptSite(t *testing.T) *site {
	s := startSite(t, `
		CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'v/{device}', timestamp = 'ts');
		CREATE VIEW fleet AS SELECT device, COUNT(*) AS n, AVG(speed) AS avg_speed FROM vehicles WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY device;`)
	c := connect(t, s.mqtt)
	for i, device := range []string{"bus-1", "東京", "tram-77"} {
		payload := fmt.Sprintf(`{"ts":"2026-01-01T10:00:0%dZ","lat":60.1,"lon":24.9,"speed":%d.5}`, i, i*10)
		if i == 1 {
			payload = strings.Replace(payload, `,"speed":10.5`, "", 1)
		}
		token := c.Publish("v/"+device, 1, false, payload)
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	s.Eventually(t, func() error {
		if _, rows := s.SQL(t, "SELECT device FROM fleet"); len(rows) != 3 {
			return fmt.Errorf("%d devices", len(rows))
		}
		return nil
	})
	return s
}

const fleetTable = `
device   n  avg_speed
bus-1    1        0.5
tram-77  1       20.5
東京     1       NULL
(3 rows, `

// A session as one is had: several lines, Ctrl-C, an error, Tab, history over two sessions, the prompt's own commands.
func TestPrompt(t *testing.T) {
	s := promptSite(t)
	state := t.TempDir()
	x := atTerminal(t, s.http, state)
	x.expect(first)

	x.send("SELECT device, n, -- a; that ends nothing\r")
	x.expect(second)
	x.send("avg_speed FROM fleet WHERE device <> ';\r")
	x.expect("      '> ")
	x.send("' ORDER BY device;" + enter)
	x.expect(fleetTable)
	x.expect("watermark 2026-")
	x.expect(first)

	x.send("SELECT nonsense" + ctrlC)
	x.expect("^C\n")
	x.expect(first)
	x.send("SELECT nonsense," + enter)
	x.expect(second)
	x.send(ctrlC)
	x.expect(first)

	x.send("SELECT device," + enter)
	x.expect(second)
	x.send("  avg_sped FROM fleet;" + enter)
	x.expect("error: line 2, column 3: no column `avg_sped` in fleet; did you mean `avg_speed`?\n  2 |   avg_sped FROM fleet\n    |   ^\n")
	x.expect(first)

	x.send("sel" + tab + " device, n, avg" + tab + tab)
	x.expect("avg( ")
	x.expect("avg_speed ")
	x.send("_" + tab + " from fl" + tab + " ord" + tab + " by fleet.dev" + tab + ";" + enter)
	x.expect("select device, n, avg_speed from fleet order by fleet.device;")
	x.expect(fleetTable)
	x.expect(first)
	x.send("\x1b[200~SELECT\tdevice,\n\tn\n\tFROM\tfleet WHERE\tn > 1;\x1b[201~")
	x.expect("SELECT    device,")
	x.expect("FROM    fleet WHERE    n > 1")
	x.send(enter)
	x.expect("(0 rows, ")
	x.expect(first)

	x.send("SHOW " + tab + tab)
	x.expect("EDGES")
	x.expect("VIEWS")
	x.send("VIEWS;" + enter)
	x.expect("fleet")
	x.expect("(1 row, ")
	x.expect(first)
	x.send("DESCRIBE rej" + tab + ";" + enter)
	x.expect("rejected;")
	x.expect("(5 rows, ")
	x.expect(first)

	x.send(`\d` + enter)
	x.expect("\nfleet     view      vehicles\n")
	x.expect("late      built in\n")
	x.expect(first)
	x.send(`\f csv` + enter)
	x.expect(first)
	x.send("SELECT device, avg_speed FROM fleet ORDER BY device;" + enter)
	x.expect("\ndevice,avg_speed\nbus-1,0.5\ntram-77,20.5\n東京,\n" + first)
	x.send(`\f xml` + enter)
	x.expect("table, csv, json, not as xml")
	x.send(`\f table` + enter)
	x.expect(first)
	file := filepath.Join(t.TempDir(), "some.sql")
	if err := os.WriteFile(file, []byte("SELECT SUM(n) AS n FROM fleet;\nSELECT m FROM fleet; SHOW VIEWS;"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.send(`\i ` + file + enter)
	x.expect("\nn\n3\n(1 row)\nerror: " + file + ": line 2, column 8: no column `m` in fleet")
	x.expect(first)
	x.send(`\f csv` + enter)
	x.expect(first)
	for range 2 {
		x.send("CREATE VIEW zones AS SELECT device, COUNT(*) AS n FROM vehicles GROUP BY device;" + enter)
		x.expect("view zones ")
		x.expect(first)
	}
	x.send("DESCRIBE zo" + tab + ";" + enter) // a name that was not there when names were asked for
	x.expect("DESCRIBE zones;")
	x.expect("\ncolumn,type,note\ndevice,STRING,key\n")
	x.expect(first)
	x.send(`\q` + enter)
	x.ends()
	if !strings.Contains(x.text, "\x1b[?2004h") || !strings.HasSuffix(x.text, "\x1b[?2004l") {
		t.Error("the terminal was not asked to mark pastes, or not to stop")
	}

	history := filepath.Join(state, "hexpane", "sql_history")
	info, err := os.Stat(history)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	x = atTerminal(t, s.http, state)
	x.expect(first)
	x.send(strings.Repeat(up, 8) + enter)
	x.expect("SELECT device, avg_speed FROM fleet ORDER BY device;\n" + "device   avg_speed\n")
	x.expect(first)
	x.send(ctrlR + "that ends")
	x.send(ctrlC) // a comment is not kept
	x.send(ctrlR + "DESCRIBE rej" + enter)
	x.expect("rejected;")
	x.expect("(5 rows, ")
	x.expect(first)
	x.send(ctrlD)
	x.ends()
	if text, _ := os.ReadFile(history); !strings.HasPrefix(string(text), "SELECT device, avg_sped FROM fleet;\n") || strings.Contains(string(text), "nonsense") ||
		strings.Count(string(text), "CREATE VIEW zones") != 1 {
		t.Errorf("the history:\n%s", text)
	}
}

// A terminal that edits no lines, and one whose output goes elsewhere, still have a prompt.
func TestPromptWithoutEditor(t *testing.T) {
	s := promptSite(t)
	x := atTerminal(t, s.http, t.TempDir(), "TERM=dumb")
	x.expect(first)
	x.send("SELECT device, n, avg_speed\nFROM fleet ORDER BY device;\n")
	x.expect(second)
	x.expect(strings.TrimPrefix(fleetTable, "\n"))
	x.expect(first)
	x.send(ctrlD)
	x.ends()
	x = atTerminal(t, s.http, t.TempDir(), "TERM=dumb")
	x.expect(first)
	x.send(ctrlC)
	x.ends()
}

// Ctrl-C ends a push query and not the prompt; rows are there before the query's end. The core is a stand-in that speaks
// the protocol.
func TestPromptStopsAPushQuery(t *testing.T) {
	left, asked := make(chan struct{}), make(chan struct{})
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
	defer core.Close()
	x := atTerminal(t, core.URL, t.TempDir())
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

// A file of statements: all answers in order, then the first error's place and an exit code.
func TestFileOfStatements(t *testing.T) {
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
