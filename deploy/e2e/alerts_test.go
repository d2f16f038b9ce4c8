package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const alertingSQL = `
CREATE STREAM cards (card STRING KEY, ts TIMESTAMP, amount DOUBLE) WITH (topic = 'cards/{card}', timestamp = 'ts', disorder = '500ms');
CREATE PATTERN jump AS SELECT * FROM cards MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts MEASURES B.amount AS amount PATTERN (A B)
  DEFINE A AS amount < 10, B AS amount > 1000);
CREATE ALERT jumped ON jump WHEN amount > 1000 SEVERITY critical`

// hook is a receiver that is down, fails, hangs and is well, as the test wants.
type hook struct {
	mu    sync.Mutex
	how   int            // 0: well; else how it fails
	taken map[string]int // by the id of the notice
	tries int
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n struct{ ID string }
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &n)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries++
	switch {
	case err != nil || n.ID != r.Header.Get("Idempotency-Key") || !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,"):
		w.WriteHeader(http.StatusTeapot)
	case h.how > 0:
		code := []int{500, 503, 400, 429}[h.tries%4]
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(code)
	default:
		h.taken[n.ID]++
	}
}

func (h *hook) fail(how int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.how = how
}

// A receiver that fails for a while, ten minutes with HEXPANE_SOAK=1, while hexpane is killed twice, gets every alert once afterwards; one that is well is not
// kept waiting.
func TestAReceiverThatFailsGetsEveryAlertAfterwards(t *testing.T) {
	t.Parallel()
	outage := 3 * time.Second
	if os.Getenv("HEXPANE_SOAK") != "" {
		outage = 10 * time.Minute
	}
	listen := func(h *hook) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
		go func() { _ = srv.Serve(l) }()
		t.Cleanup(func() { _ = srv.Close() })
		return "http://" + l.Addr().String()
	}
	bad, well := &hook{how: 1, taken: map[string]int{}}, &hook{taken: map[string]int{}}
	s := startSite(t, alertingSQL+" NOTIFY bad, well;", "--core.alerts.webhooks", "bad="+listen(bad)+"/s3cret,well="+listen(well), "--core.alerts.secrets", "bad=hush-hush,well=hush-hush",
		"--core.alerts.quiet", "1h", "--core.alerts.max_live", "100000")
	began := time.Now()
	at := began.UTC().Add(-10 * time.Minute) // event time
	text := func(after time.Duration) string { return at.Add(after).Format(time.RFC3339Nano) }
	alerts, kills := 0, 0
	for time.Since(began) < outage || kills < 2 {
		for range 20 {
			card := fmt.Sprint("card-", alerts)
			alerts++
			publish(t, s.mqtt, "cards/"+card, fmt.Sprintf(`[{"ts":%q,"amount":5},{"ts":%q,"amount":2000}]`, text(0), text(time.Millisecond)))
		}
		publish(t, s.mqtt, "cards/clock", fmt.Sprintf(`{"ts":%q,"amount":50}`, text(time.Second)))
		at = at.Add(2 * time.Second)
		s.Eventually(t, func() error { // each is on its way before the next kill
			well.mu.Lock()
			defer well.mu.Unlock()
			if len(well.taken) < alerts {
				return fmt.Errorf("%d alerts of %d are told", len(well.taken), alerts)
			}
			return nil
		})
		if kills < 2 && time.Since(began) > outage*time.Duration(kills+1)/3 {
			s.Kill(t)
			s.Restart(t)
			kills++
		}
		if outage > time.Minute {
			time.Sleep(2 * time.Second) // the pace of a soak
		}
	}
	s.Eventually(t, func() error {
		_, text, err := get(s.http + "/api/v1/alerts")
		if strings.Contains(text, "s3cret") || strings.Contains(text, "hush") {
			t.Fatal("a secret is shown: ", text)
		}
		if err == nil && (!strings.Contains(text, fmt.Sprintf(`"name":"bad","kind":"webhook","waiting":%d,`, alerts)) || !strings.Contains(text, `"last_error":"HTTP `)) {
			err = fmt.Errorf("%d should wait: %s", alerts, text[strings.Index(text, `"channels"`):])
		}
		return err
	})
	if len(bad.taken) > 0 {
		t.Error("it took something while it failed")
	}
	over := time.Now()
	bad.fail(0)
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		bad.mu.Lock()
		n := len(bad.taken)
		bad.mu.Unlock()
		if n == alerts {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d alerts of %d are told", n, alerts)
		}
	}
	caught := time.Since(over)
	twice := 0
	for _, h := range []*hook{bad, well} {
		for _, n := range h.taken {
			twice += n - 1
		}
	}
	if twice > kills { // what was sent when it was killed may be sent again, under the same id
		t.Errorf("%d were told twice", twice)
	}
	t.Logf("soak: receiver that fails outage=%s alerts=%d kills=%d tries=%d lost=0 twice=%d caught_up=%s", outage, alerts, kills, bad.tries, twice, caught.Round(time.Second))
	s.Stop(t)
}
