package state

import "encoding/binary"

// Fences, devices at them, and what was told of them.

func fenceKey(id string) []byte { return append([]byte{'F', 1}, id...) }

func deviceKey(partition, stream uint32, device string) []byte {
	return append(key('n', stream, partition), device...)
}

func eventKey(partition, stream uint32, id string) []byte {
	return append(key('y', stream, partition), id...)
}

// Fence keeps a fence; DropFence deletes one. FenceVersion keeps the last version that any fence got.
func (t *Tx) Fence(id string, version uint64, feature []byte) {
	t.set(fenceKey(id), append(u64(version), feature...))
}

// DropFence deletes a fence.
func (t *Tx) DropFence(id string) { t.delete(fenceKey(id)) }

// FenceVersion keeps the last version given.
func (t *Tx) FenceVersion(version uint64) { t.set([]byte{'F', 0}, u64(version)) }

// Fences gives the last version given, and calls f with each fence, in the order of their ids.
func (s *Store) Fences(f func(id string, version uint64, feature []byte) error) (last uint64, err error) {
	v, err := s.get([]byte{'F', 0})
	if err != nil {
		return 0, err
	}
	if len(v) == 8 {
		last = binary.BigEndian.Uint64(v)
	}
	prefix := fenceKey("")
	return last, s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(v) < 8 {
			return false, errCorrupt
		}
		return true, f(string(k[len(prefix):]), binary.BigEndian.Uint64(v), v[8:])
	})
}

// Device keeps what a device does at fences; nil forgets it.
func (t *Tx) Device(partition, stream uint32, device string, state []byte) {
	t.keep(deviceKey(partition, stream, device), state)
}

// Devices gives what is kept of devices at fences.
func (s *Store) Devices(partition, stream uint32, f func(device string, state []byte) error) error {
	prefix := deviceKey(partition, stream, "")
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return true, f(string(k[len(prefix):]), v) })
}

func movesKey(partition, stream uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(key('q', stream, partition), number)
}

// Moves keeps positions of devices since their states were written; nil lets go of them.
func (t *Tx) Moves(partition, stream uint32, number uint64, entry []byte) {
	t.keep(movesKey(partition, stream, number), entry)
}

// Moves gives them, in the order of their numbers.
func (s *Store) Moves(partition, stream uint32, f func(number uint64, entry []byte) error) error {
	prefix := key('q', stream, partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(k) != len(prefix)+8 {
			return false, errCorrupt
		}
		return true, f(binary.BigEndian.Uint64(k[len(prefix):]), v)
	})
}

// FenceEvent keeps an event that may still change; nil lets go of it.
func (t *Tx) FenceEvent(partition, stream uint32, id string, event []byte) {
	t.keep(eventKey(partition, stream, id), event)
}

// FenceEvents gives the events that may still change.
func (s *Store) FenceEvents(partition, stream uint32, f func(id string, event []byte) error) error {
	prefix := eventKey(partition, stream, "")
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return true, f(string(k[len(prefix):]), v) })
}

// DropEntry deletes one row of a table.
func (t *Tx) DropEntry(table byte, partition uint32, number uint64) {
	t.delete(entryKey(table, partition, number))
}
