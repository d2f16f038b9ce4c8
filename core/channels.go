package core

import (
	"cmp"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/notify"
)

// Channels are those that the configuration names, in order of their names, and what they share; an error names the key, and shows no value that may be
// a secret.
func (c *Config) channels() (n notify.Config, err error) {
	a := &c.Alerts
	n = notify.Config{MaxWait: a.MaxWaiting, Keep: a.Keep, Group: a.Group, Timeout: 10 * time.Second, Backoff: time.Second, MaxPause: time.Minute, Repeat: time.Minute}
	for _, group := range []struct {
		key, kind string
		to        map[string]string
	}{{"webhooks", notify.Webhook, a.Webhooks}, {"slack", notify.Slack, a.Slack}, {"alertmanager", notify.Alertmanager, a.Alertmanager}, {"email", notify.Email, a.Email}} {
		for name, value := range group.to {
			key := "alerts." + group.key + "." + name
			switch {
			case name == "" || len(name) > 100 || strings.ContainsRune(name, 0):
				return n, fmt.Errorf("%s: a channel's name has 1 to 100 bytes", key)
			case slices.ContainsFunc(n.Channels, func(o notify.Channel) bool { return o.Name == name }):
				return n, fmt.Errorf("%s: two channels have this name", key)
			}
			ch := notify.Channel{Name: name, Kind: group.kind, Text: a.Text}
			if value, err = secret(key, value); err != nil {
				return n, err
			}
			if group.kind == notify.Email {
				ch.To, err = recipients(key, value)
			} else {
				ch.URL, err = address(key, value)
			}
			if err != nil {
				return n, err
			}
			n.Channels = append(n.Channels, ch)
		}
	}
	slices.SortFunc(n.Channels, func(a, b notify.Channel) int { return strings.Compare(a.Name, b.Name) })
	find := func(name string, kinds ...string) *notify.Channel {
		i := slices.IndexFunc(n.Channels, func(o notify.Channel) bool { return o.Name == name && slices.Contains(kinds, o.Kind) })
		if i < 0 {
			return nil
		}
		return &n.Channels[i]
	}
	for name, text := range a.Secrets {
		key := "alerts.secrets." + name
		ch := find(name, notify.Webhook)
		if ch == nil {
			return n, fmt.Errorf("%s: there is no webhook of this name", key)
		}
		if text, err = secret(key, text); err != nil {
			return n, err
		}
		if ch.Secret, err = notify.ParseSecret(text); err != nil || len(ch.Secret) == 0 {
			return n, fmt.Errorf("%s: behind whsec_ base64 is wanted", key)
		}
	}
	for name, text := range a.Texts {
		ch := find(name, notify.Slack, notify.Email)
		if ch == nil {
			return n, fmt.Errorf("alerts.texts.%s: there is no Slack or e-mail channel of this name", name)
		}
		if _, err := notify.ParseText(text); err != nil {
			return n, fmt.Errorf("alerts.texts.%s: %w", name, err)
		}
		ch.Text = text
	}
	for name, text := range a.Bodies {
		ch := find(name, notify.Webhook)
		if ch == nil {
			return n, fmt.Errorf("alerts.bodies.%s: there is no webhook of this name", name)
		}
		if ch.Body, err = secret("alerts.bodies."+name, text); err != nil {
			return n, err
		}
		if _, err := notify.ParseBody(ch.Body); err != nil {
			return n, fmt.Errorf("alerts.bodies.%s: %w", name, err)
		}
	}
	if _, err := notify.ParseText(a.Text); err != nil {
		return n, fmt.Errorf("alerts.text: %w", err)
	}
	s := &a.SMTP
	n.Mail = notify.Mail{Server: s.Server, TLS: s.TLS, User: s.User, From: s.From, Subject: s.Subject}
	if n.Mail.Password, err = secret("alerts.smtp.password", s.Password); err != nil {
		return n, err
	}
	if len(a.Email) > 0 {
		if err := notify.CheckMail(&n.Mail); err != nil {
			return n, fmt.Errorf("alerts.smtp.%w", err)
		}
	}
	return n, nil
}

// secret gives what a value is: itself, or what is in the file that it names.
func secret(key, value string) (string, error) {
	path, ok := strings.CutPrefix(value, "file:")
	if !ok {
		return value, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	if value = strings.TrimSpace(string(text)); value == "" {
		return "", fmt.Errorf("%s: %s is empty", key, path)
	}
	return value, nil
}

func address(key, text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s: not an address such as https://example.org/hook, nor file: and the path of a file that holds one", key)
	}
	return text, nil
}

func recipients(key, text string) (to []string, err error) {
	list, err := mail.ParseAddressList(strings.ReplaceAll(strings.Trim(text, "; "), ";", ","))
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no list of addresses such as ann@example.org; bob@example.org", key, text)
	}
	for _, a := range list {
		to = append(to, a.Address)
	}
	slices.SortFunc(to, cmp.Compare[string])
	return slices.Compact(to), nil
}
