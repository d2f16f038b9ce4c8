package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/check"
	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/peers"
	"golang.org/x/net/html"
)

const hostile = "</code><script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\n\"'&amp;{{.}}"

// hostileDesk is an edge whose devices, and whose plan, choose the worst names.
func hostileDesk(t *testing.T) *desk {
	d := newDesk(t, t.TempDir())
	p := cityPlan(2)
	second := cityPlan(2).Streams[0]
	second.Id, second.Name, second.Topic = 5, "s"+hostile, "evil/{device}/#"
	p.Streams = append(p.Streams, second)
	if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
		t.Fatal(err)
	}
	batch := []ingest.Message{d.message("bus", readings(0, 1)[0]), d.message("bus", readings(0, 1)[0]), d.message(hostile, "{"),
		{Topic: "evil/x/" + hostile, Payload: []byte(hostile), ArrivalUs: time.Now().UnixMicro()},
		{Topic: "evil/x/y", Payload: []byte(`{"ts":"` + strings.ReplaceAll(hostile, "\n", "") + `"}`), ArrivalUs: time.Now().UnixMicro()},
		{Topic: "evil/x/y", Payload: []byte("\xff\xfe\x00"), ArrivalUs: time.Now().UnixMicro()}}
	if err := d.edge.line.turn(batch, time.Now(), true); err != nil {
		t.Fatal(err)
	}
	d.edge.line.show(time.Now().Add(time.Hour))
	return d
}

func get(t testing.TB, h http.Handler, password string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "/status", nil)
	if password != "" {
		r.SetBasicAuth("me", password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStatusShowsWhatDevicesSendAsText(t *testing.T) {
	d := hostileDesk(t)
	defer d.abandon(t)
	w := get(t, d.edge, "")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	root, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data)
		}
		switch n.Data {
		case "script", "img", "iframe", "link", "form", "svg":
			if n.Type == html.ElementNode {
				t.Errorf("a <%s> on the page", n.Data)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s=%q on the page", a.Key, a.Val)
			}
		}
	}
	for _, want := range []string{"edge-1", "vehicles", "1 in all", "1 (1 remembered)", "malformed", "</code><script>document.title", `\u202e\n`, "{{.}}", "4", `\x00`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, text.String())
		}
	}
	if strings.ContainsAny(text.String(), "\u202e\x00") {
		t.Error("text that runs backwards, or a NUL, is on the page as it is")
	}
}

// In a real browser: the page's style applies under its own policy, and nothing of what devices sent runs.
func TestStatusInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing; .ci/run installs it")
		}
		t.Skip("chromium is missing")
	}
	d := hostileDesk(t)
	defer d.abandon(t)
	s := httptest.NewServer(d.edge)
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-quic", "--user-data-dir="+t.TempDir(), "--window-size=360,800", "--enable-logging=stderr",
		"--dump-dom", s.URL+"/status")
	var says strings.Builder
	c.Stderr = &says
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, says.String())
	}
	for _, want := range []string{"<title>edge-1: hexpane edge</title>", "&lt;script&gt;document.title", "vehicles"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the browser's page lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(says.String(), "Content Security Policy") {
		t.Errorf("the page breaks its own policy: %s", says.String())
	}
}

func TestStatusAsksForATokenIfThereIsOne(t *testing.T) {
	cfg := testConfig("nats://127.0.0.1:1")
	cfg.Ingest.Tokens = map[string]string{"bus": "one", "*": "all"}
	d := &desk{edge: openEdge(t, cfg, t.TempDir())}
	defer d.abandon(t)
	for password, code := range map[string]int{"": 401, "two": 401, "one": 200, "all": 200} {
		if w := get(t, d.edge, password); w.Code != code {
			t.Errorf("password %q: %d", password, w.Code)
		}
	}
}

// What is wrong is said, with what to do; what is right is not.
func TestStatusAdvises(t *testing.T) {
	now := time.Now()
	well := func() *pageView {
		return &pageView{snapshot: &snapshot{At: now, Plan: 3, Link: true, Commits: 9, CommitP99: time.Millisecond,
			Streams: []streamStatus{{Name: "s", sourceCounters: sourceCounters{readings: 100, rejected: 1}, Last: now.Add(-time.Minute)}}},
			Mode: "broker", DiskFree: 9 << 30, DiskSize: 10 << 30, Clock: &check.Offset{Ahead: time.Second, Within: 10 * time.Millisecond}}
	}
	if list := well().advise(now); len(list) != 0 {
		t.Errorf("all is well, and it says %q", list)
	}
	for want, spoil := range map[string]func(v *pageView){
		"has not worked":      func(v *pageView) { v.Stale = time.Minute },
		"The disk is full":    func(v *pageView) { v.DiskFull, v.DiskFree = true, 0 },
		"No plan yet":         func(v *pageView) { v.Plan = 0 },
		"outbox is full":      func(v *pageView) { v.Full = true },
		"core is not reached": func(v *pageView) { v.Link = false },
		"is free on this":     func(v *pageView) { v.DiskFree = 1 << 20 },
		"disk is slow":        func(v *pageView) { v.CommitP99 = time.Second },
		"Not connected":       func(v *pageView) { v.Mode = "subscribe" },
		"are apart":           func(v *pageView) { v.Clock.Ahead = -2 * time.Second },
		"devices on":          func(v *pageView) { v.Streams[0].Last = now.Add(-time.Hour) },
		"from the future":     func(v *pageView) { v.Streams[0].future = 1 },
		"can't be read":       func(v *pageView) { v.Streams[0].rejected = 50 },
		"is back":             func(v *pageView) { v.CatchingUp = true },
	} {
		v := well()
		spoil(v)
		if list := v.advise(now); len(list) != 1 || !strings.Contains(list[0], want) {
			t.Errorf("want %q, it says %q", want, list)
		}
	}
}

// The page is made while the line works: the race detector looks on.
func TestStatusWhileReadingsCome(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	c := e.client()
	defer c.Disconnect(0)
	publish(t, c, 1, "bus", readings(0, 100)...)
	publish(t, c, 1, "bus", "{")
	peers.Eventually(t, "the page shows it", func() bool {
		text := get(t, e, "").Body.String()
		return strings.Contains(text, "100 in all") && strings.Contains(text, "<dd>reached, for") && strings.Contains(text, "1 at tcp://") &&
			strings.Contains(text, "malformed") && strings.Contains(text, "give or take") && strings.Contains(text, "All is well")
	})
	h.Stop()
	peers.Eventually(t, "the page says that the core is away", func() bool { return strings.Contains(get(t, e, "").Body.String(), "The core is not reached") })
	e.stop()
}

func TestNumbersForPeople(t *testing.T) {
	for got, want := range map[string]string{size(0): "0 B", size(1023): "1023 B", size(1 << 20): "1.0 MiB", size(3 << 40): "3.0 TiB", count(7): "7",
		count(1234567): "1\u202f234\u202f567", plain("ä b"): "ä b", plain("a\tb\u200f"): `a\tb\u200f`} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
