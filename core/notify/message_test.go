package notify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSilencesAreChecked(t *testing.T) {
	now := time.Now()
	hot := Matcher{Name: "alert", Value: "hot"}
	for _, c := range []struct {
		s   Silence
		err string
	}{
		{Silence{Matchers: []Matcher{hot}, Until: now.Add(time.Hour)}, ""},
		{Silence{Until: now.Add(time.Hour)}, "matchers: 1 to"},
		{Silence{Matchers: []Matcher{hot}, Until: now}, "until:"},
		{Silence{Matchers: []Matcher{hot}, Until: now.AddDate(2, 0, 0)}, "until:"},
		{Silence{Matchers: []Matcher{{Name: "alert", Match: "~", Value: "x"}}, Until: now.Add(time.Hour)}, "matchers[0]: match:"},
		{Silence{Matchers: []Matcher{hot, {Name: "key", Match: "=~", Value: "("}}, Until: now.Add(time.Hour)}, "matchers[1]: error parsing"},
		{Silence{Matchers: []Matcher{{Name: "alert", Match: "=~", Value: ".*"}}, Until: now.Add(time.Hour)}, "match any alert"},
		{Silence{Matchers: []Matcher{{Value: "x"}}, Until: now.Add(time.Hour)}, "matchers[0]: a name"},
		{Silence{Matchers: []Matcher{hot}, Until: now.Add(time.Hour), Comment: strings.Repeat("x", 3000)}, "comment"},
	} {
		if err := c.s.Check(now); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %v, want %q", c.s, err, c.err)
		}
	}
}

// A template of a webhook's body gives JSON whatever an alert is called, or it is refused at the start.
func TestBodies(t *testing.T) {
	value := 80.5
	n := &Notice{ID: "1-firing", Alert: "hot", Key: `a "roof"`, Keys: map[string]string{"sensor": "a"}, State: "firing", Value: &value, Labels: map[string]string{"team": "heat"}}
	for _, c := range []struct{ text, want, err string }{
		{"", string(n.Append(nil)), ""},
		{`{"text": {{json .Key}}, "value": {{json .Value}}, "all": {{json .Labels}}}`, `{"text": "a \"roof\"", "value": 80.5, "all": {"team":"heat"}}`, ""},
		{`{"routing_key": "r", "event_action": {{if eq .State "resolved"}}"resolve"{{else}}"trigger"{{end}}, "dedup_key": {{json .AlertID}}, "payload": {"source": {{json .Keys.sensor}}}}`,
			`{"routing_key": "r", "event_action": "trigger", "dedup_key": "", "payload": {"source": "a"}}`, ""},
		{`[{{range $name, $value := .Labels}}{{json $name}}, {{end}}0]`, `["team", 0]`, ""},
		{`{"text": "{{.Key}}"}`, "", "it gives no JSON"},
		{`{"value": {{.Value}}}`, "", "it gives no JSON"},
		{`{{if .Stale}}{{else}}{}{{end}}`, "", "it gives no JSON"},
		{`{"text": {{json .Kye}}}`, "", "can't evaluate field Kye"},
		{`{"text": {{json .Key}`, "", "bad character"},
	} {
		b, err := ParseBody(c.text)
		if err != nil || c.err != "" {
			if err == nil || c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.text, err, c.err)
			}
			continue
		}
		if got, err := fill(b, n); err != nil || string(got) != c.want {
			t.Errorf("%s gives %s, %v", c.text, got, err)
		}
	}
}

func TestMatchers(t *testing.T) {
	n := &Notice{Alert: "hot", Key: "a", Severity: "critical", Keys: map[string]string{"sensor": "a\nb", "team": "key"}, Labels: map[string]string{"team": "heat", "site": "1"}}
	for _, c := range []struct {
		name, match, value string
		yes                bool
	}{
		{"alert", "=", "hot", true}, {"alert", "=", "ho", false}, {"alert", "=~", "ho", false}, {"alert", "=~", "h.t|cold", true}, {"key", "!=", "b", true}, {"severity", "!~", "crit.*", false},
		{"sensor", "=~", "a.b", true}, {"team", "=", "key", true}, {"labels.team", "=", "heat", true}, {"keys.team", "=", "key", true}, {"site", "=", "1", true}, {"none", "=", "", true}, {"none", "=~", ".+", false},
	} {
		s := Silence{Matchers: []Matcher{{Name: "alert", Value: "hot"}, {Name: c.name, Match: c.match, Value: c.value}}, Until: time.Now().Add(time.Hour)}
		if err := s.Check(time.Now()); err != nil || s.of(n) != c.yes {
			t.Errorf("%+v: %v, %v", c, err, s.of(n))
		}
	}
}

// Whatever comes as a silence, or lay on disk as one, is refused or compared with alerts.
func FuzzSilence(f *testing.F) {
	for _, seed := range []string{`{"matchers":[{"name":"alert","value":"hot"}],"until":"2030-01-01T00:00:00Z"}`, `{"matchers":[{"name":"keys.","match":"!~","value":"(a|b"}]}`, `{"matchers":[{}]}`, `[]`, `null`} {
		f.Add([]byte(seed))
	}
	now := time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Silence
		if json.Unmarshal(text, &s) != nil || s.Check(now) != nil {
			return
		}
		_ = s.of(&Notice{Alert: "hot", Keys: map[string]string{"a": "b"}})
		if len(s.Matchers) == 0 || !s.Until.After(now) || s.of(&Notice{}) && s.of(&Notice{Alert: "x"}) && !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return !m.matches("") }) {
			t.Errorf("%+v", s)
		}
	})
}

func TestTexts(t *testing.T) {
	for _, bad := range []string{"{{", "{{.Nothing}}", "{{.Alert | nothing}}"} {
		if _, err := ParseText(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	text, err := ParseText("{{.Key}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := line(text, Notice{Key: "a\r\n\x00b" + strings.Repeat("x", 1000)}); !strings.HasPrefix(got, "a   bx") || len([]rune(got)) != maxLine {
		t.Errorf("%q", got)
	}
	subject, err := ParseSubject("")
	if err != nil || line(subject, Summary{Notice{Alert: "hot", Key: "a", State: "firing", Severity: "info"}, 1}) != "[info] hot a is firing" {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-3": 0, "999999999999": 24 * time.Hour, "99999999": 24 * time.Hour, "soon": 0, "Thu, 01 Jan 2026 00:01:00 GMT": time.Minute,
		"Wed, 31 Dec 2025 00:00:00 GMT": 0} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestLabelNames(t *testing.T) {
	for name, want := range map[string]string{"sensor": "sensor", "a-b.c": "a_b_c", "1st": "_1st", "": "_", "ü": "_"} {
		if got := labelName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
