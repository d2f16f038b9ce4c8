package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// webhook posts a notice as JSON, or what the channel's template makes of it, signed as Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks) has it: HMAC-SHA256 over
// "id.seconds.body". Without a secret there is no signature.
func (n *Notifier) webhook(ctx context.Context, c *channel, notice *Notice) error {
	body := n.body(c, notice)
	seconds := strconv.FormatInt(time.Now().Unix(), 10)
	header := map[string]string{"Idempotency-Key": notice.ID, "Webhook-Id": notice.ID, "Webhook-Timestamp": seconds}
	if len(c.Secret) > 0 {
		mac := hmac.New(sha256.New, c.Secret)
		fmt.Fprintf(mac, "%s.%s.%s", notice.ID, seconds, body)
		header["Webhook-Signature"] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return n.post(ctx, c, c.URL, header, body)
}

// body is what a webhook gets. Whatever a template does to an alert, it is told.
func (n *Notifier) body(c *channel, notice *Notice) []byte {
	body, err := fill(c.body, notice)
	if err != nil {
		n.log.Error("the template of a webhook's body failed; it gets the notice as it is", "channel", c.Name, "id", notice.ID, "error", err)
		return notice.Append(nil)
	}
	return body
}

// ParseSecret takes a webhook's secret: whsec_ and base64, as Standard Webhooks write it, or any text.
func ParseSecret(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, "whsec_")
	if !ok {
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(rest)
}

// slackEscape is for what Slack would read as commands: a device may call itself <!channel>.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (n *Notifier) slack(ctx context.Context, c *channel, m *message) error {
	body, err := json.Marshal(map[string]string{"text": slackEscape.Replace(strings.Join(m.lines(c.text), "\n"))})
	if err != nil {
		return err
	}
	return n.post(ctx, c, c.URL, nil, body)
}

type alertmanagerAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alert tells Alertmanager (API v2). Labels name the alert there, so they are the same from firing to resolved. A firing one is over after four repeats
// unless it is told again.
func (n *Notifier) alert(ctx context.Context, c *channel, notices []Notice) error {
	list := []alertmanagerAlert{}
	for _, notice := range notices {
		a := alertmanagerAlert{Labels: map[string]string{}, Annotations: map[string]string{"condition": notice.Condition, "id": notice.AlertID},
			StartsAt: notice.Fired, EndsAt: time.Now().Add(4 * n.cfg.Repeat)}
		for name, value := range notice.Keys {
			a.Labels[labelName(name)] = value
		}
		for name, value := range notice.Labels {
			a.Labels[labelName(name)] = value
		}
		a.Labels["alertname"], a.Labels["severity"] = notice.Alert, notice.Severity
		if notice.Value != nil {
			a.Annotations["value"] = strconv.FormatFloat(*notice.Value, 'g', 6, 64)
		}
		if notice.State == "resolved" {
			a.EndsAt = time.UnixMicro(notice.ToldUs).UTC()
		}
		if a.StartsAt.After(a.EndsAt) { // by event time it may begin ahead of the clock
			a.StartsAt = a.EndsAt
		}
		list = append(list, a)
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return n.post(ctx, c, strings.TrimRight(c.URL, "/")+"/api/v2/alerts", nil, body)
}

// repeat tells Alertmanager what still stands and is not held back, and gives how much: else it takes it for resolved after a while, or forgot it over a restart.
func (n *Notifier) repeat(ctx context.Context, c *channel) (count int, err error) {
	var told []Notice
	for _, notice := range n.standing(c.Name) {
		if !c.holds(notice.AlertID) {
			told = append(told, notice)
		}
	}
	for some := range slices.Chunk(told, burst) {
		if err := n.alert(ctx, c, some); err != nil {
			return 0, err
		}
	}
	return len(told), nil
}

// labelName makes a label's name of one that Prometheus would not take.
func labelName(name string) string {
	text := strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	if text == "" || text[0] >= '0' && text[0] <= '9' {
		text = "_" + text
	}
	return text
}

// post sends, and says how the receiver fails. No error shows the address, which may be a secret, nor what was sent.
func (n *Notifier) post(ctx context.Context, c *channel, address string, header map[string]string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, "POST", address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address can't be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hexpane")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	answer, err := n.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return &failure{text: fmt.Sprintf("no answer within %s", n.cfg.Timeout)}
		}
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // for the log
	code := answer.StatusCode
	if code/100 == 2 {
		return nil
	}
	f := &failure{text: strings.TrimSpace(fmt.Sprintf("HTTP %d %s", code, c.hide(string(text))))}
	if code/100 == 3 {
		f.text = fmt.Sprintf("HTTP %d: it is elsewhere, where alerts do not follow; configure the new address", code)
	}
	f.final = code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge || code == http.StatusUnprocessableEntity
	f.busy = code == http.StatusTooManyRequests || code >= 502 && code <= 504
	f.after = retryAfter(answer.Header.Get("Retry-After"), time.Now())
	return f
}

// retryAfter reads a Retry-After: seconds or a date; 0: there is none.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// hide takes a channel's secrets out of what a receiver said.
func (c *channel) hide(text string) string {
	text = strings.ToValidUTF8(text, "")
	secrets := []string{string(c.Secret)}
	if u, err := url.Parse(c.URL); err == nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.RequestURI(), u.Path, password)
	}
	for _, s := range secrets {
		if len(s) > 3 {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}
