package fence

import (
	"fmt"
	"slices"
)

// What is stored of a device is its state as it was written last, and the quiet positions since then, of which nothing came: those of all devices of a turn
// are one entry of a log. So a position that changes nothing but where a device is costs 40 bytes, not its state with all fences that it is in.
//
//	entry: {device, position}, …
//
// A state says up to which entry it has all. An entry that no device needs is dropped, and so is the oldest, once all together hold several positions
// a device; who needs it is written.
type logEntry struct {
	number    uint64
	positions int
	tracks    []*track
}

// quiet notes a position of which nothing came.
func (e *Engine) quiet(t *track, p *point) {
	e.log = p.append(appendText(e.log, t.now.device))
	e.logging.positions++
	if n := len(e.logging.tracks); n == 0 || e.logging.tracks[n-1] != t {
		e.logging.tracks = append(e.logging.tracks, t)
	}
}

// Changed calls state with the state of each device that is to be stored since the last call, nil for one that was forgotten, and log with the entries of
// the log, nil for one that is not needed any more. The bytes are valid only in the call.
func (e *Engine) Changed(state func(device string, state []byte), log func(number uint64, entry []byte)) {
	if e.logging.positions > 0 {
		e.number++
	}
	slices.Sort(e.changed)
	for _, device := range slices.Compact(e.changed) {
		if t := e.tracks[device]; t != nil {
			e.write(t, state)
		} else {
			state(device, nil)
		}
	}
	clear(e.changed)
	e.changed = e.changed[:0]
	if e.logging.positions == 0 {
		return
	}
	e.logging.tracks = slices.DeleteFunc(e.logging.tracks, func(t *track) bool { return t.stored >= e.number })
	if len(e.logging.tracks) > 0 {
		e.logging.number = e.number
		log(e.number, e.log)
		e.keep(e.logging)
	}
	e.log, e.logging = e.log[:0], logEntry{}
	for e.logged > mostLogged*len(e.tracks)+leastLogged {
		oldest := e.entries[0]
		for _, t := range oldest.tracks {
			if t.stored < oldest.number && e.tracks[t.now.device] == t {
				e.write(t, state)
			}
		}
		log(oldest.number, nil)
		e.logged -= oldest.positions
		e.entries[0] = logEntry{}
		e.entries = e.entries[1:]
	}
}

// The log holds mostLogged positions a device, and leastLogged.
const mostLogged = 16

var leastLogged = 1024 // less in tests

func (e *Engine) keep(entry logEntry) {
	e.entries = append(e.entries, entry)
	e.logged += entry.positions
}

func (e *Engine) write(t *track, state func(string, []byte)) {
	t.dirty, t.stored, t.version = false, e.number, e.set.last
	t.needs = t.zones(t.needs[:0])
	e.buffer = t.append(e.buffer[:0])
	state(t.now.device, e.buffer)
}

// zones gives the fences that the state of a track as it is written speaks of.
func (t *track) zones(dst []*zone) []*zone {
	add := func(z *zone) {
		if !slices.Contains(dst, z) {
			dst = append(dst, z)
		}
	}
	for i := range t.now.visits {
		add(t.now.visits[i].zone)
	}
	for i := range t.settled.visits {
		add(t.settled.visits[i].zone)
	}
	var before *here
	for i := range t.pending {
		if in := t.pending[i].in; in != before {
			before = in
			for _, z := range in.zones {
				add(z)
			}
		}
	}
	for i := range t.told {
		add(t.told[i].zone)
	}
	return dst
}

// Relive brings back what an entry of the log says of devices. All states are there by then, and entries come in the order of their numbers.
func (e *Engine) Relive(number uint64, entry []byte) error {
	r := reader{rest: entry}
	l := logEntry{number: number}
	for len(r.rest) > 0 && !r.bad {
		device, p := r.text(), r.point()
		if r.bad {
			return fmt.Errorf("entry %d of the log of positions: %w", number, ErrCorrupt)
		}
		t := e.tracks[device]
		l.positions++
		if t == nil || t.stored >= number {
			continue
		}
		l.tracks = append(l.tracks, t)
		var in *here
		if n := len(t.pending); n > 0 && t.pending[n-1].quiet {
			in = t.pending[n-1].in
		} else {
			in = new(here)
			for i := range t.now.visits { // of a position of which nothing came, they are the fences that have it
				in.zones = append(in.zones, t.now.visits[i].zone)
			}
		}
		t.pending = append(t.pending, placed{p, in, true})
		t.oldest = t.pending[0].at
		t.now.last = p
	}
	e.number = max(e.number, number)
	e.keep(l)
	return nil
}

// judge compares the positions of a restored track that are not settled with the fences of now: they may have been edited meanwhile.
func (t *track) judge(s *Set) {
	t.restored = false
	t.told = slices.DeleteFunc(t.told, func(told Event) bool {
		return slices.Contains(t.gone, told.Fence) && told.Kind != Cross || told.Kind == Cross && told.At <= t.settled.last.at
	})
	t.gone = nil
	t.edited = t.beyond(slices.DeleteFunc(slices.Clone(s.cross), func(z *zone) bool { return z.Version <= t.version }))
	var before *here
	for i := range t.pending {
		p := &t.pending[i]
		numbers := s.index.Numbers(p.lat, p.lon, nil)
		slices.Sort(numbers)
		now := s.here(before, numbers)
		t.edited = t.edited || len(now.zones) != len(p.in.zones)
		for _, z := range p.in.zones {
			t.edited = t.edited || !slices.Contains(now.zones, z)
		}
		p.in, before = now, now
	}
}
