package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
	t.Parallel()
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

	x.abort("SELECT nonsense")
	x.expect("^C\n")
	x.expect(first)
	x.send("SELECT nonsense," + enter)
	x.expect(second)
	x.abort("")
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
	x.expect("\nfleet         view      vehicles\n")
	x.expect("late          built in\n")
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
	x.abort("") // a comment is not kept
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
	t.Parallel()
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
