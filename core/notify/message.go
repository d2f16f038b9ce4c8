package notify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"
	"unicode"
)

// Notice is a step of an alert, as it is told. Times are RFC 3339, UTC.
type Notice struct {
	ID        string            `json:"id"` // of this step: the same whenever it is sent, and whenever it is made
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
	Stale     bool              `json:"stale,omitempty"`
	Labels    map[string]string `json:"labels"`
	ToldUs    int64             `json:"told_us"` // clock time at which it began to wait, µs since 1970
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

// Texts for people, if the configuration has none: DefaultText is a line on one alert, DefaultSubject that of an e-mail.
const (
	DefaultText    = `[{{.Severity}}] {{.Alert}}{{if .Key}} {{.Key}}{{end}} is {{.State}}{{if .Stale}}, silent{{end}}{{if .By}} by {{.By}}{{end}}: {{.Condition}}{{if .Value}} (value {{printf "%.6g" (deref .Value)}}){{end}}, since {{.Since.Format "2006-01-02 15:04:05Z07:00"}}`
	DefaultSubject = `[{{.Severity}}] {{.Alert}}{{if eq .Count 1}}{{if .Key}} {{.Key}}{{end}} is {{.State}}{{else}}: {{.Count}} alerts{{end}}`
)

const (
	maxLines = 20  // alerts that one message lists
	maxLine  = 500 // letters of each
)

// Summary is what an e-mail's subject is made of: the first notice of the message, and of how many alerts it tells.
type Summary struct {
	Notice
	Count int
}

// ParseText reads a template of a line, and tries it.
func ParseText(text string) (*template.Template, error) {
	one := 1.0
	return parse("text", text, DefaultText, Notice{Value: &one})
}

// ParseSubject reads a template of a subject, and tries it.
func ParseSubject(text string) (*template.Template, error) {
	return parse("subject", text, DefaultSubject, Summary{Count: 1})
}

// ParseBody reads a template of a webhook's body, and tries it on notices with as little and as much in them as may be, whose names are what devices may call
// themselves.
func ParseBody(text string) (*template.Template, error) {
	t, err := compile("body", text, `{{json .}}`)
	if err != nil {
		return nil, err
	}
	one, odd := 1.5, "\"a\" \\ {b}\n"
	for _, n := range []Notice{{State: "firing"},
		{ID: "i", AlertID: "i", Alert: odd, Key: odd, Keys: map[string]string{"key": odd}, State: "acknowledged", Severity: "critical", Condition: odd, Value: &one, Count: 2, By: odd,
			Labels: map[string]string{"label": odd}},
		{State: "resolved", Revised: true}, {State: "resolved", Stale: true, Value: &one}} {
		if _, err := fill(t, &n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fill makes a body.
func fill(t *template.Template, n *Notice) ([]byte, error) {
	var out bytes.Buffer
	if err := t.Execute(&out, n); err != nil {
		return nil, err
	}
	var body json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &body); err != nil { // what is in it may be secret
		return nil, fmt.Errorf("it gives no JSON: %w; {{json .Key}} writes a value as JSON does, with its quotes", err)
	}
	return out.Bytes(), nil
}

func parse(name, text, otherwise string, example any) (*template.Template, error) {
	t, err := compile(name, text, otherwise)
	if err != nil {
		return nil, err
	}
	return t, t.Execute(io.Discard, example)
}

func compile(name, text, otherwise string) (*template.Template, error) {
	if text == "" {
		text = otherwise
	}
	return template.New(name).Funcs(template.FuncMap{"deref": func(f *float64) float64 {
		if f == nil {
			return 0
		}
		return *f
	}, "json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	}}).Parse(text)
}

// line runs a template. Whatever a device calls itself, it stays one line.
func line(t *template.Template, data any) string {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil { // it was tried; only what no value had then can be wrong
		return fmt.Sprintf("(the template failed: %v)", err)
	}
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(out.String())))
	if len(text) > maxLine {
		text = append(text[:maxLine-1], '…')
	}
	return string(text)
}

// lines is what people read of a message: a line of each alert, beneath a line of how many there are if they are several.
func (m *message) lines(t *template.Template) []string {
	var out []string
	if m.count > 1 {
		states := map[string]int{}
		for _, n := range m.notices {
			states[n.State]++
		}
		head := fmt.Sprintf("%s: %d alerts", m.notices[0].Alert, m.count)
		if m.count == len(m.notices) {
			sep := ", "
			for _, s := range []string{"firing", "acknowledged", "resolved"} {
				if states[s] > 0 {
					head += fmt.Sprintf("%s%d %s", sep, states[s], s)
				}
			}
		}
		out = append(out, head)
	}
	for i := range m.notices {
		out = append(out, line(t, m.notices[i]))
	}
	if more := m.count - len(m.notices); more > 0 {
		out = append(out, fmt.Sprintf("… and %d more: GET /api/v1/alerts?alert=%s", more, m.notices[0].Alert))
	}
	return out
}

// id names a message by what it tells.
func (m *message) id() string {
	h := sha256.New()
	for _, n := range m.notices {
		fmt.Fprintln(h, n.ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
