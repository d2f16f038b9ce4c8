package ingest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
)

// promptSink wants topics below "in/" and acknowledges at once, from another goroutine, as the line does.
type promptSink struct {
	acks  chan Message
	taken atomic.Int64
	bytes atomic.Int64
}

func newPromptSink(t testing.TB) *promptSink {
	s := &promptSink{acks: make(chan Message, 1000)}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case m := <-s.acks:
				s.taken.Add(1)
				s.bytes.Add(int64(len(m.Payload)))
				if m.Done != nil {
					m.Done.Acknowledge(m.ID, m.QoS)
				}
			case <-done:
				return
			}
		}
	}()
	return s
}

func (s *promptSink) Wants(topic string) bool { return strings.HasPrefix(topic, "in/") }

func (s *promptSink) Submit(ctx context.Context, m Message) error {
	select {
	case s.acks <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tool finds a program that a test runs; in CI it must be there.
func tool(t *testing.T, name, how string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("no %s on PATH: %s", name, how)
	}
	t.Skipf("no %s on PATH: %s", name, how)
	return ""
}

func conformanceBroker(t *testing.T) (tcp, ws string) {
	b := startBroker(t, BrokerConfig{Listen: "127.0.0.1:0", ListenWS: "127.0.0.1:0", WebSocket: WebSocketConfig{Path: "/mqtt"}}, newPromptSink(t))
	a := b.Addresses()
	return a[0], a[1]
}

// MQTT.js and Paho for browsers.
func TestJavaScriptClients(t *testing.T) {
	node := tool(t, "node", "install Node 20 or newer")
	dir := filepath.Join("testdata", "clients")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "mqtt")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the clients are not installed: make test-go does it, or npm ci in edge/ingest/%s", dir)
		}
		t.Skipf("the clients are not installed: npm ci in edge/ingest/%s", dir)
	}
	tcp, ws := conformanceBroker(t)
	for _, c := range []struct{ library, url, version string }{{"mqttjs", tcp, "4"}, {"mqttjs", tcp, "5"}, {"mqttjs", ws, "4"}, {"mqttjs", ws, "5"}, {"paho", ws, "4"}} {
		t.Run(c.library+" "+c.url[:strings.Index(c.url, ":")]+" "+c.version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, node, "scenario.mjs", c.library, c.url, c.version)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if n := strings.Count(string(out), "ok "); err != nil || n != 5 {
				t.Errorf("%d parts of 5: %v\n%s", n, err, out)
			}
		})
	}
}

// mosquitto's own clients.
func TestMosquittoClients(t *testing.T) {
	pub, sub := tool(t, "mosquitto_pub", "apt-get install mosquitto-clients"), tool(t, "mosquitto_sub", "apt-get install mosquitto-clients")
	tcp, _ := conformanceBroker(t)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(tcp, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	at := []string{"-h", host, "-p", port}
	publish := func(args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), peers.Patience)
		defer cancel()
		if out, err := exec.CommandContext(ctx, pub, append(at, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_pub %v: %v\n%s", args, err, out)
		}
	}
	for _, version := range []string{"mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			say := []string{"-V", version}
			got := listen(t, sub, append(append(say, at...), "-i", "sub-"+version, "-q", "2", "-t", "in/#", "-t", "out/#", "-F", "%t %q %r %p", "-d")...)
			for qos := range 3 {
				for _, room := range []string{"in", "out"} {
					q := fmt.Sprint(qos)
					publish(append(say, "-q", q, "-t", room+"/x", "-m", "m"+q)...)
					got.expect(t, fmt.Sprintf("%s/x %d 0 m%d", room, qos, qos))
				}
			}
			publish(append(say, "-q", "1", "-r", "-t", "out/kept", "-m", "kept")...)
			late := listen(t, sub, append(append(say, at...), "-i", "late-"+version, "-q", "1", "-t", "out/kept", "-F", "%t %q %r %p", "-d")...)
			late.expect(t, "out/kept 1 1 kept")
			publish(append(say, "-q", "1", "-r", "-t", "out/kept", "-n")...)
			dying := listen(t, sub, append(append(say, at...), "-i", "dying-"+version, "-t", "none", "--will-topic", "out/will", "--will-payload", "gone", "--will-qos", "1", "-d")...)
			if err := dying.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			got.expect(t, "out/will 1 0 gone")
			stay := append(append(say, at...), "-i", "stay-"+version, "-c", "-q", "1", "-t", "in/s", "-F", "%t %q %r %p", "-d")
			if version == "mqttv5" {
				stay = append(stay, "-x", "600")
			}
			first := listen(t, sub, stay...)
			if err := first.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			publish(append(say, "-q", "1", "-t", "in/s", "-m", "while away")...)
			listen(t, sub, stay...).expect(t, "in/s 1 0 while away")
		})
	}
}

// listener is a mosquitto_sub that has subscribed.
type listener struct {
	cmd    *exec.Cmd
	lines  chan string
	before []string // seen while waiting for something else
}

func listen(t *testing.T, path string, args ...string) *listener {
	t.Helper()
	l := &listener{cmd: exec.Command("stdbuf", append([]string{"-oL", path}, args...)...), lines: make(chan string, 1000)}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	l.cmd.Stderr = &said
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cmd.Process.Kill(); _ = l.cmd.Wait() })
	go func() {
		for in := bufio.NewScanner(out); in.Scan(); {
			l.lines <- in.Text()
		}
		close(l.lines)
	}()
	l.until(t, func(line string) bool { return strings.HasPrefix(line, "Subscribed") })
	return l
}

func (l *listener) until(t *testing.T, is func(string) bool) {
	t.Helper()
	timeout := time.After(peers.Patience)
	var seen []string
	for {
		select {
		case line, more := <-l.lines:
			if !more {
				t.Fatalf("mosquitto_sub ended: %q", seen)
			}
			if is(line) {
				return
			}
			seen = append(seen, line)
			l.before = append(l.before, line)
		case <-timeout:
			t.Fatalf("it did not come; these did: %q", seen)
		}
	}
}

func (l *listener) expect(t *testing.T, want string) {
	t.Helper()
	if slices.Contains(l.before, want) { // a session's messages come before the SUBACK
		return
	}
	l.until(t, func(line string) bool { return line == want })
}

// Paho for Go: what no other test does with it, Wills and sessions.
func TestPahoGoWillsAndSessions(t *testing.T) {
	tcp, ws := conformanceBroker(t)
	for i, address := range []string{tcp, ws} {
		got := make(chan string, 100)
		client := func(id string, set func(*paho.ClientOptions)) paho.Client {
			o := paho.NewClientOptions().AddBroker(address).SetClientID(fmt.Sprint(id, i)).SetAutoReconnect(false).SetConnectTimeout(peers.Patience)
			o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { got <- fmt.Sprintf("%s %s %d", m.Topic(), m.Payload(), m.Qos()) })
			if set != nil {
				set(o)
			}
			c := paho.NewClient(o)
			finished(t, "connect", c.Connect())
			t.Cleanup(func() { c.Disconnect(0) })
			return c
		}
		watcher := client("watcher", nil)
		finished(t, "subscribe", watcher.Subscribe("out/will", 1, nil))
		conn := make(chan net.Conn, 1)
		client("dying", func(o *paho.ClientOptions) {
			o.SetWill("out/will", "gone", 1, false)
			if address == tcp {
				o.SetCustomOpenConnectionFn(func(uri *url.URL, _ paho.ClientOptions) (net.Conn, error) {
					c, err := net.Dial("tcp", uri.Host)
					conn <- c
					return c, err
				})
			}
		})
		if address == tcp {
			_ = (<-conn).Close()
			if g := next(t, got); g != "out/will gone 1" {
				t.Errorf("%s came", g)
			}
		}
		stays := func() paho.Client { return client("stays", func(o *paho.ClientOptions) { o.SetCleanSession(false) }) }
		c := stays()
		finished(t, "subscribe", c.Subscribe("in/s", 2, nil))
		c.Disconnect(100)
		for qos := byte(1); qos <= 2; qos++ {
			finished(t, "publish", watcher.Publish("in/s", qos, false, fmt.Sprint("m", qos)))
		}
		stays()
		seen := map[string]bool{next(t, got): true, next(t, got): true}
		if !seen["in/s m1 1"] || !seen["in/s m2 2"] {
			t.Errorf("%v came", seen)
		}
	}
}
