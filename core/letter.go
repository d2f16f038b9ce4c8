package core

import (
	"encoding/binary"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// A letter is what one partition's turn gives another one (or itself): what rows that it made add to views over them. It lies in the store with
// the commit that made the rows, and the commit that takes it in deletes it, so each counts once whenever the core is killed. Entries are
// appended one behind the other, behind the version of the plan that the sender had:
//
//	'd' view, pane, readings, group key, states       a delta: rows of a join, which never change
//	'u' view, pane, group key, row, states            what a row of a view gives now; no states: nothing any more
//	'r' route, event time, row                        a row made here of which patterns make matches
//	'w' source, watermark                             no more is expected from this sender before it
type letter []byte

func newLetter(version uint64) letter { return binary.AppendUvarint(nil, version) }

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func (l letter) delta(view uint32, pane int64, readings uint64, key, states []byte) letter {
	l = binary.AppendVarint(binary.AppendUvarint(append(l, 'd'), uint64(view)), pane)
	return appendBytes(appendBytes(binary.AppendUvarint(l, readings), key), states)
}

func (l letter) share(view uint32, pane int64, key, row, states []byte) letter {
	l = binary.AppendVarint(binary.AppendUvarint(append(l, 'u'), uint64(view)), pane)
	return appendBytes(appendBytes(appendBytes(l, key), row), states)
}

func (l letter) routed(route uint32, us int64, row []byte) letter {
	return appendBytes(binary.AppendVarint(binary.AppendUvarint(append(l, 'r'), uint64(route)), us), row)
}

func (l letter) watermark(source uint32, us int64) letter {
	return binary.AppendVarint(binary.AppendUvarint(append(l, 'w'), uint64(source)), us)
}

// entry is one entry of a letter, read.
type entry struct {
	kind     byte
	id       uint32 // of the view, the route, or the source
	us       int64  // the pane, the row's time, or the watermark
	readings uint64
	key      []byte
	row      []byte
	states   []byte
}

// version takes the plan's version off a letter.
func (l letter) version() (uint64, letter, error) {
	v, n := binary.Uvarint(l)
	if n <= 0 {
		return 0, nil, value.ErrCorrupt
	}
	return v, l[n:], nil
}

// next takes one entry off. Its bytes are the letter's.
func (l letter) next() (e entry, rest letter, err error) {
	r := letterReader{rest: l[1:]}
	e.kind, e.id, e.us = l[0], uint32(r.uvarint()), r.varint()
	switch e.kind {
	case 'd':
		e.readings, e.key, e.states = r.uvarint(), r.bytes(), r.bytes()
	case 'u':
		e.key, e.row, e.states = r.bytes(), r.bytes(), r.bytes()
	case 'r':
		e.row = r.bytes()
	case 'w':
	default:
		r.bad = true
	}
	if r.bad {
		return e, nil, fmt.Errorf("entry %q: %w", e.kind, value.ErrCorrupt)
	}
	return e, r.rest, nil
}

type letterReader struct {
	rest []byte
	bad  bool
}

func (r *letterReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, n = true, 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *letterReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad, n = true, 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *letterReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}
