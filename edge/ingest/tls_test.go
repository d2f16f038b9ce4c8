package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
)

// authority signs certificates for a test, and writes them where a broker finds them.
type authority struct {
	t    testing.TB
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
	next int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), pool: x509.NewCertPool()}
	a.key, a.cert = a.sign("authority", true)
	a.pool.AddCert(a.cert)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) sign(name string, isCA bool) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.next++
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: isCA, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate of the name, as name.crt and name.key.
func (a *authority) issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	key, cert := a.sign(name, false)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".crt", "CERTIFICATE", cert.Raw), a.write(name+".key", "EC PRIVATE KEY", der)
}

// server is a broker's TLS, with clients' certificates or without.
func (a *authority) server(clients bool) TLSConfig {
	c := TLSConfig{}
	c.Cert, c.Key = a.issue("server")
	if clients {
		c.ClientCA = filepath.Join(a.dir, "ca.pem")
	}
	return c
}

// client is a client's TLS; without a name it has no certificate.
func (a *authority) client(name string) *tls.Config {
	a.t.Helper()
	c := &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.issue(name))
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func TestTLSAndItsFilesChange(t *testing.T) {
	a := newAuthority(t)
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{ListenTLS: "127.0.0.1:0", TLS: a.server(false)}, sink)
	d := dialTLS(t, b, a.client(""), connectOf("d"))
	d.publish("in/x", 1, 1, "a")
	acknowledge(sink.next(t))
	d.expect(4, 1)

	serial := func() int64 {
		c, err := tls.Dial("tcp", b.address(), a.client(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	before := serial()
	if err := os.WriteFile(filepath.Join(a.dir, "server.crt"), []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(lookEvery + 100*time.Millisecond); time.Now().Before(end); {
		if n := serial(); n != before {
			t.Fatalf("a broken file gives certificate %d", n)
		}
	}
	a.issue("server")
	peers.Eventually(t, "the new certificate", func() bool { return serial() != before })
	d.publish("in/x", 1, 2, "connections there are stay")
	acknowledge(sink.next(t))
	d.expect(4, 2)

	if _, err := tls.Dial("tcp", b.address(), &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is taken")
	}
}

// The name in the certificate is the client's, and no other is taken.
func TestCertificatesNameDevices(t *testing.T) {
	a := newAuthority(t)
	r := newRecorder()
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{Listen: "127.0.0.1:0", ListenTLS: "127.0.0.1:0", TLS: a.server(true), Observer: r.observer(),
		ACL: ACL{Publish: []string{"in/{device}/#"}}}, sink)
	secure := b.doorways[1]
	dial := func(cfg *tls.Config, c connect) (*device, byte, error) {
		conn, err := tls.Dial("tcp", secure.Address(), cfg)
		if err != nil {
			return nil, 0, err
		}
		return tryConnect(t, conn, c)
	}
	bus := a.client("bus-7")
	for _, c := range []struct {
		name string
		c    connect
		code byte
	}{
		{"its own id", connectOf("bus-7"), 0}, {"no id", connectOf(""), 0}, {"its user name", connect{id: "bus-7", user: "bus-7", version: 4}, 0},
		{"another id", connectOf("bus-8"), 2}, {"another user name", connect{id: "bus-7", user: "bus-8", version: 4}, 2},
		{"another id in MQTT 5", connect{id: "bus-8", version: 5}, 0x85},
	} {
		d, code, err := dial(bus, c.c)
		if err != nil || code != c.code {
			t.Errorf("%s: code %#x, %v", c.name, code, err)
			continue
		}
		if code == 0 {
			d.publish("in/bus-7/x", 1, 1, "a")
			acknowledge(sink.next(t))
			d.expect(4, 1)
		}
	}
	d, _, err := dial(bus, connect{version: 5})
	if err != nil || d.connack.Properties.AssignedClientID != "bus-7" {
		t.Errorf("an MQTT 5 client without an id is named %q, %v", d.connack.Properties.AssignedClientID, err)
	}
	if _, _, err := dial(a.client(""), connectOf("bus-7")); err == nil {
		t.Error("no certificate is taken")
	}
	other := newAuthority(t)
	stranger := other.client("bus-7")
	stranger.RootCAs = a.pool
	if _, _, err := dial(stranger, connectOf("bus-7")); err == nil {
		t.Error("another authority's certificate is taken")
	}
	if _, code, err := dial(a.client("a+b"), connectOf("a+b")); err != nil || code != 2 {
		t.Errorf("a name with a + is taken: %#x, %v", code, err)
	}
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	if _, code, err := tryConnect(t, conn, connectOf("bus-7")); err != nil || code != 5 {
		t.Errorf("by plain TCP, where there are no certificates: %d, %v", code, err)
	}
	r.has(t, RefusedIdentity, RefusedHandshake, RefusedCredentials)
}

func TestPahoBySecureWebSocket(t *testing.T) {
	a := newAuthority(t)
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{ListenWS: "127.0.0.1:0", WSByTLS: true, TLS: a.server(true), WebSocket: WebSocketConfig{Path: "/mqtt"}}, sink)
	c := pahoClient(t, b, func(o *paho.ClientOptions) {
		o.Servers = nil
		o.AddBroker(b.Addresses()[0]).SetTLSConfig(a.client("bus-7")).SetClientID("bus-7")
	})
	finished(t, "connect", c.Connect())
	token := c.Publish("in/x", 1, false, make([]byte, 100_000))
	m := sink.next(t)
	acknowledge(m)
	if finished(t, "publish", token); len(m.Payload) != 100_000 {
		t.Errorf("%d bytes came", len(m.Payload))
	}
}
