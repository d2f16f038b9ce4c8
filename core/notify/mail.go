package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Mail is the server that e-mail goes to.
type Mail struct {
	Server   string // host:port
	TLS      string // starttls, tls or none
	User     string // empty: nobody is to be known there
	Password string
	From     string
	Subject  string // text/template over a Summary; empty: DefaultSubject
}

// mail sends a message to all of a channel's people: in one letter, or, if the server does not know some of them, in one for each, so that the others get it.
func (n *Notifier) mail(ctx context.Context, c *channel, m *message) error {
	if c.mailed != m.id() {
		c.mailed, c.mailedTo = m.id(), map[string]bool{}
	}
	to := slices.DeleteFunc(slices.Clone(c.To), func(who string) bool { return c.mailedTo[who] })
	err := n.deliver(ctx, c, m, to)
	if unknown(err) && len(c.To) > 1 {
		nobody := err
		err = nil
		for _, who := range to {
			e := n.deliver(ctx, c, m, []string{who})
			if c.mailedTo[who] = e == nil; e != nil && !unknown(e) {
				err = e
			}
		}
		switch {
		case err == nil && !slices.ContainsFunc(c.To, func(who string) bool { return c.mailedTo[who] }):
			err = nobody
		case err == nil:
			n.log.Error("some of who should get e-mail are refused by the server", "channel", c.Name, "alert", m.notices[0].Alert, "error", n.hide(nobody.Error()))
		}
	}
	if err == nil {
		c.mailed = ""
		return nil
	}
	f := &failure{text: n.hide(err.Error())}
	var refused *mail.SendError
	if errors.As(err, &refused) {
		f.final = refused.ErrorCode() == 552 || refused.ErrorCode() == 554
		f.busy = refused.IsTemp() || refused.ErrorCode() == 421
	} else {
		f.busy = true // it was not so far as to hear of the message
	}
	return f
}

// unknown reports whether a server refuses who should get a letter, for good.
func unknown(err error) bool {
	var refused *mail.SendError
	return errors.As(err, &refused) && refused.Reason == mail.ErrSMTPRcptTo && refused.ErrorCode()/100 == 5
}

func (n *Notifier) deliver(ctx context.Context, c *channel, m *message, to []string) error {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	from := n.cfg.Mail.From
	if err := errors.Join(letter.From(from), letter.To(to...)); err != nil {
		return err
	}
	_, domain, _ := strings.Cut(strings.TrimSuffix(from, ">"), "@")
	letter.SetMessageIDWithValue(m.id() + "@" + domain)
	letter.SetDateWithValue(time.Now())
	letter.SetGenHeader(mail.Header("Auto-Submitted"), "auto-generated") // RFC 3834: nobody's holidays are told to us
	letter.Subject(line(n.subject, Summary{m.notices[0], m.count}))
	letter.SetBodyString(mail.TypeTextPlain, strings.Join(m.lines(c.text), "\n")+"\n")

	host, port, err := net.SplitHostPort(n.cfg.Mail.Server)
	number, e := strconv.Atoi(port)
	if err = errors.Join(err, e); err != nil {
		return err
	}
	options := []mail.Option{mail.WithPort(number), mail.WithTimeout(n.cfg.Timeout)}
	switch n.cfg.Mail.TLS {
	case "tls":
		options = append(options, mail.WithSSL())
	case "none":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if n.cfg.Mail.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(n.cfg.Mail.User), mail.WithPassword(n.cfg.Mail.Password))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- client.DialAndSendWithContext(ctx, letter) }()
	select {
	case err = <-done:
	case <-ctx.Done(): // it waits for no server that is silent
		return ctx.Err()
	}
	if letter.IsDelivered() { // whatever went wrong in saying goodbye
		return nil
	}
	return err
}

// hide takes the password out of what a server said.
func (n *Notifier) hide(text string) string {
	if p := n.cfg.Mail.Password; len(p) > 3 {
		text = strings.ReplaceAll(text, p, "…")
	}
	return text
}

// CheckMail says what is wrong with the server's configuration, by its key.
func CheckMail(m *Mail) error {
	_, port, err := net.SplitHostPort(m.Server)
	if number, e := strconv.Atoi(port); err != nil || e != nil || number < 1 || number > 65535 {
		return fmt.Errorf("server: %q is not host:port, such as mail.example.org:587", cmp.Or(m.Server, ""))
	}
	if err := mail.NewMsg().From(m.From); err != nil {
		return fmt.Errorf("from: %q is no address", m.From)
	}
	if m.TLS == "none" && m.User != "" {
		return fmt.Errorf("tls: without it the password would be readable on the way")
	}
	if _, err := ParseSubject(m.Subject); err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	return nil
}
