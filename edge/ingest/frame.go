package ingest

import (
	"errors"

	"github.com/mochi-mqtt/server/v2/packets"
)

// frames follows the packets in the bytes of one client, before mochi sets memory aside for what a header announces.
type frames struct {
	left int // bytes to come of the packet begun
	most int // largest packet, header included
}

// bigPacket: larger ones are handed on when all of them is there. What is set aside for smaller ones is little.
const bigPacket = 4 << 10

const (
	maxHeader = 5                 // type and flags, length
	maxPeek   = maxHeader + 2 + 4 // and of a PUBLISH the length and beginning of its topic
	sysTopic  = "$SYS"
)

var (
	errPartial   = errors.New("the next packet's beginning is not all there")
	errLarge     = errors.New("the next packet is large, and not all there")
	errMalformed = errors.New("not MQTT")
	errTooLarge  = errors.New("packet too large")
	errReserved  = errors.New("the topic is the broker's own")
)

// header reads the beginning of a packet: its type, how long that is, and how long the rest.
func header(b []byte) (kind byte, size, length int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, errPartial
	}
	for i := 1; i < maxHeader; i++ {
		if i >= len(b) {
			return 0, 0, 0, errPartial
		}
		length |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			return b[0] >> 4, i + 1, length, nil
		}
	}
	return 0, 0, 0, errMalformed
}

// scan gives how much of b may be handed on, and how many PUBLISH packets begin in it. Unless that is all of b, err says why:
// errPartial, wait for more; errLarge, gather the packet that begins there, of size bytes; else the client is to go.
func (f *frames) scan(b []byte) (pass, published, size int, err error) {
	pass = min(f.left, len(b))
	f.left -= pass
	for pass < len(b) {
		kind, head, length, err := header(b[pass:])
		if err != nil {
			return pass, published, 0, err
		}
		size = head + length
		there := len(b) - pass
		switch {
		case size > f.most:
			return pass, published, size, errTooLarge
		case kind == packets.Publish && there < size && there < head+2+len(sysTopic):
			return pass, published, size, errPartial
		case kind == packets.Publish && length >= 2+len(sysTopic) && b[pass+head+2] == '$' && hasFold(string(b[pass+head+2:pass+head+2+len(sysTopic)]), sysTopic):
			return pass, published, size, errReserved
		case size > bigPacket && there < size:
			return pass, published, size, errLarge
		}
		if kind == packets.Publish {
			published++
		}
		part := min(size, there)
		pass += part
		f.left = size - part
	}
	return pass, published, 0, nil
}
