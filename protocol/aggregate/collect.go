package aggregate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/hexpane/hexpane/protocol/value"
)

// What lists hold at most: values, and bytes of a text, which ends in "…" where it was longer. So a list has 77 KB at most,
// and MaxLists of one group fit a message to the core.
const (
	listed     = 1000
	listedText = 64
)

// MaxLists is how many lists (COLLECT_LIST, TOPK) a view may have.
const MaxLists = 8

// IsList reports that an aggregate keeps a list.
func IsList(function string) bool { return function == "COLLECT_LIST" || function == "TOPK" }

// collect is COLLECT_LIST(x): the values by event time, those of one time in the order of the values. Past listed the
// earliest stay, and the list says how many are left out.
type collect struct {
	n       uint64 // readings, listed or not
	entries []entry
	kind    value.Kind
}

type entry struct {
	us int64
	v  value.Value
}

func (e entry) compare(o entry) int {
	if c := cmp.Compare(e.us, o.us); c != 0 {
		return c
	}
	return value.Compare(e.v, o.v)
}

// plain makes equal values the same value: −0 is 0.
func plain(v value.Value) value.Value {
	if v.Kind() == value.Double && v.Float() == 0 {
		return value.OfDouble(0)
	}
	return v
}

// short is a value as lists hold it.
func short(v value.Value) value.Value {
	text := v.Str()
	if len(text) <= listedText {
		return plain(v)
	}
	n := listedText
	for n > listedText-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return value.OfString(text[:n] + "…")
}

func (c *collect) Observe(v value.Value, us int64) {
	if v.IsNull() {
		return
	}
	c.n = min(c.n+1, most)
	e := entry{us, short(v)}
	i := len(c.entries)
	if i > 0 && e.compare(c.entries[i-1]) < 0 {
		i = sort.Search(i, func(j int) bool { return e.compare(c.entries[j]) < 0 })
	}
	switch {
	case i == listed:
		return
	case len(c.entries) == listed:
		c.entries = c.entries[:listed-1]
	}
	c.entries = slices.Insert(c.entries, i, e)
}

func (c *collect) Merge(other State) {
	o := other.(*collect)
	c.n = min(c.n+o.n, most)
	i, j := len(c.entries)-1, len(o.entries)-1
	c.entries = append(c.entries, o.entries...)
	for to := len(c.entries) - 1; i >= 0 && j >= 0; to-- {
		if o.entries[j].compare(c.entries[i]) < 0 {
			c.entries[to] = c.entries[i]
			i--
		} else {
			c.entries[to] = o.entries[j]
			j--
		}
	}
	copy(c.entries, o.entries[:j+1])
	if len(c.entries) > listed {
		clear(c.entries[listed:])
		c.entries = c.entries[:listed]
	}
}

// Append writes the number of readings, then each one listed: how much later than the one before it is, in µs (the first:
// its time as a varint), and its value.
func (c *collect) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, c.n)
	for i, e := range c.entries {
		if i == 0 {
			dst = binary.AppendVarint(dst, e.us)
		} else {
			dst = binary.AppendUvarint(dst, uint64(e.us-c.entries[i-1].us))
		}
		dst = value.Append(dst, e.v)
	}
	return dst
}

func (c *collect) Read(src []byte) ([]byte, error) {
	var err error
	clear(c.entries)
	c.entries = c.entries[:0]
	if c.n, src, err = readUvarint(src); err != nil || c.n > most {
		return nil, ErrCorrupt
	}
	for i := range int(min(c.n, listed)) {
		var e entry
		if i == 0 {
			us, n := binary.Varint(src)
			if n <= 0 {
				return nil, ErrCorrupt
			}
			e.us, src = us, src[n:]
		} else {
			var later uint64
			if later, src, err = readUvarint(src); err != nil {
				return nil, err
			}
			e.us = c.entries[i-1].us + int64(later)
		}
		if e.v, src, err = readListed(src, c.kind); err != nil {
			return nil, err
		}
		if i > 0 && e.compare(c.entries[i-1]) < 0 {
			return nil, ErrCorrupt
		}
		c.entries = append(c.entries, e)
	}
	return src, nil
}

// readListed takes a value that a list may hold.
func readListed(src []byte, kind value.Kind) (value.Value, []byte, error) {
	v, src, err := value.Read(src)
	if err != nil || v.Kind() != kind || len(v.Str()) > listedText+len("…") {
		return value.Value{}, nil, ErrCorrupt
	}
	return v, src, nil
}

// Result is a JSON array as text: SQL's types have no arrays. What was left out is counted in a text at its end.
func (c *collect) Result() value.Value {
	if c.n == 0 {
		return value.Value{}
	}
	text := []byte{'['}
	for i, e := range c.entries {
		if i > 0 {
			text = append(text, ',')
		}
		text = e.v.AppendJSON(text)
	}
	if left := c.n - uint64(len(c.entries)); left > 0 {
		text = fmt.Appendf(text, `,"… %d more"`, left)
	}
	return value.OfString(string(append(text, ']')))
}
