package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// Notice is a step of an alert, as it is told. Times are RFC 3339, UTC.
type Notice struct {
	ID        string            `json:"id"` // of this notice: the same whenever it is sent again
	AlertID   string            `json:"alert_id"`
	Alert     string            `json:"alert"`
	Key       string            `json:"key"`
	Keys      map[string]string `json:"keys"`
	State     string            `json:"state"` // firing, acknowledged or resolved
	Severity  string            `json:"severity"`
	Condition string            `json:"condition"`
	At        time.Time         `json:"at"`
	Since     time.Time         `json:"since"`
	Fired     time.Time         `json:"fired"`
	Value     *float64          `json:"value,omitempty"`
	Count     uint64            `json:"count,omitempty"`
	By        string            `json:"acknowledged_by,omitempty"`
	Revised   bool              `json:"revised,omitempty"`
	Labels    map[string]string `json:"labels"`
	ToldUs    int64             `json:"told_us"` // clock time, µs since 1970
}

// Append gives a notice's bytes in the queue, and in a webhook's body.
func (n *Notice) Append(b []byte) []byte {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // there is nothing in it that has no JSON
	}
	return append(b, text...)
}

// ReadNotice reads one.
func ReadNotice(text []byte) (n Notice, err error) {
	err = json.Unmarshal(text, &n)
	return n, err
}

// DefaultText is a message for people.
const DefaultText = `[{{.Severity}}] {{.Alert}}{{if .Key}} {{.Key}}{{end}} is {{.State}}{{if .By}} by {{.By}}{{end}}: {{.Condition}}{{if .Value}} (value {{printf "%.6g" (deref .Value)}}){{end}}, since {{.Since.Format "2006-01-02 15:04:05Z07:00"}}`

// ParseText reads a template, and tries it.
func ParseText(text string) (*template.Template, error) {
	if text == "" {
		text = DefaultText
	}
	t, err := template.New("alerts.text").Option("missingkey=error").Funcs(template.FuncMap{"deref": func(f *float64) float64 { return *f }}).Parse(text)
	if err != nil {
		return nil, err
	}
	one := 1.0
	return t, t.Execute(new(bytes.Buffer), Notice{Value: &one})
}

// request makes what a channel's receiver wants; nil: it wants to hear nothing of this.
func (n *Notifier) request(c *channel, notice Notice, now time.Time) (*http.Request, error) {
	switch c.Kind {
	case Slack:
		var text bytes.Buffer
		if err := n.text.Execute(&text, notice); err != nil {
			return nil, err
		}
		body, err := json.Marshal(map[string]string{"text": text.String()})
		if err != nil {
			return nil, err
		}
		return post(c.URL, body)
	case Alertmanager:
		if notice.State == "acknowledged" {
			return nil, nil
		}
		return alertmanagerRequest(c.URL, []Notice{notice}, n.until())
	}
	body := notice.Append(nil)
	req, err := post(c.URL, body)
	if err == nil {
		sign(req, c.Secret, notice.ID, now, body)
	}
	return req, err
}

func post(url string, body []byte) (*http.Request, error) {
	req, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "hexpane")
	}
	return req, err
}

// sign signs a webhook as Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks) has it: HMAC-SHA256 over "id.seconds.body". Without a
// secret there is no signature.
func sign(req *http.Request, secret []byte, id string, now time.Time, body []byte) {
	seconds := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Idempotency-Key", id)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", seconds)
	if len(secret) == 0 {
		return
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, seconds, body)
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// ParseSecret takes a webhook's secret: whsec_ and base64, as Standard Webhooks write it, or any text.
func ParseSecret(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, "whsec_")
	if !ok {
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(rest)
}

type alertmanagerAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alertmanagerRequest is a POST /api/v2/alerts. Labels name the alert, so they are the same from firing to resolved; until is when a firing one is over
// unless it is told again.
func alertmanagerRequest(url string, notices []Notice, until time.Time) (*http.Request, error) {
	list := []alertmanagerAlert{}
	for _, n := range notices {
		a := alertmanagerAlert{Labels: map[string]string{}, Annotations: map[string]string{"condition": n.Condition, "id": n.AlertID}, StartsAt: n.Fired, EndsAt: until}
		for name, value := range n.Keys {
			a.Labels[labelName(name)] = value
		}
		for name, value := range n.Labels {
			a.Labels[labelName(name)] = value
		}
		a.Labels["alertname"], a.Labels["severity"] = n.Alert, n.Severity
		if n.Value != nil {
			a.Annotations["value"] = strconv.FormatFloat(*n.Value, 'g', 6, 64)
		}
		if n.State == "resolved" {
			a.EndsAt = time.UnixMicro(n.ToldUs).UTC()
		}
		list = append(list, a)
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return post(strings.TrimRight(url, "/")+"/api/v2/alerts", body)
}

// labelName makes a label's name of one that Prometheus would not take.
func labelName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}
