package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// The broker under attack is a process of its own, so that its memory and descriptors are its own.

// TestBrokerUnderAttack is that process: no test unless hostileBroker starts it.
func TestBrokerUnderAttack(t *testing.T) {
	files := os.Getenv("HEXPANE_TEST_BROKER_FILES")
	if files == "" {
		t.Skip("TestHostile starts it")
	}
	n, err := strconv.Atoi(files)
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)}); err != nil {
			t.Fatal(err)
		}
	}
	cfg := BrokerConfig{Listen: "127.0.0.1:0", Limits: hostileLimits(), Users: map[string]string{"honest": "h", "evil": "e"},
		ACL: ACL{Publish: []string{"in/{device}/#", "out/{device}/#"}}}
	b, err := NewBroker(cfg, newPromptSink(t), silent())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("serves " + b.address())
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Printf("stats %+v\n", b.Stats())
	promptly(t, "closing the broker", b.Close)
}

// hostileLimits are the defaults, but for what a test from one address would run into, and with the rate that keeps a flood from
// taking all of the processor.
func hostileLimits() Limits {
	return limitsWith(func(l *Limits) { l.SourceConnectRate, l.ConnectRate, l.MessageRate = 0, 0, 1000 })
}

// memoryCap is what these limits come to, for a thousand clients: arriving, retained, queued twice, and 100 KiB for each connection.
const memoryCap = 400 << 20

type attacked struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	in      io.Closer
	lines   *bufio.Scanner
	highest int64 // resident bytes
}

func hostileBroker(t *testing.T, files int) *attacked {
	t.Helper()
	a := &attacked{t: t, cmd: exec.Command(os.Args[0], "-test.run", "^TestBrokerUnderAttack$")}
	a.cmd.Env = append(os.Environ(), "HEXPANE_TEST_BROKER_FILES="+strconv.Itoa(files), "GOTRACEBACK=all")
	var err error
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.cmd.Stderr = os.Stderr
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.cmd.Process.Kill(); _ = a.cmd.Wait() })
	a.lines = bufio.NewScanner(out)
	a.address = a.said("serves ")
	return a
}

func (a *attacked) said(prefix string) string {
	a.t.Helper()
	for a.lines.Scan() {
		if rest, ok := strings.CutPrefix(a.lines.Text(), prefix); ok {
			return rest
		}
	}
	a.t.Fatalf("the broker never said %q", prefix)
	return ""
}

// resident memory now, in bytes.
func (a *attacked) resident() int64 {
	a.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		a.t.Fatalf("the broker is gone: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return kb << 10
}

func (a *attacked) dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", a.address, 5*time.Second)
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0) // what is on its way when an attack is over goes with it
		a.t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func (a *attacked) connect(c connect) (*device, error) {
	conn, err := a.dial()
	if err != nil {
		return nil, err
	}
	d, code, err := tryConnect(a.t, conn, c)
	if err == nil && code != 0 {
		err = fmt.Errorf("refused with %#x", code)
	}
	return d, err
}

// honest publishes at QoS 1, each message when the one before is acknowledged, until stop is closed.
func (a *attacked) honest(id string, stop chan struct{}) (waits []time.Duration, err error) {
	d, err := a.connect(connect{id: id, user: "honest", password: "h", version: 4})
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		select {
		case <-stop:
			return waits, nil
		default:
		}
		start, packetID := time.Now(), n%60_000+1
		pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: "in/honest/x", PacketID: uint16(packetID), Payload: []byte(`{"v":1}`)}
		if err := d.trySend(pk); err != nil {
			return waits, fmt.Errorf("message %d: %w", n, err)
		}
		ack, err := d.tryRead()
		if err != nil || ack.FixedHeader.Type != packets.Puback || ack.PacketID != uint16(packetID) {
			return waits, fmt.Errorf("message %d is answered with type %d of id %d, %v", n, ack.FixedHeader.Type, ack.PacketID, err)
		}
		waits = append(waits, time.Since(start))
		time.Sleep(time.Millisecond) // a device's pace
	}
}

// under runs one attack while an honest device publishes, and checks that all it published was acknowledged, that the memory is
// bounded, and that an honest device can connect in the end.
func (a *attacked) under(t *testing.T, name string, attack func(t *testing.T) string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		before := a.t
		a.t = t
		defer func() { a.t = before }()
		stop, done := make(chan struct{}), make(chan error, 1)
		var waits []time.Duration
		go func() {
			var err error
			waits, err = a.honest("honest", stop)
			done <- err
		}()
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					a.highest = max(a.highest, a.resident())
				}
			}
		}()
		a.highest = 0
		tried := attack(t)
		time.Sleep(300 * time.Millisecond) // of honest messages after it, at least
		close(stop)
		<-watched
		if err := <-done; err != nil {
			t.Errorf("the honest device: %v", err)
		}
		if d, err := a.connect(connect{id: "after", user: "honest", password: "h", version: 4}); err != nil {
			t.Errorf("an honest device does not get in afterwards: %v", err)
		} else {
			_ = d.conn.Close()
		}
		most := int64(memoryCap)
		if raced {
			most *= 4
		}
		if a.highest > most {
			t.Errorf("%d MB are resident, of %d", a.highest>>20, most>>20)
		}
		slices.Sort(waits)
		if len(waits) == 0 {
			t.Fatal("the honest device published nothing")
		}
		t.Logf("soak: hostile %s: %s; honest QoS 1 %d acked, lost 0, p50 %.1f ms, p99 %.1f ms, max %.1f ms; resident at most %d MB (race=%v)", name, tried,
			len(waits), ms(waits[len(waits)/2]), ms(waits[len(waits)*99/100]), ms(waits[len(waits)-1]), a.highest>>20, raced)
	})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// scale is how much of an attack: in full under HEXPANE_SOAK=1.
func scale(reduced, full int) int {
	if os.Getenv("HEXPANE_SOAK") == "1" {
		return full
	}
	return reduced
}

func TestHostile(t *testing.T) {
	a := hostileBroker(t, 0)
	a.under(t, "silent sockets", func(t *testing.T) string {
		n := scale(300, 5000)
		for range n {
			if _, err := a.dial(); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprint(n, " sockets")
	})
	a.under(t, "large headers", func(t *testing.T) string {
		n := scale(100, 2000)
		for i := range n {
			conn, err := a.dial()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = conn.Write([]byte{packets.Connect << 4, 0xff, 0xff, 0xff, 0x7f})
			if d, err := a.connect(connect{id: fmt.Sprint("e", i), user: "evil", password: "e", version: 4}); err != nil {
				t.Error(err)
			} else if i%2 == 0 {
				_, _ = d.conn.Write([]byte{packets.Publish << 4, 0xff, 0xff, 0xff, 0x7f}) // 256 MB
			} else {
				_, _ = d.conn.Write(append([]byte{packets.Publish << 4, 0xf0, 0xff, 0x3f}, make([]byte, 60_000)...)) // 60 KB of 1 MB
			}
		}
		return fmt.Sprint(n, " of 256 MB before CONNECT, ", n, " after it")
	})
	a.under(t, "deaf subscribers", func(t *testing.T) string { return a.deafSubscribers(scale(30, 300), scale(1, 20)) })
	a.under(t, "deaf publishers", func(t *testing.T) string { return a.deafPublishers(scale(5, 50), scale(1, 20)) })
	a.under(t, "alias and Will injection", func(t *testing.T) string { return a.injections(t, scale(100, 5000)) })
	a.under(t, "mutated packets", func(t *testing.T) string { return a.mutations(t, scale(1500, 200_000)) })
	if err := a.in.Close(); err != nil {
		t.Fatal(err)
	}
	a.said("stats ")
	if err := a.cmd.Wait(); err != nil {
		t.Errorf("the broker ended with %v", err)
	}
}

// With few descriptors, connections can't take the last ones, nor the listener's life.
func TestHostileExhaustedDescriptors(t *testing.T) {
	a := hostileBroker(t, 160)
	a.under(t, "exhausted descriptors", func(t *testing.T) string {
		n := scale(400, 5000)
		for range n {
			_, _ = a.dial()
		}
		for i := range 20 { // and some that log in and stay
			_, _ = a.connect(connect{id: fmt.Sprint("e", i), user: "evil", password: "e", version: 4})
		}
		return fmt.Sprint(n, " sockets at 160 descriptors")
	})
}

// deafSubscribers subscribe to everything and never read, while others publish as fast as goes.
func (a *attacked) deafSubscribers(n, seconds int) string {
	for i := range n {
		if d, err := a.connect(connect{id: fmt.Sprint("deaf", i), user: "evil", password: "e", version: 5}); err == nil {
			_ = d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 1, Filters: packets.Subscriptions{{Filter: "#", Qos: byte(i % 3)}}})
		}
	}
	var sent atomic.Int64
	a.publishers(4, seconds, func(d *device, i int) error {
		sent.Add(1)
		return d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: "out/evil/x", Payload: make([]byte, 10_000)})
	})
	return fmt.Sprintf("%d subscribers, %d messages of 10 KB", n, sent.Load())
}

// deafPublishers publish at QoS 1 and never read an acknowledgement.
func (a *attacked) deafPublishers(n, seconds int) string {
	var sent atomic.Int64
	a.publishers(n, seconds, func(d *device, i int) error {
		sent.Add(1)
		return d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: "in/evil/x", PacketID: uint16(i%60_000 + 1), Payload: []byte("x")})
	})
	return fmt.Sprintf("%d publishers, %d messages", n, sent.Load())
}

func (a *attacked) publishers(n, seconds int, send func(d *device, i int) error) {
	var all sync.WaitGroup
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for k := range n {
		all.Go(func() {
			d, err := a.connect(connect{id: fmt.Sprint("pub", k), user: "evil", password: "e", version: 4})
			for i := 0; err == nil && time.Now().Before(end); i++ {
				err = send(d, i)
			}
		})
	}
	all.Wait()
}

// injections try to reach a topic that is not theirs; a watcher sees that none does.
func (a *attacked) injections(t *testing.T, n int) string {
	watcher, err := a.connect(connect{id: "watcher", user: "honest", password: "h", version: 4})
	if err != nil {
		t.Fatal(err)
	}
	codes(t, watcher.subscribe("out/honest/#"), 1)
	for i := range n {
		id := fmt.Sprint("inject", i)
		if i%2 == 0 {
			if _, err := a.connect(connect{id: id, user: "evil", password: "e", version: byte(4 + i/2%2), will: "out/honest/x", retain: true}); err == nil {
				t.Error("a Will on another's topic is taken")
			}
			continue
		}
		d, err := a.connect(connect{id: id, user: "evil", password: "e", version: 5})
		if err != nil {
			t.Fatal(err)
		}
		for qos := range byte(3) {
			for _, topic := range []string{"out/honest/x", ""} {
				pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos, Retain: true}, TopicName: topic, Payload: []byte("evil"),
					Properties: packets.Properties{TopicAlias: uint16(1 + i%16), TopicAliasFlag: true}}
				if qos > 0 {
					pk.PacketID = 1 + uint16(qos)
				}
				_ = d.trySend(pk)
			}
		}
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
		for pk := d.read(); pk.FixedHeader.Type != packets.Pingresp; pk = d.read() {
			if pk.ReasonCode < 0x80 {
				t.Errorf("an injected message is answered with type %d, reason %#x", pk.FixedHeader.Type, pk.ReasonCode)
			}
		}
		_ = d.conn.Close()
	}
	watcher.expectNothing()
	return fmt.Sprint(n, " clients")
}

// mutations are valid packets with some bytes changed, cut or doubled, in seeded order.
func (a *attacked) mutations(t *testing.T, n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < n; {
		version := byte(4 + r.IntN(2))
		d, err := a.connect(connect{id: fmt.Sprint("fuzz", r.IntN(20)), user: "evil", password: "e", version: version, keep: r.IntN(4) == 0})
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(20) {
			b := mutate(r, validPacket(r, version))
			i++
			if _, err := d.conn.Write(b); err != nil {
				break
			}
		}
		_ = d.conn.Close()
		if r.IntN(4) == 0 { // and as the first packet
			if conn, err := a.dial(); err == nil {
				_, _ = conn.Write(mutate(r, validPacket(r, version)))
				_ = conn.Close()
			}
		}
	}
	return fmt.Sprint(n, " packets, seed 1")
}

func validPacket(r *rand.Rand, version byte) []byte {
	b, id := new(bytes.Buffer), uint16(1+r.IntN(5))
	topic := []string{"in/evil/x", "out/evil/y", "$SYS/x", "in/honest/x", ""}[r.IntN(5)]
	pk := packets.Packet{ProtocolVersion: version, PacketID: id, TopicName: topic, Payload: make([]byte, r.IntN(200)), FixedHeader: packets.FixedHeader{Qos: byte(r.IntN(3)), Retain: r.IntN(3) == 0}}
	if r.IntN(2) == 0 {
		pk.Properties = packets.Properties{TopicAlias: uint16(r.IntN(20)), TopicAliasFlag: true, User: []packets.UserProperty{{Key: "k", Val: "v"}}}
	}
	pk.Filters = packets.Subscriptions{{Filter: "out/+/#", Qos: 1}, {Filter: "$share/g/" + topic, Qos: 2}}
	encode := []func(*packets.Packet, *bytes.Buffer) error{(*packets.Packet).PublishEncode, (*packets.Packet).PublishEncode, (*packets.Packet).PublishEncode, (*packets.Packet).SubscribeEncode, (*packets.Packet).UnsubscribeEncode, (*packets.Packet).PubackEncode, (*packets.Packet).PubrecEncode, (*packets.Packet).PubrelEncode,
		(*packets.Packet).PubcompEncode, (*packets.Packet).PingreqEncode, (*packets.Packet).DisconnectEncode, (*packets.Packet).AuthEncode, (*packets.Packet).ConnectEncode}
	types := []byte{3, 3, 3, 8, 10, 4, 5, 6, 7, 12, 14, 15, 1}
	k := r.IntN(len(encode))
	pk.FixedHeader.Type = types[k]
	if types[k] == 8 || types[k] == 10 || types[k] == 6 {
		pk.FixedHeader.Qos = 1
	}
	pk.Connect = packets.ConnectParams{ProtocolName: []byte("MQTT"), ClientIdentifier: "fuzz", Keepalive: 10}
	_ = encode[k](&pk, b) // what does not encode is mutated from nothing
	return b.Bytes()
}

func mutate(r *rand.Rand, b []byte) []byte {
	b = append([]byte(nil), b...)
	for range r.IntN(4) {
		if len(b) == 0 {
			return []byte{byte(r.Uint32())}
		}
		at := r.IntN(len(b))
		switch r.IntN(4) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b = b[:at]
		case 2:
			b = append(b[:at:at], append([]byte{byte(r.Uint32())}, b[at:]...)...)
		case 3: // the length says what the bytes do not
			b[min(1, len(b)-1)] = byte(len(b) - 2)
		}
	}
	return b
}
