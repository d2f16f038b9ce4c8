package merge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
)

// Whole is a window by itself, as a store outside of the core keeps it: all that its row is made of but its start, so that who reads it back needs
// nothing of what stands beside it. What is constant of a key comes first, which makes a series of them pack well.
//
//	version 1 | view uvarint | shape 4 | length uvarint, group key | 0: a window, 1: nothing is left of it | revision uvarint | states
//
// View and shape say whose it is: another view that has, or had, the same name is not confused with this one, and states are never read as those of
// other aggregates. Where a session ends is in its SPAN.
type Whole struct {
	Key      []byte
	Revision uint32
	Gone     bool
	states   []byte
}

const wholeVersion = 1

var errWhole = errors.New("corrupt window")

// AppendWhole writes a window after dst; gone: that nothing is left of it.
func (v *View) AppendWhole(dst, key []byte, w *Window, gone bool) []byte {
	dst = binary.AppendUvarint(append(dst, wholeVersion), uint64(v.Def.Id))
	dst = binary.BigEndian.AppendUint32(dst, v.form)
	dst = append(binary.AppendUvarint(dst, uint64(len(key))), key...)
	if gone {
		return binary.AppendUvarint(append(dst, 1), uint64(w.Revision))
	}
	return w.Partial.Append(binary.AppendUvarint(append(dst, 0), uint64(w.Revision)))
}

// ReadWhole takes apart what AppendWhole wrote, and keeps src; mine is false for a window of another view.
func (v *View) ReadWhole(src []byte) (w Whole, mine bool, err error) {
	if len(src) == 0 {
		return w, false, errWhole
	}
	if src[0] != wholeVersion {
		return w, false, fmt.Errorf("a window of version %d, and %d is the newest known here", src[0], wholeVersion)
	}
	id, n := binary.Uvarint(src[1:])
	if n <= 0 || len(src) < 1+n+4 {
		return w, false, errWhole
	}
	src = src[1+n:]
	mine = id == uint64(v.Def.Id) && binary.BigEndian.Uint32(src) == v.form
	length, n := binary.Uvarint(src[4:])
	if n <= 0 || uint64(len(src)-4-n) < length {
		return w, false, errWhole
	}
	src = src[4+n:]
	w.Key, src = src[:length], src[length:]
	if mine { // as this view's keys, and nothing behind them
		if _, rest, err := v.ReadKey(w.Key); err != nil || len(rest) > 0 {
			return w, false, errWhole
		}
	}
	if len(src) == 0 || src[0] > 1 {
		return w, false, errWhole
	}
	w.Gone = src[0] == 1
	revision, n := binary.Uvarint(src[1:])
	if n <= 0 || revision > 1<<32-1 {
		return w, false, errWhole
	}
	w.Revision, w.states = uint32(revision), src[1+n:]
	return w, mine, nil
}

// Fill makes into the window, in place of what its Partial held.
func (v *View) Fill(into *Window, w Whole) error {
	if into.Partial == nil {
		into.Partial = v.layout.New()
	}
	rest, err := into.Partial.Read(w.states)
	if err != nil || len(rest) > 0 {
		return errWhole
	}
	into.Revision = w.Revision
	if v.sessions != nil {
		var ok bool
		if _, into.End, ok = aggregate.Bounds(into.Partial[len(into.Partial)-1]); !ok {
			return errWhole
		}
	}
	return nil
}

// formOf is one number for what decides how keys and states are encoded, and which windows they are of.
func formOf(def *plan.View) uint32 {
	h := fnv.New32a()
	for _, k := range def.Keys {
		fmt.Fprintf(h, "key %v;", k.Type.Value())
	}
	for _, a := range def.Aggregates {
		fmt.Fprintf(h, "%s %v %v;", a.Function, a.ArgumentType.Value(), a.Parameters)
	}
	fmt.Fprintf(h, "%d %d %d", def.WindowUs, def.AdvanceUs, def.GapUs)
	return h.Sum32()
}
