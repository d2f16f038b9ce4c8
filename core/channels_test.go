package core

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/notify"
)

func TestChannelsOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), 0o600))
		return "file:" + path
	}
	cfg := &Config{}
	cfg.Alerts.Webhooks = map[string]string{"ops": "https://example.org/hook"}
	cfg.Alerts.Secrets = map[string]string{"ops": file("secret", "whsec_c2VjcmV0\n")}
	cfg.Alerts.Slack = map[string]string{"chat": file("url", "https://hooks.example.org/T/s3cret\n")}
	cfg.Alerts.Email = map[string]string{"duty": "Bob <bob@example.org>; ann@example.org;"}
	cfg.Alerts.SMTP.Server, cfg.Alerts.SMTP.From, cfg.Alerts.SMTP.Password = "mail.example.org:587", "alerts@example.org", file("password", "p4ss")
	cfg.Alerts.Text, cfg.Alerts.Texts = "{{.Alert}}", map[string]string{"chat": "{{.Key}}"}
	cfg.Alerts.Bodies = map[string]string{"ops": file("body", `{"routing_key": "s3cret", "text": {{json .Key}}}`)}
	n, err := cfg.channels()
	check(t, err)
	if len(n.Channels) != 3 || n.Channels[0].URL != "https://hooks.example.org/T/s3cret" || n.Channels[0].Text != "{{.Key}}" || strings.Join(n.Channels[1].To, " ") != "ann@example.org bob@example.org" ||
		string(n.Channels[2].Secret) != "secret" || n.Channels[2].Text != "{{.Alert}}" || n.Channels[2].Body != `{"routing_key": "s3cret", "text": {{json .Key}}}` || n.Mail.Password != "p4ss" {
		t.Errorf("%+v", n)
	}
	for _, c := range []struct {
		key  string
		edit func(c *Config)
	}{
		{"alerts.webhooks.ops: two channels", func(c *Config) { c.Alerts.Slack = map[string]string{"ops": "https://example.org"} }},
		{"alerts.slack.chat: not an address", func(c *Config) { c.Alerts.Slack = map[string]string{"chat": "s3cret"} }},
		{"alerts.slack.chat: open ", func(c *Config) { c.Alerts.Slack = map[string]string{"chat": "file:" + dir + "/none"} }},
		{"alerts.secrets.chat: there is no webhook", func(c *Config) { c.Alerts.Secrets = map[string]string{"chat": "x"} }},
		{"alerts.secrets.ops: behind whsec_", func(c *Config) { c.Alerts.Secrets = map[string]string{"ops": "whsec_?"} }},
		{"alerts.email.duty: ", func(c *Config) { c.Alerts.Email = map[string]string{"duty": "ann"} }},
		{"alerts.smtp.server: ", func(c *Config) { c.Alerts.SMTP.Server = "mail" }},
		{"alerts.smtp.from: ", func(c *Config) { c.Alerts.SMTP.From = "" }},
		{"alerts.smtp.tls: ", func(c *Config) { c.Alerts.SMTP.TLS, c.Alerts.SMTP.User = "none", "me" }},
		{"alerts.smtp.subject: ", func(c *Config) { c.Alerts.SMTP.Subject = "{{" }},
		{"alerts.smtp.password: ", func(c *Config) { c.Alerts.SMTP.Password = file("empty", "") }},
		{"alerts.texts.none: ", func(c *Config) { c.Alerts.Texts = map[string]string{"none": ""} }},
		{"alerts.texts.chat: ", func(c *Config) { c.Alerts.Texts = map[string]string{"chat": "{{.None}}"} }},
		{"alerts.bodies.chat: there is no webhook", func(c *Config) { c.Alerts.Bodies = map[string]string{"chat": "{}"} }},
		{"alerts.bodies.ops: it gives no JSON", func(c *Config) { c.Alerts.Bodies = map[string]string{"ops": `{"key": "s3cret", "text": "{{.Key}}"}`} }},
		{"alerts.text: ", func(c *Config) { c.Alerts.Text = "{{" }},
	} {
		bad := *cfg
		c.edit(&bad)
		want, other, _ := strings.Cut(c.key, ": ")
		if _, err := bad.channels(); err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), other) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

// What waits for a channel that is configured no more is dropped, and a partition's notices are in order whatever the clock does.
func TestNoticesOfNoChannel(t *testing.T) {
	f := newField(t, 1)
	defer func() { f.close() }()
	s := &script{field: f, edge: "north"}
	for _, text := range []string{
		"CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts')",
		"CREATE VIEW v AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor",
		"CREATE ALERT hot ON v WHEN top > 80 SEVERITY critical NOTIFY desk",
		"INSERT INTO temps VALUES ('a', '10:00:10', 85), ('b', '10:00:10', 90)", "WATERMARK '10:01:00'"} {
		if said := s.run(text); said != nil {
			t.Fatal(text, said)
		}
	}
	f.now -= int64(time.Hour / time.Microsecond) // the clock is put back, and the core restarts
	f.crash()
	s.run("INSERT INTO temps VALUES ('a', '10:01:10', 5), ('b', '10:01:10', 5)")
	s.run("WATERMARK '10:02:00'")
	var states []string
	check(t, f.core.store.Notices("desk", 100, func(_, text []byte) error {
		n, err := notify.ReadNotice(text)
		states = append(states, n.State)
		return err
	}))
	if strings.Join(states, " ") != "firing firing resolved resolved" || f.core.notifier.Status()[0].Waiting != 4 {
		t.Errorf("%v, %+v", states, f.core.notifier.Status())
	}
	f.webhooks = nil
	f.crash()
	if names, err := f.core.store.NoticeChannels(); err != nil || len(names) > 0 {
		t.Error(names, err)
	}
}
