package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

// Message is one device message as it came in.
type Message struct {
	ArrivalUs int64
	Topic     string
	Payload   []byte
}

// ErrCorrupt says that a journal record is not what a commit writes.
var ErrCorrupt = errors.New("store: corrupt journal record")

// appendRecord writes messages as one journal record:
//
//	for each message: arrival varint, topic length uvarint, topic, payload length uvarint, payload
func appendRecord(dst []byte, messages []Message) []byte {
	for _, m := range messages {
		dst = binary.AppendVarint(dst, m.ArrivalUs)
		dst = binary.AppendUvarint(dst, uint64(len(m.Topic)))
		dst = append(dst, m.Topic...)
		dst = binary.AppendUvarint(dst, uint64(len(m.Payload)))
		dst = append(dst, m.Payload...)
	}
	return dst
}

// recordBytes is how long appendRecord's record is.
func recordBytes(messages []Message) (n int) {
	for _, m := range messages {
		zigzag := uint64(m.ArrivalUs)<<1 ^ uint64(m.ArrivalUs>>63)
		n += varintBytes(zigzag) + varintBytes(uint64(len(m.Topic))) + len(m.Topic) + varintBytes(uint64(len(m.Payload))) + len(m.Payload)
	}
	return n
}

func varintBytes(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// Replay gives the journal's messages in order, whether a message's rows were cut already, and the layer that it was inherited in.
func (s *Store) Replay(f func(m Message, rowsCut bool, layer int)) error {
	v, err := s.get(metaKey("rows"))
	if err != nil {
		return err
	}
	var rows uint64
	if len(v) == 8 {
		rows = binary.BigEndian.Uint64(v)
	}
	return s.scan('j', func(key, record []byte) error {
		seq := binary.BigEndian.Uint64(key)
		for len(record) > 0 {
			var m Message
			var topic, payload []byte
			var n int
			if m.ArrivalUs, n = binary.Varint(record); n <= 0 {
				return fmt.Errorf("journal %d: %w", seq, ErrCorrupt)
			}
			var ok bool
			if topic, record, ok = cutBytes(record[n:]); !ok {
				return fmt.Errorf("journal %d: %w", seq, ErrCorrupt)
			}
			if payload, record, ok = cutBytes(record); !ok {
				return fmt.Errorf("journal %d: %w", seq, ErrCorrupt)
			}
			m.Topic, m.Payload = string(topic), append([]byte(nil), payload...)
			f(m, seq <= rows, s.layerOf(seq))
		}
		return nil
	})
}

func cutBytes(src []byte) (head, rest []byte, ok bool) {
	l, n := binary.Uvarint(src)
	if n <= 0 || l > uint64(len(src)-n) {
		return nil, nil, false
	}
	return src[n : n+int(l)], src[n+int(l):], true
}

// dropJournal removes the records behind one up to another, in b.
func dropJournal(b *pebble.Batch, after, last uint64) error {
	return errors.Join(dropNumbered(b, 'j', after+1, last), b.Set(metaKey("journal"), u64(last), nil))
}

// dropNumbered deletes keys one by one: each range that is deleted makes every later iterator dearer until the memtable is
// flushed, and these are few.
func dropNumbered(b *pebble.Batch, prefix byte, from, to uint64) error {
	var errs []error
	for n := from; n <= to; n++ {
		errs = append(errs, b.Delete(numbered(prefix, n), nil))
	}
	return errors.Join(errs...)
}
