package pattern

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
)

// ErrCorrupt says that bytes are no state of a key of this pattern.
var ErrCorrupt = errors.New("pattern: corrupt state of a key")

const version = 1

// Encode writes the state of a key, as it is between two calls of Advance, after dst:
//
//	version 1 · the pattern's fingerprint, 8 bytes · the watermark · matches told · index of the first row kept
//	number of attempts, and how far the first row of each is from that of the one before
//	number of rows kept, of rows waiting, and twin of the first row kept
//	each row: how much later than the one before it is, in µs, and its columns
//
// Threads are not written: what an attempt has come to follows from its first row and those after it, so Decode lets the attempts go
// through the rows again. The bytes thus hold nothing of how the matching is done. (Nor what hopeless.go learnt: so at Limits.Threads, and
// only there, a key read may give an attempt up that the one written would have gone on with.)
func (e *Engine) Encode(dst []byte, k *Key) []byte {
	dst = append(dst, version)
	dst = binary.LittleEndian.AppendUint64(dst, e.fingerprint)
	dst = binary.AppendVarint(dst, k.floor)
	dst = binary.AppendUvarint(dst, k.number)
	dst = binary.AppendUvarint(dst, uint64(k.base))
	dst = binary.AppendUvarint(dst, uint64(len(k.attempts)))
	at := k.base
	for _, a := range k.attempts {
		dst = binary.AppendUvarint(dst, uint64(a.first.index-at))
		at = a.first.index
	}
	dst = binary.AppendUvarint(dst, uint64(len(k.rows)))
	dst = binary.AppendUvarint(dst, uint64(len(k.waiting)))
	twin := 0
	if len(k.rows) > 0 {
		twin = k.rows[0].twin
	}
	dst = binary.AppendUvarint(dst, uint64(twin))
	us := int64(0)
	for _, list := range [][]*row{k.rows, k.waiting} {
		for _, r := range list {
			dst = binary.AppendVarint(dst, r.us-us)
			dst = value.AppendRow(dst, r.values)
			us = r.us
		}
	}
	return dst
}

// Decode makes the key of which Encode wrote src; id is as for NewKey.
func (e *Engine) Decode(id, src []byte) (*Key, error) {
	k := e.NewKey(id)
	if len(src) < 9 || src[0] != version || binary.LittleEndian.Uint64(src[1:]) != e.fingerprint {
		return nil, ErrCorrupt
	}
	d := &decoder{src: src[9:]}
	k.floor = d.varint()
	k.number = d.uvarint(math.MaxUint64)
	k.base = int64(d.uvarint(math.MaxInt64 / 2))
	firsts := make([]int64, d.uvarint(uint64(len(d.src))))
	at := k.base
	for i := range firsts {
		at += int64(d.uvarint(uint64(len(src))))
		firsts[i] = at
	}
	kept, waiting := d.uvarint(uint64(len(d.src))), d.uvarint(uint64(len(d.src)))
	twin := int(d.uvarint(math.MaxInt32))
	last := &row{}
	for i := uint64(0); i < kept+waiting && !d.bad; i++ {
		r := e.readRow(d, last.us)
		switch {
		case i > 0 && !d.bad && r.compare(last) < 0:
			d.bad = true
		case i >= kept:
			k.waiting = append(k.waiting, r)
		default:
			k.push(r)
			if i == 0 {
				r.twin = twin
			}
		}
		last = r
	}
	if d.bad || len(d.src) > 0 || !e.each && len(firsts) > 1 {
		return nil, ErrCorrupt
	}
	return k, e.resume(k, firsts)
}

// resume lets attempts go through the rows again.
func (e *Engine) resume(k *Key, firsts []int64) error {
	e.key = k
	defer func() { e.key = nil }()
	k.cursor, k.next = k.end(), k.end()
	for i, first := range firsts {
		if first >= k.end() || i > 0 && first <= firsts[i-1] {
			return ErrCorrupt
		}
		rows := k.rows[first-k.base:]
		a := e.begin(rows[0])
		for _, r := range rows[1:] {
			e.step(a, r)
		}
		if a.decided() {
			return ErrCorrupt
		}
		k.attempts = append(k.attempts, a)
		k.threads += len(a.threads)
		if e.each {
			e.park(k, i)
		} else {
			k.next = first
		}
	}
	return nil
}

func (e *Engine) readRow(d *decoder, before int64) *row {
	r := &row{us: before + d.varint(), values: make([]value.Value, e.columns)}
	if d.bad {
		return r
	}
	rest, err := value.ReadRow(d.src, r.values)
	d.src, d.bad = rest, err != nil
	return r
}

// decoder takes numbers off bytes. Once something is wrong it is bad, and gives zeros.
type decoder struct {
	src []byte
	bad bool
}

func (d *decoder) uvarint(most uint64) uint64 {
	u, n := binary.Uvarint(d.src)
	if d.bad || n <= 0 || u > most {
		d.bad = true
		return 0
	}
	d.src = d.src[n:]
	return u
}

func (d *decoder) varint() int64 {
	i, n := binary.Varint(d.src)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.src = d.src[n:]
	return i
}

// Bytes is about how much memory the key holds: its rows, their texts, and its threads; without what aggregates of DEFINE remember.
func (k *Key) Bytes() int {
	n := 200 + len(k.id) + 8*(cap(k.rows)+cap(k.waiting)) + 96*len(k.attempts) + 80*k.threads
	for _, r := range slices.Concat(k.rows, k.waiting) {
		n += 80 + 32*cap(r.values)
		for _, v := range r.values {
			n += len(v.Str())
		}
	}
	return n
}

// Adopt is Decode for a key that may have been written under another definition of the same pattern, whose conditions have other constants.
// If what was under way then is decided now, it can't: ErrCorrupt.
func (e *Engine) Adopt(id, src []byte) (*Key, error) {
	if len(src) >= 9 && src[0] == version && binary.LittleEndian.Uint64(src[1:]) != e.fingerprint {
		src = append([]byte(nil), src...)
		binary.LittleEndian.PutUint64(src[1:], e.fingerprint)
	}
	return e.Decode(id, src)
}
