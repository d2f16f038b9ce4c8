package ingest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// script is a connection that gives its bytes in pieces, and then ends.
type script struct {
	net.Conn
	pieces [][]byte
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (*script) Close() error                    { return nil }
func (*script) SetReadDeadline(time.Time) error { return nil }
func (*script) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func scriptedGuest(l Limits, stream []byte, cut *rand.Rand) (*guest, *gate) {
	gate := newGate(&l, newRefusals(silent(), Observer{}))
	c := &script{}
	for len(stream) > 0 {
		n := 1 + cut.IntN(min(len(stream), 1+cut.IntN(6000)))
		c.pieces, stream = append(c.pieces, stream[:n]), stream[n:]
	}
	s := newSocket(c, gate)
	return newGuest(c, s, nil), gate
}

// frame is a packet of a kind with a body of so many bytes.
func frame(kind byte, body []byte) []byte {
	b := []byte{kind << 4}
	for n := len(body); ; {
		digit := byte(n % 128)
		if n /= 128; n > 0 {
			digit |= 0x80
		}
		if b = append(b, digit); n == 0 {
			return append(b, body...)
		}
	}
}

// Whatever packets a client sends, and however the network cuts them, mochi gets the same bytes, and never the beginning of a large
// packet before its end is there.
func TestGuestsBytesComeThrough(t *testing.T) {
	synctest.Test(t, bytesComeThrough) // busy connections are read at ticks
}

func bytesComeThrough(t *testing.T) {
	l := defaultLimits()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var stream []byte
		ends := map[int]int{} // where a large packet begins → ends
		for range 1 + r.IntN(30) {
			body := make([]byte, []int{0, 1, 5, 6, 100, 2000, bigPacket - 3, bigPacket, 20_000, 70_000}[r.IntN(10)])
			for i := range body {
				body[i] = byte(r.Uint32())
			}
			if len(body) > 2 {
				body[2] = 'x'
			}
			pk := frame([]byte{packets.Publish, packets.Subscribe, packets.Pingreq}[r.IntN(3)], body)
			if len(pk) > bigPacket {
				ends[len(stream)] = len(stream) + len(pk)
			}
			stream = append(stream, pk...)
		}
		g, gate := scriptedGuest(l, stream, r)
		c := g.Conn.(*script)
		var got []byte
		for {
			p := make([]byte, []int{1, 3, 11, 12, 2048, 4096}[r.IntN(6)])
			n, err := g.Read(p)
			got = append(got, p[:n]...)
			read := len(stream)
			for _, piece := range c.pieces {
				read -= len(piece)
			}
			for begin, end := range ends {
				if len(got) > begin && read < end {
					t.Fatalf("seed %d: a large packet at %d to %d was handed on at %d, when %d were read", seed, begin, end, len(got), read)
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				break
			}
		}
		if !bytes.Equal(got, stream) {
			t.Fatalf("seed %d: %d bytes came through, of %d", seed, len(got), len(stream))
		}
		if n := gate.arriving.Load(); n != 0 {
			t.Errorf("seed %d: %d bytes are still set aside", seed, n)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		b            []byte
		size, length int
		err          error
	}{
		{[]byte{0x30, 0}, 2, 0, nil}, {[]byte{0x30, 0x7f}, 2, 127, nil}, {[]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, 5, 268_435_455, nil},
		{[]byte{0x30, 0x80, 0x01}, 3, 128, nil}, {nil, 0, 0, errPartial}, {[]byte{0x30}, 0, 0, errPartial}, {[]byte{0x30, 0x80, 0x80, 0x80}, 0, 0, errPartial},
		{[]byte{0x30, 0x80, 0x80, 0x80, 0x80}, 0, 0, errMalformed},
	} {
		if _, size, length, err := header(c.b); size != c.size || length != c.length || err != c.err {
			t.Errorf("% x: %d, %d, %v", c.b, size, length, err)
		}
	}
}

// What scan hands on is never more than there is, and never goes back; the same bytes in two pieces come to the same.
func FuzzScan(f *testing.F) {
	f.Add(append(frame(packets.Publish, []byte("\x00\x04in/xhello")), frame(packets.Pingreq, nil)...), 3)
	f.Add(frame(packets.Publish, []byte("\x00\x08$SYS/abchello")), 4)
	f.Add(frame(packets.Publish, make([]byte, 5000)), 2)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 1<<16 {
			return
		}
		whole := frames{most: 1 << 20}
		pass, published, _, err := whole.scan(b)
		if pass < 0 || pass > len(b) || (pass == len(b)) != (err == nil) && err != errPartial {
			t.Fatalf("%d of %d, %v", pass, len(b), err)
		}
		if cut < 0 || cut > len(b) {
			return
		}
		two := frames{most: 1 << 20}
		first, n1, _, err1 := two.scan(b[:cut])
		if err1 != nil && err1 != errPartial && err1 != errLarge {
			if err1 != err {
				t.Fatalf("cut at %d: %v, whole: %v", cut, err1, err)
			}
			return
		}
		rest, n2, _, err2 := two.scan(b[first:])
		if first+rest != pass || n1+n2 != published || err2 != err {
			t.Fatalf("cut at %d: %d+%d bytes, %d+%d published, %v; whole: %d, %d, %v", cut, first, rest, n1, n2, err2, pass, published, err)
		}
	})
}
