package state

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// What alerts keep of a key in one partition.

func alertKey(partition, alert uint32, k string) []byte {
	return append(key('A', alert, partition), k...)
}

// AlertKey keeps what an alert knows of a key; nil lets go of it.
func (t *Tx) AlertKey(partition, alert uint32, k string, state []byte) {
	t.keep(alertKey(partition, alert, k), state)
}

// DropAlert deletes all that an alert keeps in one partition.
func (t *Tx) DropAlert(partition, alert uint32) {
	t.drop(key('A', alert, partition))
	t.drop(key('z', alert, partition))
}

func scoreKey(partition, alert uint32, score, part byte, k string) []byte {
	return append(append(key('z', alert, partition), score, part), k...)
}

// ScoreKey keeps a part of what a score knows of a key; nil lets go of it.
func (t *Tx) ScoreKey(partition, alert uint32, score, part byte, k string, state []byte) {
	t.keep(scoreKey(partition, alert, score, part, k), state)
}

// ScoreKeys gives what the scores of an alert keep in one partition.
func (s *Store) ScoreKeys(partition, alert uint32, f func(score, part byte, k string, state []byte) error) error {
	prefix := key('z', alert, partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(k) < len(prefix)+2 {
			return false, errCorrupt
		}
		return true, f(k[len(prefix)], k[len(prefix)+1], string(k[len(prefix)+2:]), v)
	})
}

// AlertKeys gives what is kept of an alert in one partition.
func (s *Store) AlertKeys(partition, alert uint32, f func(k string, state []byte) error) error {
	prefix := alertKey(partition, alert, "")
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return true, f(string(k[len(prefix):]), v) })
}

// Alerts gives the ids of the alerts that keep anything, in whatever partition.
func (s *Store) Alerts() ([]uint32, error) {
	known, err := s.ids('A')
	scored, e := s.ids('z')
	for _, id := range scored {
		if !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return known, errors.Join(err, e)
}

// ids gives the different numbers that stand first in the keys of a prefix.
func (s *Store) ids(prefix byte) (ids []uint32, err error) {
	for from := uint32(0); ; {
		found := false
		err := s.scan(key(prefix, from), []byte{prefix + 1}, func(k, _ []byte) (bool, error) {
			if len(k) < 5 {
				return false, errCorrupt
			}
			found = true
			ids = append(ids, binary.BigEndian.Uint32(k[1:]))
			return false, nil
		})
		if err != nil || !found || ids[len(ids)-1] == math.MaxUint32 {
			return ids, err
		}
		from = ids[len(ids)-1] + 1
	}
}
