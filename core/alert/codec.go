package alert

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
)

// Live is an alert as it is now.
type Live struct {
	ID    string // empty while it is pending
	Key   string
	State State
	Since int64
	Fired int64
	Value float64
	By    string
	Count uint64
}

// Each gives the alerts that are pending, firing or acknowledged, in the order of their keys.
func (e *Engine) Each(f func(Live)) {
	for _, name := range slices.Sorted(maps.Keys(e.keys)) {
		k := e.keys[name]
		if k.state == None {
			continue
		}
		l := Live{Key: name, State: k.state, Since: k.since, Fired: k.fired, Value: k.value, By: k.by, Count: k.count}
		if k.state >= Firing {
			l.ID = ID(e.rule.ID, name, k.fired)
		} else {
			l.Fired = 0
		}
		f(l)
	}
}

// Close ends all alerts at a time, since the rule is there no more.
func (e *Engine) Close(us int64, tell func(Transition)) {
	for _, name := range slices.Sorted(maps.Keys(e.keys)) {
		switch k := e.keys[name]; {
		case k.state == Pending:
			e.move(name, k, None, us, false, tell)
		case k.state != None:
			e.move(name, k, Resolved, us, false, tell)
		}
		delete(e.keys, name)
	}
}

// Changed gives the state of each key that changed since the last time, in order, for Restore; nil: nothing is kept of it.
func (e *Engine) Changed(f func(key string, state []byte)) {
	for _, name := range slices.Sorted(maps.Keys(e.changed)) {
		if k := e.keys[name]; k != nil {
			f(name, k.append(nil))
		} else {
			f(name, nil)
		}
	}
	clear(e.changed)
}

func (k *key) append(b []byte) []byte {
	b = append(b, byte(k.state))
	for _, us := range []int64{k.since, k.fired, k.last} {
		b = binary.AppendVarint(b, us)
	}
	b = binary.AppendUvarint(b, k.count)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(k.value))
	b = append(binary.AppendUvarint(b, uint64(len(k.by))), k.by...)
	b = binary.AppendUvarint(b, uint64(len(k.rows)))
	for _, r := range k.rows {
		var flags byte
		if r.holds {
			flags |= 1
		}
		if r.recovers {
			flags |= 2
		}
		b = binary.BigEndian.AppendUint64(append(binary.AppendVarint(b, r.us), flags), math.Float64bits(r.value))
	}
	return b
}

var errCorrupt = errors.New("the state of an alert can't be read")

// Restore brings a key back. A state that can't be read is an error, and changes nothing.
func (e *Engine) Restore(name string, state []byte) error {
	r := reader{rest: state}
	k := &key{state: State(r.byte()), since: r.varint(), fired: r.varint(), last: r.varint(), count: r.uvarint(), value: r.float()}
	k.by = string(r.take(r.uvarint()))
	n := r.uvarint()
	if k.state > Acknowledged || n > MaxWindows {
		return errCorrupt
	}
	for i := range n {
		row := judged{us: r.varint()}
		flags := r.byte()
		row.holds, row.recovers, row.value = flags&1 != 0, flags&2 != 0, r.float()
		if flags > 3 || i > 0 && row.us <= k.rows[i-1].us {
			return errCorrupt
		}
		k.rows = append(k.rows, row)
	}
	if r.bad || len(r.rest) > 0 || e.keys[name] != nil {
		return errCorrupt
	}
	e.keys[name] = k
	if k.state != None {
		e.live++
	}
	e.due = min(e.due, e.dueAt(k))
	return nil
}

type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) float() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.took(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.took(n)
	return v
}

func (r *reader) took(n int) {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}
