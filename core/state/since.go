package state

import "encoding/binary"

// Of events, which are kept by number, the time from which on all are there.

// Since keeps the time, µs, from which on nothing was given up of a pattern's matches or a table's rows.
func (t *Tx) Since(partition, id uint32, us int64) { t.set(key('E', id, partition), u64(uint64(us))) }

// Sinces gives those kept in one partition; of what is not named nothing was given up.
func (s *Store) Sinces(partition uint32, f func(id uint32, us int64)) error {
	return s.scan([]byte{'E'}, []byte{'E' + 1}, func(k, v []byte) (bool, error) {
		if len(k) != 9 || len(v) != 8 {
			return false, errCorrupt
		}
		if number(k[5:]) == partition {
			f(number(k[1:]), int64(binary.BigEndian.Uint64(v)))
		}
		return true, nil
	})
}

// EntriesTo gives a table's rows in one partition up to a number, oldest first. f ends it with false.
func (s *Store) EntriesTo(table byte, partition uint32, upTo uint64, f func(row []byte) (bool, error)) error {
	prefix := append([]byte{'t', table}, u32(partition)...)
	return s.scan(prefix, after(entryKey(table, partition, upTo)), func(_, v []byte) (bool, error) { return f(v) })
}
