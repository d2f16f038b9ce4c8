package edge

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// killableEdge names the environment of an edge in a process of its own: the address of its NATS server, and its directory.
const killableEdge = "HEXPANE_TEST_KILLABLE_EDGE"

// TestEdgeToBeKilled is that process: no test unless startKillable starts it.
func TestEdgeToBeKilled(t *testing.T) {
	natsURL, dir, given := strings.Cut(os.Getenv(killableEdge), " ")
	if !given {
		t.Skip("TestAPostIsDurableAndCountsOnce starts it")
	}
	e := runEdge(t, testConfig(natsURL), dir).serving()
	s := httptest.NewServer(e)
	defer s.Close()
	fmt.Println("serves " + s.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test has ended
}

// startKillable starts an edge in a process of its own; kill is kill -9.
func startKillable(t *testing.T, natsURL, dir string) (url string, kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestEdgeToBeKilled$")
	c.Env, c.Stderr = append(os.Environ(), killableEdge+"="+natsURL+" "+dir), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = c.Process.Kill() // it may be gone already
		_ = c.Wait()
		_ = in.Close()
	}
	t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, found := strings.CutPrefix(lines.Text(), "serves "); found {
			return url, kill
		}
	}
	t.Fatal("the edge in a process of its own does not serve")
	return "", nil
}

// What is answered 200 outlives kill -9, counts once however often it is posted, also by MQTT, and reaches the core.
func TestAPostIsDurableAndCountsOnce(t *testing.T) {
	t.Parallel()
	h, dir := startHub(t), t.TempDir()
	h.put(t, cityPlan(1))
	url, kill := startKillable(t, h.URL(), dir)
	body := envelope("bus", readings(0, 50), "") // the only stream there is
	for range 3 {
		resp, err := http.Post(url+"/api/v1/ingest", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Fatal(resp.StatusCode, string(text))
		}
	}
	kill()
	e := runEdge(t, testConfig(h.URL()), dir).serving()
	if code, text := post(t, e, "?topic=city/bus/position", strings.Join(readings(25, 50), "\n"), "Content-Type: application/x-ndjson"); code != 200 {
		t.Fatal(code, text)
	}
	c := e.client()
	publish(t, c, 1, "bus", readings(0, 75)...)
	c.Disconnect(0)
	e.stop()
	h.received(t).expectOnce(t, 75, "bus")
	if code, text := post(t, e, "", body); code != 503 || !strings.Contains(text, "stopping") {
		t.Errorf("stopped: %d %s", code, text)
	}
}
