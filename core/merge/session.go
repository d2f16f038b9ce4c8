package merge

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/window"
)

// sessions holds the sessions of a view that have not fired, of an EMIT FINAL view those that are not final. A session is the readings
// of a key with at most a gap between one and the next. Edges send panes no longer than the gap with their first and last event time
// (aggregate SPAN), so no two readings of a pane are of different sessions, and what lies between panes is known exactly.
//
// What comes may lengthen a session, forward or backward, and join two; nothing ever splits one. A session that can change no more is
// never touched: what comes into it or before it is too late, and what comes after it, however near, is another session. A delta that
// reaches back to a final session's last reading spans less than a gap, so all of it is past the grace; one that begins after may hold
// readings in time beside those that are late, and is taken whole.
type sessions struct {
	name       string
	layout     aggregate.Layout
	gap, grace int64
	quiet      bool  // results only when they are final
	keep       int64 // how long after its last reading a session is held
	fired      int64
	started    bool
	keys       map[string][]*session // in no order; a key has few
	changed    []*session
	dropped    []*session     // records that are part of another session now
	gone       map[place]bool // the same, until the store knows
	due        deadlines
	memory     *Memory
}

// session is one of a key; its bounds are in its SPAN.
type session struct {
	key         string
	first, last int64
	partial     aggregate.Partial // nil: it is in the store alone
	item        Item
	revision    uint32
	told        bool // a result of it left after it had fired
	stored      bool
	changed     bool
	queued      bool // has a deadline in the heap
	over        bool // is part of another one, or was let go
}

// LetGo forgets what is in the store: all but where the session is.
func (n *session) LetGo() { n.partial = nil }

// whole reads what was let go; it gives the session, or one like it if it is not to stay in memory.
func (s *sessions) whole(n *session, store Store, stay bool) (*session, error) {
	if n.partial != nil {
		return n, nil
	}
	stored, err := store.Window(n.first, []byte(n.key))
	if err != nil {
		return nil, err
	}
	d, err := s.decode(n.key, stored)
	if err != nil {
		return nil, err
	}
	s.memory.Back()
	if !stay {
		c := *n
		c.partial, c.item = d.partial, Item{}
		return &c, nil
	}
	n.partial = d.partial
	s.hold(n, len(stored))
	return n, nil
}

func (s *sessions) hold(n *session, stored int) {
	s.memory.Hold(&n.item, n, around+2*int64(len(n.key))+cost(len(n.partial), stored))
}

func (s *sessions) start(watermark int64) {
	if !s.started {
		s.fired, s.started = watermark, true
	}
}

// closes is the end of a session as window.Classify understands ends: the first time that is too late to lengthen it.
func (s *sessions) closes(last int64) int64 { return last + s.gap + 1 }

func (s *sessions) delta(key string, p aggregate.Partial, watermark int64, store Store) (Outcome, error) {
	s.start(watermark)
	first, last, ok := aggregate.Bounds(p[len(p)-1])
	if !ok {
		return Outcome{}, fmt.Errorf("view %s: a delta without a reading", s.name)
	}
	near, err := s.near(key, first, last, watermark, store)
	if err != nil {
		return Outcome{}, err
	}
	from, to, open := first, last, near[:0]
	for _, n := range near {
		if window.Final(s.closes(n.last), s.grace, watermark) {
			if first <= n.last {
				return Outcome{Class: window.TooLate, Refused: true, Window: n.first, End: n.last}, nil
			}
			continue // what came may hold readings within the grace
		}
		from, to, open = min(from, n.first), max(to, n.last), append(open, n)
	}
	class := window.Classify(s.closes(to), s.grace, watermark)
	if class == window.TooLate {
		return Outcome{Class: class, Refused: true, Window: from, End: to}, nil
	}
	for _, n := range open {
		if _, err := s.whole(n, store, true); err != nil {
			return Outcome{}, err
		}
	}
	s.join(key, from, to, open, p)
	return Outcome{Class: class}, nil
}

// near gives the sessions that are at most a gap away from [first, last].
func (s *sessions) near(key string, first, last, watermark int64, store Store) (near []*session, err error) {
	for _, n := range s.keys[key] {
		if n.first <= last+s.gap && n.last >= first-s.gap {
			near = append(near, n)
		}
	}
	if first >= watermark { // what was let go ended more than a gap before
		return near, nil
	}
	err = store.Near([]byte(key), first-s.gap, last+s.gap, func(start int64, stored []byte) error {
		at := func(n *session) bool { return n.first == start }
		if s.gone[place{start, key}] || slices.ContainsFunc(s.keys[key], at) {
			return nil
		}
		n, err := s.decode(key, stored)
		if err != nil {
			return err
		}
		n.told = n.told || s.closes(n.last) <= s.fired
		near = append(near, n)
		return nil
	})
	return near, err
}

// join makes one session of those near and what came.
func (s *sessions) join(key string, from, to int64, near []*session, p aggregate.Partial) {
	var into *session
	for _, n := range near {
		if n.first == from {
			into = n
		}
	}
	if into == nil {
		into = &session{key: key, first: from, partial: s.layout.New()}
	}
	for _, n := range near {
		if n == into {
			continue
		}
		into.partial.Merge(n.partial)
		n.over = true
		s.memory.Drop(&n.item)
		if n.stored {
			s.dropped = append(s.dropped, n)
			s.gone[place{n.first, key}] = true
		}
	}
	into.partial.Merge(p)
	into.last = to
	held := slices.DeleteFunc(s.keys[key], func(n *session) bool { return n.over || n == into })
	s.keys[key] = append(held, into)
	if !into.changed {
		into.changed = true
		s.changed = append(s.changed, into)
	}
	s.queue(into)
}

func (s *sessions) queue(n *session) {
	if !n.queued {
		n.queued = true
		heap.Push(&s.due, deadline{s.closes(n.last + s.keep - s.gap), n})
	}
}

// flush reports what changed and what fires, and lets go of what is due.
func (s *sessions) flush(watermark int64, store Store, report func(Change)) error {
	s.start(watermark)
	s.fired = max(s.fired, watermark)
	for _, n := range s.dropped {
		report(Change{Start: n.first, Key: n.key, Dropped: true, Retracted: n.told,
			Window: &Window{Partial: n.partial, Revision: n.revision + 1, End: n.last}})
	}
	s.dropped = s.dropped[:0]
	clear(s.gone)
	for _, n := range s.changed {
		n.changed = false
		if n.over {
			continue
		}
		fires := s.closes(n.last) <= watermark
		if n.told {
			n.revision++
		}
		if !s.quiet {
			n.told = n.told || fires
			report(Change{Start: n.first, Key: n.key, Window: n.window(), Fired: n.told})
		}
		stored := n.append(nil)
		report(Change{Start: n.first, Key: n.key, Stored: stored, Last: n.last})
		n.stored = true
		s.hold(n, len(stored))
	}
	s.changed = s.changed[:0]
	for len(s.due) > 0 && s.due[0].at <= watermark {
		n := heap.Pop(&s.due).(deadline).session
		n.queued = false
		switch {
		case n.over:
		case s.closes(n.last+s.keep-s.gap) > watermark: // it was lengthened
			s.queue(n)
		default:
			if err := s.close(n, store, report); err != nil {
				return err
			}
		}
	}
	return nil
}

// close reports a session that has fired, or is final, unless its last change was reported as such, and lets go of it.
func (s *sessions) close(n *session, store Store, report func(Change)) error {
	if !n.told || s.quiet {
		whole, err := s.whole(n, store, false)
		if err != nil {
			return err
		}
		report(Change{Start: n.first, Key: n.key, Window: whole.window(), Fired: true})
	}
	s.memory.Drop(&n.item)
	n.over, n.told = true, true
	left := slices.DeleteFunc(s.keys[n.key], func(o *session) bool { return o == n })
	if s.keys[n.key] = left; len(left) == 0 {
		delete(s.keys, n.key)
	}
	return nil
}

// showAll reports the open sessions.
func (s *sessions) showAll(store Store, report func(Change)) error {
	for key, list := range s.keys {
		for _, n := range list {
			whole, err := s.whole(n, store, false)
			if err != nil {
				return err
			}
			report(Change{Start: n.first, Key: key, Window: whole.window()})
		}
	}
	return nil
}

func (n *session) window() *Window {
	return &Window{Partial: n.partial, Revision: n.revision, End: n.last}
}

// restore puts a stored session back; call it for those that were not let go.
func (s *sessions) restore(key string, stored []byte) error {
	n, err := s.decode(key, stored)
	if err != nil || s.closes(n.last+s.keep-s.gap) <= s.fired {
		return err
	}
	n.told = n.told || !s.quiet && s.closes(n.last) <= s.fired
	s.keys[key] = append(s.keys[key], n)
	s.queue(n)
	s.hold(n, len(stored))
	s.memory.Trim()
	return nil
}

// append writes the session: revision uvarint, 0|1 whether a result left after it had fired, then the partial.
func (n *session) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(n.revision))
	told := byte(0)
	if n.told {
		told = 1
	}
	return n.partial.Append(append(dst, told))
}

func (s *sessions) decode(key string, src []byte) (*session, error) {
	corrupt := fmt.Errorf("view %s: corrupt session", s.name)
	revision, n := binary.Uvarint(src)
	if n <= 0 || len(src) == n || src[n] > 1 {
		return nil, corrupt
	}
	d := &session{key: key, revision: uint32(revision), told: src[n] == 1, partial: s.layout.New(), stored: true}
	rest, err := d.partial.Read(src[n+1:])
	if err != nil || len(rest) != 0 {
		return nil, corrupt
	}
	var ok bool
	if d.first, d.last, ok = aggregate.Bounds(d.partial[len(d.partial)-1]); !ok {
		return nil, corrupt
	}
	return d, nil
}

// deadlines is a heap of sessions by when they are to be let go; one that was lengthened meanwhile is looked at again.
type deadlines []deadline

type deadline struct {
	at      int64
	session *session
}

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }

func (d *deadlines) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = deadline{}
	*d = (*d)[:len(*d)-1]
	return last
}
