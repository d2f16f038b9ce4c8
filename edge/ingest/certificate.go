package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSConfig names the files of a TLS listener. They are read again when they change.
type TLSConfig struct {
	Cert, Key string
	ClientCA  string // file with the authorities of clients' certificates; empty: clients have none
	Optional  bool   // a client without a certificate may come, and must log in
}

// Check reads the files, and names the one that is wrong.
func (c TLSConfig) Check() error {
	_, err := c.load()
	return err
}

func (c TLSConfig) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("cert %s, key %s: %w", c.Cert, c.Key, err)
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.ClientCA == "" {
		return out, nil
	}
	pem, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	out.ClientCAs = x509.NewCertPool()
	if !out.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client_ca %s: no certificate in it (PEM)", c.ClientCA)
	}
	out.ClientAuth = tls.RequireAndVerifyClientCert
	if c.Optional {
		out.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return out, nil
}

// certificates gives the files' newest content to handshakes.
type certificates struct {
	cfg TLSConfig
	log *slog.Logger

	mu     sync.Mutex
	now    *tls.Config
	looked time.Time
	seen   [3]fileState
}

type fileState struct {
	changed time.Time
	size    int64
}

// lookEvery is how often, at most, handshakes look whether the files changed.
const lookEvery = time.Second

func newCertificates(cfg TLSConfig, log *slog.Logger) (*certificates, error) {
	c := &certificates{cfg: cfg, log: log, looked: time.Now()}
	c.seen = c.states()
	var err error
	c.now, err = cfg.load()
	return c, err
}

// server is the configuration of a listener.
func (c *certificates) server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil }}
}

func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookEvery {
		return c.now
	}
	c.looked = time.Now()
	seen := c.states()
	if seen == c.seen {
		return c.now
	}
	fresh, err := c.cfg.load()
	if err != nil { // seen stays: they are looked at again, since they may just be being written
		c.log.Error("the TLS files changed and can't be read; going on with those before", "error", err)
		return c.now
	}
	c.now, c.seen = fresh, seen
	c.log.Info("read the TLS files again, since they changed", "cert", c.cfg.Cert)
	return c.now
}

func (c *certificates) states() (s [3]fileState) {
	for i, path := range []string{c.cfg.Cert, c.cfg.Key, c.cfg.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			s[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return s
}

var errNoName = errors.New("the certificate has no common name")

// nameOf is who a certificate is of.
func nameOf(c *x509.Certificate) (string, error) {
	if c.Subject.CommonName == "" {
		return "", errNoName
	}
	return c.Subject.CommonName, nil
}
