package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/prometheus/client_golang/prometheus"
)

// office tells notices to real receivers, from a store that forgets what is not synced when the office is killed. Its pauses are short.
type office struct {
	t        *testing.T
	fs       *vfs.MemFS
	cfg      notify.Config
	standing func(string) []notify.Notice

	store    *state.Store
	silences *notify.Silences
	n        *notify.Notifier
	metrics  *prometheus.Registry
	end      func()
	us       int64
}

func newOffice(t *testing.T, channels ...notify.Channel) *office {
	o := &office{t: t, fs: vfs.NewCrashableMem(), us: time.Now().UnixMicro(), standing: func(string) []notify.Notice { return nil },
		cfg: notify.Config{Channels: channels, MaxWait: 10_000, Keep: time.Hour, Timeout: 500 * time.Millisecond, Backoff: time.Millisecond, MaxPause: 20 * time.Millisecond, Repeat: time.Hour}}
	t.Cleanup(func() { o.stop(); check(t, o.store.Close()) })
	return o
}

func (o *office) open() {
	o.t.Helper()
	var err error
	o.store, err = state.OpenOn(o.fs, "state", 0, slog.New(slog.DiscardHandler))
	check(o.t, err)
	o.start()
}

// start delivers from now on.
func (o *office) start() {
	o.t.Helper()
	var err error
	o.silences, err = notify.OpenSilences(o.store, 100)
	check(o.t, err)
	o.metrics = prometheus.NewRegistry()
	o.n, err = notify.New(o.cfg, o.store, o.silences, func(c string) []notify.Notice { return o.standing(c) }, o.metrics, slog.New(slog.DiscardHandler))
	check(o.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func(n *notify.Notifier) { done <- n.Run(ctx) }(o.n)
	o.end = func() { cancel(); check(o.t, <-done) }
}

func (o *office) stop() {
	if o.end != nil {
		o.end()
		o.end = nil
	}
}

// kill takes away what was not synced.
func (o *office) kill() {
	o.t.Helper()
	o.stop()
	fs := o.fs.CrashClone(vfs.CrashCloneCfg{})
	check(o.t, o.store.Close())
	o.fs = fs
	o.open()
}

// tell commits a step of an alert, in all channels' queues.
func (o *office) tell(alert, key, state string) notify.Notice {
	o.t.Helper()
	o.us++
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(alert+key)))[:24]
	value := 1.5
	n := notify.Notice{ID: id + "-" + state, AlertID: id, Alert: alert, Key: key, Keys: map[string]string{"sensor": key}, State: state, Severity: "critical", Condition: "temp > 80",
		Labels: map[string]string{"team": "heat"}, Fired: time.UnixMicro(o.us).UTC(), Since: time.UnixMicro(o.us).UTC(), Value: &value, ToldUs: time.Now().UnixMicro()}
	tx := o.store.Begin()
	for _, c := range o.cfg.Channels {
		tx.Notice(c.Name, o.us, 0, 0, n.Append(nil))
	}
	check(o.t, tx.Commit())
	for _, c := range o.cfg.Channels {
		o.n.Added(c.Name, 1)
	}
	return n
}

func (o *office) status(channel string) notify.Status {
	o.t.Helper()
	for _, s := range o.n.Status() {
		if s.Name == channel {
			return s
		}
	}
	o.t.Fatal("no channel ", channel)
	return notify.Status{}
}

func (o *office) empty(channel string) {
	o.t.Helper()
	eventually(o.t, func() error {
		if n := o.status(channel).Waiting; n != 0 {
			return fmt.Errorf("%d wait for %s: %+v", n, channel, o.status(channel))
		}
		return nil
	})
}

func (o *office) counted(channel, outcome string) (n float64) {
	families, err := o.metrics.Gather()
	check(o.t, err)
	for _, f := range families {
		for _, m := range f.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "hexpane_core_notices_total" && labels["channel"] == channel && labels["outcome"] == outcome {
				n += m.Counter.GetValue()
			}
		}
	}
	return n
}

// receiver is an HTTP server that fails as a test says.
type receiver struct {
	mu    sync.Mutex
	fail  func(w http.ResponseWriter, body string) bool // true: it failed
	taken []string                                      // bodies
	tries int
	url   string
	close func()
}

// listen serves at an address, or at any.
func (r *receiver) listen(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	check(t, err)
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(l) }()
	r.url, r.close = "http://"+l.Addr().String(), func() { _ = srv.Close() }
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.listen(t, "127.0.0.1:0")
	t.Cleanup(func() { r.close() })
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.tries++
	fail := r.fail
	r.mu.Unlock()
	if fail != nil && fail(w, string(body)) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, string(body))
}

// failing makes it fail, or no more, and gives how often it was tried until then.
func (r *receiver) failing(f func(w http.ResponseWriter, body string) bool) (tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = f
	return r.tries
}

func (r *receiver) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

func answering(code int) func(w http.ResponseWriter, _ string) bool {
	return func(w http.ResponseWriter, _ string) bool { w.WriteHeader(code); return true }
}

// hanging lets the sender wait for longer than it does, and never answers.
func hanging(http.ResponseWriter, string) bool {
	time.Sleep(700 * time.Millisecond)
	panic(http.ErrAbortHandler)
}

// steps are the notices taken, by alert, in order, once each.
func (r *receiver) steps(t *testing.T) (by map[string][]string, twice int) {
	by, seen := map[string][]string{}, map[string]bool{}
	for _, b := range r.bodies() {
		n, err := notify.ReadNotice([]byte(b))
		check(t, err)
		if seen[n.ID] {
			twice++
			continue
		}
		seen[n.ID] = true
		by[n.Alert+" "+n.Key] = append(by[n.Alert+" "+n.Key], n.State)
	}
	return by, twice
}

// A receiver that fails in every way there is, while the core is killed now and then, has every step of every alert once in the end, those of an alert in
// their order.
func TestEveryStepArrivesInTheEnd(t *testing.T) {
	r := newReceiver(t)
	o := newOffice(t, notify.Channel{Name: "ops", Kind: notify.Webhook, URL: r.url})
	o.open()
	alerts, kills := 0, 0
	more := func() {
		for range 5 {
			key := fmt.Sprint(alerts)
			alerts++
			o.tell("hot", key, "firing")
			o.tell("hot", key, "acknowledged")
			o.tell("hot", key, "resolved")
		}
	}
	busy := func(w http.ResponseWriter, _ string) bool {
		w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat)) // that is past
		w.WriteHeader(503)
		return true
	}
	for _, how := range []func(http.ResponseWriter, string) bool{answering(500), answering(400), hanging, busy, answering(429), answering(301), answering(404)} {
		tries := r.failing(how)
		more()
		eventually(o.t, func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.tries < tries+3 {
				return fmt.Errorf("%d tries", r.tries-tries)
			}
			return nil
		})
		if o.status("ops").LastError == "" || o.status("ops").Waiting == 0 {
			t.Fatalf("%+v", o.status("ops"))
		}
		o.kill()
		kills++
	}
	address := strings.TrimPrefix(r.url, "http://")
	r.failing(nil)
	r.close()
	more()
	eventually(o.t, func() error {
		if e := o.status("ops").LastError; !strings.Contains(e, "refused") {
			return fmt.Errorf("said to be down: %q", e)
		}
		return nil
	})
	r.listen(t, address)
	o.empty("ops")
	by, twice := r.steps(t)
	if len(by) != alerts || twice > kills {
		t.Errorf("%d alerts of %d, %d notices twice", len(by), alerts, twice)
	}
	for alert, steps := range by {
		if !slices.Equal(steps, []string{"firing", "acknowledged", "resolved"}) {
			t.Errorf("%s: %v", alert, steps)
		}
	}
	if s := o.status("ops"); s.LastError != "" || s.Next != nil {
		t.Errorf("%+v", s)
	}
}

// What one receiver does with one message is no other's business.
func TestOneMessageHoldsNothingUp(t *testing.T) {
	dead, r := newReceiver(t), newReceiver(t)
	dead.failing(hanging)
	o := newOffice(t, notify.Channel{Name: "dead", Kind: notify.Webhook, URL: dead.url}, notify.Channel{Name: "ops", Kind: notify.Webhook, URL: r.url})
	o.open()
	r.failing(func(w http.ResponseWriter, body string) bool {
		var n notify.Notice
		_ = json.Unmarshal([]byte(body), &n)
		switch n.Key {
		case "wrong":
			w.WriteHeader(400)
		case "crashes":
			w.WriteHeader(500)
		case "hangs":
			return hanging(w, body)
		default:
			return false
		}
		return true
	})
	for _, key := range []string{"crashes", "wrong", "hangs"} {
		o.tell("hot", key, "firing")
		o.tell("hot", key, "resolved")
	}
	for i := range 200 {
		o.tell("hot", fmt.Sprint(i), "firing")
	}
	eventually(o.t, func() error {
		if by, _ := r.steps(t); len(by) != 200 { // one that was answered late is told twice
			return fmt.Errorf("%d are told", len(by))
		}
		if s := o.status("ops"); s.Waiting != 4 { // both of what it refused went for good
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if o.counted("ops", "refused") != 2 || o.counted("ops", "sent") != 200 || len(dead.bodies()) != 0 || o.status("dead").Waiting != 206 {
		t.Errorf("%v refused, %v sent, %+v", o.counted("ops", "refused"), o.counted("ops", "sent"), o.n.Status())
	}
	r.failing(nil)
	o.empty("ops")
	by, _ := r.steps(t)
	if !slices.Equal(by["hot crashes"], []string{"firing", "resolved"}) || !slices.Equal(by["hot hangs"], []string{"firing", "resolved"}) || by["hot wrong"] != nil {
		t.Errorf("%v", by)
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	r := newReceiver(t)
	r.failing(answering(503))
	o := newOffice(t, notify.Channel{Name: "ops", Kind: notify.Webhook, URL: r.url})
	o.cfg.MaxWait = 10
	o.open()
	for i := range 100 {
		o.tell("hot", fmt.Sprint(i), "firing")
	}
	eventually(o.t, func() error {
		if s := o.status("ops"); s.Waiting != 10 || o.counted("ops", "dropped") != 90 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	o.kill()
	if s := o.status("ops"); s.Waiting > 100 {
		t.Errorf("after a crash: %+v", s)
	}
	r.failing(nil)
	o.empty("ops")
	if by, _ := r.steps(t); by["hot 99"] == nil || by["hot 89"] != nil {
		t.Errorf("%v", by)
	}
	o.stop()
	r.failing(answering(503))
	o.cfg.Keep = time.Nanosecond
	o.start()
	o.tell("hot", "old", "firing")
	o.empty("ops")
	if o.counted("ops", "expired") != 1 {
		t.Error("nothing is too old")
	}
}

// Secrets are in no error, and signatures are those of Standard Webhooks, over what is sent: a template's body too.
func TestWebhooksAreSigned(t *testing.T) {
	r := newReceiver(t)
	path, secret := "/hook/s3cret", "a-signing-secret"
	var got http.Header
	srv := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		got = req.Header.Clone()
		r.mu.Unlock()
		r.ServeHTTP(w, req)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	go func() { _ = (&http.Server{Handler: srv, ReadHeaderTimeout: time.Second}).Serve(l) }()
	defer l.Close()
	r.failing(func(w http.ResponseWriter, _ string) bool {
		w.WriteHeader(500)
		_, _ = fmt.Fprintf(w, "no %s for %s", path, secret)
		return true
	})
	o := newOffice(t, notify.Channel{Name: "ops", Kind: notify.Webhook, URL: "http://" + l.Addr().String() + path, Secret: []byte(secret),
		Body: `{"text": {{json (printf "%s: %s" .Key .State)}}{{if eq .Alert "odd"}}{{index .Labels 1}}{{end}}}`})
	o.open()
	n := o.tell("hot", "a", "firing")
	eventually(o.t, func() error {
		if e := o.status("ops").LastError; e != "HTTP 500 no … for …" {
			return fmt.Errorf("last error is %q", e)
		}
		return nil
	})
	r.failing(nil)
	o.empty("ops")
	body := r.bodies()[0]
	if body != `{"text": "a: firing"}` {
		t.Errorf("it got %s", body)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", n.ID, got.Get("Webhook-Timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); got.Get("Webhook-Signature") != want || got.Get("Idempotency-Key") != n.ID || got.Get("Webhook-Id") != n.ID {
		t.Errorf("%v, not %s", got, want)
	}
	n = o.tell("odd", "a", "firing") // for which the template fails
	o.empty("ops")
	if body := r.bodies()[1]; body != string(n.Append(nil)) {
		t.Errorf("it got %s", body)
	}
}

// People get one message of what a rule's alerts did within a short while; nothing in it is a command of Slack's.
func TestPeopleAreToldAtOnce(t *testing.T) {
	r := newReceiver(t)
	o := newOffice(t, notify.Channel{Name: "chat", Kind: notify.Slack, URL: r.url})
	o.cfg.Group = 300 * time.Millisecond
	o.open()
	o.tell("hot", "<!channel>\nx", "firing")
	for i := range 98 {
		o.tell("hot", fmt.Sprint(i), "firing")
	}
	o.tell("hot", "0", "resolved") // of each alert the last step counts
	o.tell("cold", "a", "firing")
	o.empty("chat")
	bodies := r.bodies()
	slices.Sort(bodies)
	if len(bodies) != 2 || !strings.Contains(bodies[0], `"[critical] cold a is firing: temp \u0026gt; 80 (value 1.5), since 2`) ||
		!strings.HasPrefix(bodies[1], `{"text":"hot: 99 alerts\n[critical] hot \u0026lt;!channel\u0026gt; x is firing: `) || !strings.Contains(bodies[1], `\n[critical] hot 0 is resolved: `) ||
		!strings.HasSuffix(bodies[1], `\n… and 79 more: GET /api/v1/alerts?alert=hot"}`) || strings.Count(bodies[1], `\n`) != 21 {
		t.Errorf("%q", bodies)
	}
}

func TestSilencesHoldBack(t *testing.T) {
	r := newReceiver(t)
	o := newOffice(t, notify.Channel{Name: "ops", Kind: notify.Webhook, URL: r.url})
	o.open()
	quiet := func(until time.Duration, matchers ...notify.Matcher) notify.Silence {
		now := time.Now()
		s := notify.Silence{Matchers: matchers, Until: now.Add(until)}
		check(t, s.Check(now))
		s, err := o.silences.Add(s, now)
		check(t, err)
		return s
	}
	o.tell("hot", "known", "firing")
	o.empty("ops")
	s := quiet(time.Hour, notify.Matcher{Name: "alert", Value: "hot"}, notify.Matcher{Name: "sensor", Match: "!~", Value: "loud.*"})
	o.tell("hot", "known", "acknowledged") // not told
	o.tell("hot", "known", "resolved")     // told, since its beginning was
	o.tell("hot", "short", "firing")       // neither
	o.tell("hot", "short", "resolved")
	o.tell("hot", "long", "firing") // told when the silence is over
	o.tell("hot", "mine", "firing") // told as what it is then
	o.tell("hot", "mine", "acknowledged")
	o.tell("hot", "loud1", "firing")
	o.tell("cold", "a", "firing")
	told := func(want string) {
		t.Helper()
		eventually(o.t, func() error {
			by, twice := r.steps(t)
			if got := fmt.Sprint(by); got != want || twice > 0 {
				return fmt.Errorf("%d twice, told:\n%s", twice, got)
			}
			return nil
		})
	}
	told("map[cold a:[firing] hot known:[firing resolved] hot loud1:[firing]]")
	o.empty("ops")
	if st := o.status("ops"); st.Held != 2 {
		t.Errorf("%+v", st)
	}
	o.kill()
	if st := o.status("ops"); st.Held != 2 || st.Waiting != 0 || len(o.silences.List(time.Now())) != 1 {
		t.Errorf("%+v", st)
	}
	if ended, err := o.silences.End(s.ID, time.Now()); !ended || err != nil {
		t.Fatal("no silence ended", err)
	}
	told("map[cold a:[firing] hot known:[firing resolved] hot long:[firing] hot loud1:[firing] hot mine:[acknowledged]]")
	quiet(100*time.Millisecond, notify.Matcher{Name: "labels.team", Value: "heat"}) // ends by itself
	o.tell("late", "x", "firing")
	eventually(o.t, func() error {
		if by, _ := r.steps(t); by["late x"] == nil {
			return fmt.Errorf("%v", by)
		}
		return nil
	})
	o.empty("ops")
	if ended, err := o.silences.End(s.ID, time.Now()); ended || err != nil {
		t.Error("a silence ended twice", err)
	}
}
