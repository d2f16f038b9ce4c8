package state

import "encoding/binary"

// What a pattern keeps in one partition: the state of each key, what turns gave it since, and the newest matches.
const (
	patternKeys    = 0
	patternMatches = 1
	patternLogs    = 2
)

func patternKey(partition, pattern uint32, kind byte) []byte {
	return append(key('k', pattern, partition), kind)
}

func matchKey(partition, pattern uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(patternKey(partition, pattern, patternMatches), number)
}

// PatternKey keeps the state of one key of a pattern; DropPatternKey lets go of it.
func (t *Tx) PatternKey(partition, pattern uint32, k, state []byte) {
	t.set(append(patternKey(partition, pattern, patternKeys), k...), state)
}

// DropPatternKey deletes the state of a key.
func (t *Tx) DropPatternKey(partition, pattern uint32, k []byte) {
	t.delete(append(patternKey(partition, pattern, patternKeys), k...))
}

func logKey(partition, pattern uint32, k []byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(patternKey(partition, pattern, patternLogs), k...), number)
}

// PatternLog keeps what a turn gave a key, since its state was kept whole; DropPatternLog lets go of it. No key may begin with another one.
func (t *Tx) PatternLog(partition, pattern uint32, k []byte, number uint64, entry []byte) {
	t.set(logKey(partition, pattern, k, number), entry)
}

// DropPatternLog deletes an entry.
func (t *Tx) DropPatternLog(partition, pattern uint32, k []byte, number uint64) {
	t.delete(logKey(partition, pattern, k, number))
}

// PatternLogs gives what turns gave keys, key by key, oldest first. f ends it with false.
func (s *Store) PatternLogs(partition, pattern uint32, f func(k []byte, number uint64, entry []byte) (bool, error)) error {
	prefix := patternKey(partition, pattern, patternLogs)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		at := len(k) - 8
		if at < len(prefix) {
			return false, errCorrupt
		}
		return f(k[len(prefix):at], binary.BigEndian.Uint64(k[at:]), v)
	})
}

// PatternMatch keeps a row of a match; DropPatternMatches lets go of those up to a number.
func (t *Tx) PatternMatch(partition, pattern uint32, number uint64, row []byte) {
	t.set(matchKey(partition, pattern, number), row)
}

// DropPatternMatch deletes a row of a match.
func (t *Tx) DropPatternMatch(partition, pattern uint32, number uint64) {
	t.delete(matchKey(partition, pattern, number))
}

// DropPatternMatches deletes rows of matches up to a number.
func (t *Tx) DropPatternMatches(partition, pattern uint32, upTo uint64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(matchKey(partition, pattern, 0), matchKey(partition, pattern, upTo+1), nil)
	}
}

// DropPattern deletes all that a pattern keeps in one partition.
func (t *Tx) DropPattern(partition, pattern uint32) {
	t.drop(key('k', pattern, partition))
	t.drop(key('E', pattern, partition))
}

// PatternKeys gives the state of each key of a pattern in one partition. f ends it with false.
func (s *Store) PatternKeys(partition, pattern uint32, f func(k, state []byte) (bool, error)) error {
	prefix := patternKey(partition, pattern, patternKeys)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return f(k[len(prefix):], v) })
}

// PatternMatches gives the rows of matches kept in one partition from a number on, oldest first. f ends it with false.
func (s *Store) PatternMatches(partition, pattern uint32, from uint64, f func(number uint64, row []byte) (bool, error)) error {
	prefix := patternKey(partition, pattern, patternMatches)
	return s.scan(matchKey(partition, pattern, from), after(prefix), func(k, v []byte) (bool, error) {
		if len(k) != len(prefix)+8 {
			return false, errCorrupt
		}
		return f(binary.BigEndian.Uint64(k[len(prefix):]), v)
	})
}

// LastPatternMatch gives the highest number among them.
func (s *Store) LastPatternMatch(partition, pattern uint32) (uint64, error) {
	return s.lastNumber(patternKey(partition, pattern, patternMatches))
}

// Patterns gives the ids of the patterns that keep anything, in whatever partition.
func (s *Store) Patterns() ([]uint32, error) { return s.ids('k') }
