package state

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Notices wait for a channel in the order of the clock. A channel's name has no zero byte.

func noticeKey(channel string) []byte { return append(append([]byte{'N'}, channel...), 0) }

// Notice puts a notice into a channel's queue; us is clock time, and number tells apart what a partition puts there at one time.
func (t *Tx) Notice(channel string, us int64, partition, number uint32, notice []byte) {
	k := appendTime(noticeKey(channel), us)
	t.set(append(append(k, u32(partition)...), u32(number)...), notice)
}

// Notices gives the oldest of a channel.
func (s *Store) Notices(channel string, limit int, f func(key, notice []byte) error) error {
	prefix := noticeKey(channel)
	n := 0
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if n++; n > limit {
			return false, nil
		}
		return true, f(k, v)
	})
}

// CountNotices counts those of a channel.
func (s *Store) CountNotices(channel string) (n int, err error) {
	err = s.Notices(channel, 1<<62, func([]byte, []byte) error { n++; return nil })
	return n, err
}

// NoticeChannels gives the channels in whose queues anything waits.
func (s *Store) NoticeChannels() (names []string, err error) {
	for from := []byte{'N'}; ; {
		name := ""
		err = s.scan(from, []byte{'N' + 1}, func(k, _ []byte) (bool, error) {
			const tail = 1 + 8 + 4 + 4
			if len(k) < 1+tail {
				return false, errCorrupt
			}
			name = string(k[1 : len(k)-tail])
			return false, nil
		})
		if err != nil || name == "" {
			return names, err
		}
		names, from = append(names, name), after(noticeKey(name))
	}
}

// DropNotices deletes some by their keys. It is not synced: what a crash brings back is sent once more, with the same id.
func (s *Store) DropNotices(_ string, keys [][]byte) error {
	b := s.db.NewBatch()
	defer b.Close()
	for _, k := range keys {
		if err := b.Delete(k, nil); err != nil {
			return fmt.Errorf("drop notices: %w", err)
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("drop notices: %w", err)
	}
	return nil
}

// NoticeID names a notice by its key: the same whenever it is read.
func NoticeID(partition, number uint32, us int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(us))
	return fmt.Sprintf("%x-%d-%d", b, partition, number)
}
