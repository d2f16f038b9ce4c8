package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Notices wait for a channel in the order of the clock. A channel's name has no zero byte. One that a silence holds back stands under its alert
// instead: where in the queue it was, then the notice.

func noticeKey(channel string) []byte { return append(append([]byte{'N'}, channel...), 0) }

func heldKey(channel, alert string) []byte {
	return append(append(append([]byte{'O'}, channel...), 0), alert...)
}

const noticeTail = 8 + 4 + 4 // clock, partition, number

// Notice puts a notice into a channel's queue. us is clock time, and above that of all earlier turns of the partition; number tells apart what one turn puts there.
func (t *Tx) Notice(channel string, us int64, partition, number uint32, notice []byte) {
	k := appendTime(noticeKey(channel), us)
	t.set(append(append(k, u32(partition)...), u32(number)...), notice)
	if t.noticed == nil {
		t.noticed = map[uint32]int64{}
	}
	t.noticed[partition] = max(t.noticed[partition], us)
}

// Notices gives the oldest of a channel. As with effects, only those of finished commits are given: a power cut takes none of them back.
func (s *Store) Notices(channel string, limit int, f func(key, notice []byte) error) error {
	prefix := noticeKey(channel)
	n := 0
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(k) != len(prefix)+noticeTail {
			return false, errCorrupt
		}
		us, partition := readTime(k[len(prefix):]), binary.BigEndian.Uint32(k[len(prefix)+8:])
		s.mu.Lock()
		durable := us <= s.noticed[partition]
		s.mu.Unlock()
		if !durable {
			return true, nil
		}
		if n++; n > limit {
			return false, nil
		}
		return true, f(k, v)
	})
}

// LastNotice gives the latest clock time of a partition's notices of finished commits, as far as the store knows; 0 if it knows none.
func (s *Store) LastNotice(partition uint32) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noticed[partition]
}

// loadNoticed finds the last notice of each partition, waiting or held back: what is there when the database is opened is durable.
func (s *Store) loadNoticed() error {
	note := func(tail []byte) (bool, error) {
		partition := binary.BigEndian.Uint32(tail[8:])
		s.noticed[partition] = max(s.noticed[partition], readTime(tail))
		return true, nil
	}
	return errors.Join(s.scan([]byte{'N'}, []byte{'N' + 1}, func(k, _ []byte) (bool, error) {
		if len(k) < 2+noticeTail {
			return false, errCorrupt
		}
		return note(k[len(k)-noticeTail:])
	}), s.scan([]byte{'O'}, []byte{'O' + 1}, func(_, v []byte) (bool, error) {
		if len(v) < noticeTail {
			return false, errCorrupt
		}
		return note(v)
	}))
}

// CountNotices counts those of a channel.
func (s *Store) CountNotices(channel string) (n int, err error) {
	err = s.Notices(channel, 1<<62, func([]byte, []byte) error { n++; return nil })
	return n, err
}

// NoticeChannels gives the channels for which anything waits or is held back.
func (s *Store) NoticeChannels() (names []string, err error) {
	for _, first := range []byte{'N', 'O'} {
		for from := []byte{first}; ; {
			name := ""
			err = errors.Join(err, s.scan(from, []byte{first + 1}, func(k, _ []byte) (bool, error) {
				for i, b := range k {
					if b == 0 {
						name = string(k[1:i])
						return false, nil
					}
				}
				return false, errCorrupt
			}))
			if err != nil {
				return nil, err
			}
			if name == "" {
				break
			}
			names, from = append(names, name), after(append(append([]byte{first}, name...), 0))
		}
	}
	return names, nil
}

// DropNotices deletes some by their keys. It is synced, since people see what is sent twice.
func (s *Store) DropNotices(keys [][]byte) error {
	return s.write("drop notices", pebble.Sync, func(b *pebble.Batch) (err error) {
		for _, k := range keys {
			err = errors.Join(err, b.Delete(k, nil))
		}
		return err
	})
}

// DropChannel deletes all that waits for a channel or is held back, and gives how much that was.
func (s *Store) DropChannel(channel string) (n int, err error) {
	err = s.write("drop channel", pebble.Sync, func(b *pebble.Batch) (err error) {
		for _, prefix := range [][]byte{noticeKey(channel), heldKey(channel, "")} {
			err = errors.Join(err, s.scan(prefix, after(prefix), func(k, _ []byte) (bool, error) { n++; return true, b.Delete(k, nil) }))
		}
		return err
	})
	return n, err
}

// HoldNotice takes a notice out of a channel's queue and holds it back under its alert, in place of what was held of that.
func (s *Store) HoldNotice(channel string, key []byte, alert string, notice []byte) error {
	return s.write("hold a notice", pebble.Sync, func(b *pebble.Batch) error {
		return errors.Join(b.Delete(key, nil), b.Set(heldKey(channel, alert), append(key[len(key)-noticeTail:len(key):len(key)], notice...), nil))
	})
}

// Held gives what is held back of a channel.
func (s *Store) Held(channel string, f func(alert string, notice []byte) error) error {
	prefix := heldKey(channel, "")
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(v) < noticeTail {
			return false, errCorrupt
		}
		return true, f(string(k[len(prefix):]), v[noticeTail:])
	})
}

// ReleaseNotice puts what is held back of an alert into the queue again, where it was, with these bytes; nil: it is forgotten.
func (s *Store) ReleaseNotice(channel, alert string, notice []byte) error {
	held, err := s.get(heldKey(channel, alert))
	if err != nil || len(held) < noticeTail {
		return err
	}
	return s.write("release a notice", pebble.Sync, func(b *pebble.Batch) error {
		err := b.Delete(heldKey(channel, alert), nil)
		if notice != nil {
			err = errors.Join(err, b.Set(append(noticeKey(channel), held[:noticeTail]...), notice, nil))
		}
		return err
	})
}

// Silence keeps a silence; nil ends it.
func (s *Store) Silence(id string, silence []byte) error {
	return s.write("keep a silence", pebble.Sync, func(b *pebble.Batch) error {
		if k := append([]byte{'S'}, id...); silence != nil {
			return b.Set(k, silence, nil)
		} else {
			return b.Delete(k, nil)
		}
	})
}

// Silences gives each silence.
func (s *Store) Silences(f func(id string, silence []byte) error) error {
	return s.scan([]byte{'S'}, []byte{'S' + 1}, func(k, v []byte) (bool, error) { return true, f(string(k[1:]), v) })
}

func (s *Store) write(what string, sync *pebble.WriteOptions, f func(b *pebble.Batch) error) error {
	b := s.db.NewBatch()
	defer b.Close()
	err := f(b)
	if err == nil {
		err = b.Commit(sync)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
