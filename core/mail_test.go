package core

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/hexpane/hexpane/core/notify"
)

// postOffice is a real SMTP server that wants STARTTLS and a password, and whose certificate this process trusts.
type postOffice struct {
	mu      sync.Mutex
	letters map[string][]string // by who got them
	refuse  error               // of a letter
	tries   int
	address string
}

// identity is a certificate that this process trusts; it reads what to trust once.
var identity = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

func newPostOffice(t *testing.T) *postOffice {
	own, err := identity()
	check(t, err)
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}), 0o600))
	t.Setenv("SSL_CERT_FILE", trusted)
	p := &postOffice{letters: map[string][]string{}}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &caller{p: p}, nil }))
	srv.Domain, srv.TLSConfig, srv.ErrorLog = "localhost", &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p.address = l.Addr().String()
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return p
}

func (p *postOffice) got(who string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.letters[who])
}

// caller is someone connected.
type caller struct {
	p     *postOffice
	known bool
	to    []string
}

func (c *caller) AuthMechanisms() []string { return []string{sasl.Plain} }
func (c *caller) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "hexpane" || password != "p4ssword" {
			return errors.New("wrong " + password)
		}
		c.known = true
		return nil
	}), nil
}
func (c *caller) Mail(string, *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (c *caller) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "gone") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	c.to = append(c.to, to)
	return nil
}
func (c *caller) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.tries++
	if err == nil {
		err = c.p.refuse
	}
	if err == nil {
		for _, to := range c.to {
			c.p.letters[to] = append(c.p.letters[to], string(text))
		}
	}
	return err
}
func (c *caller) Reset()        { c.to = nil }
func (c *caller) Logout() error { return nil }

func TestEmail(t *testing.T) {
	p := newPostOffice(t)
	o := newOffice(t, notify.Channel{Name: "mail", Kind: notify.Email, To: []string{"ann@example.org", "bob@example.org", "gone@example.org"}, Text: "{{.Alert}} <{{.Key}}> {{.State}} {{.Labels.team}}"})
	o.cfg.Mail = notify.Mail{Server: p.address, TLS: "starttls", User: "hexpane", Password: "not-it", From: "hexpane <alerts@example.org>"}
	o.cfg.Group, o.cfg.Timeout = 50*time.Millisecond, 5*time.Second
	o.open()
	o.tell("hot", "a\r\nBcc: all@example.org", "firing")
	o.tell("hot", "ü", "firing")
	eventually(o.t, func() error {
		if e := o.status("mail").LastError; e == "" || strings.Contains(e, "not-it") {
			return fmt.Errorf("said: %q", e)
		}
		return nil
	})
	o.stop()
	p.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	o.cfg.Mail.Password = "p4ssword"
	o.start()
	eventually(o.t, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.tries < 3 {
			return fmt.Errorf("%d tries", p.tries)
		}
		return nil
	})
	p.mu.Lock()
	p.refuse = nil
	p.mu.Unlock()
	o.empty("mail")
	for _, who := range []string{"ann@example.org", "bob@example.org"} {
		letters := p.got(who)
		if len(letters) != 1 {
			t.Fatalf("%s got %q", who, letters)
		}
		m, err := mail.ReadMessage(strings.NewReader(letters[0]))
		check(t, err)
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		check(t, err)
		body, err := io.ReadAll(m.Body)
		check(t, err)
		if subject != "[critical] hot: 2 alerts" || m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(m.Header.Get("Message-Id"), "@example.org>") ||
			!strings.Contains(string(body), "hot <a  Bcc: all@example.org> firing heat\r\n") || !strings.HasPrefix(string(body), "hot: 2 alerts, 2 firing\r\n") {
			t.Errorf("%q %v\n%s", subject, m.Header, body)
		}
	}
}
