package payload

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// path is a JSON path: keys, * for any one key, [n] for an element.
type path []step

type step struct {
	key   string
	any   bool
	index int // −1: a key
}

// parsePath reads "a.*.b[0]", with or without "$."; an empty one is the column's own name.
func parsePath(text, name string) (path, error) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "$"), ".")
	if text == "" {
		return path{{key: name, index: -1}}, nil
	}
	var p path
	for _, part := range strings.Split(text, ".") {
		key, brackets, _ := strings.Cut(part, "[")
		if key == "" && brackets == "" {
			return nil, fmt.Errorf("path %q: an empty key", text)
		}
		if key != "" {
			p = append(p, step{key: key, any: key == "*", index: -1})
		}
		for brackets != "" {
			number, rest, closed := strings.Cut(brackets, "]")
			n, err := strconv.Atoi(number)
			if err != nil || !closed || n < 0 || rest != "" && rest[0] != '[' {
				return nil, fmt.Errorf("path %q: want [n] in %q", text, part)
			}
			p = append(p, step{index: n})
			brackets = strings.TrimPrefix(rest, "[")
		}
	}
	return p, nil
}

// node is where paths lead that begin alike: all columns' paths make one tree. What it knows of the object at hand and of
// the one before makes it, too, of one decoder alone.
type node struct {
	columns  []int // whose paths end here
	keys     []branch
	byKey    map[string]int
	elements []element
	any      *node   // *
	plain    bool    // neither * nor keys that differ in case alone: a key leads to one branch at most
	seen     []match // how keys of the object at hand led to the branches
	order    []known // the keys as the last objects had them
}

type branch struct {
	key   string
	node  *node
	leaf  int   // the column, if node is for one column and nothing else; −1
	below []int // the columns at node and below it
	unset []int // columns below that had no value before a key of another case was met
}

type element struct {
	index int
	node  *node
}

// match says how a key led to a branch. As written beats another case; of equals the first counts.
type match uint8

const (
	noMatch match = iota
	anotherCase
	asWritten
)

// known is a key met before: the text from its first byte to its value, and where it leads.
type known struct {
	text   []byte
	word   uint64 // the first 8 bytes of the text, or fewer: those in mask
	mask   uint64
	branch int // −1: nowhere
	match  match
	leaf   int // the column, if it is for one as written; −1
}

func (k *known) set(text []byte, n *node, to int, how match) {
	k.text, k.branch, k.match, k.leaf = append(k.text[:0], text...), to, how, -1
	if how == asWritten {
		k.leaf = n.keys[to].leaf
	}
	var first, mask [8]byte
	for i := range copy(first[:], text) {
		mask[i] = 0xff
	}
	k.word, k.mask = binary.LittleEndian.Uint64(first[:]), binary.LittleEndian.Uint64(mask[:])
}

// at reports whether b goes on at i as k's text.
func (k *known) at(b []byte, i int) bool {
	if i+8 <= len(b) {
		if (binary.LittleEndian.Uint64(b[i:])^k.word)&k.mask != 0 {
			return false
		}
		if len(k.text) <= 8 {
			return true
		}
	}
	return i+len(k.text) <= len(b) && string(b[i:i+len(k.text)]) == string(k.text)
}

// newTree makes the tree of the columns' paths, without those that the topic gives.
func newTree(paths []path, without []bool) *node {
	root := &node{}
	for column, p := range paths {
		if without[column] {
			continue
		}
		n := root
		for _, s := range p {
			n = n.child(s, column)
		}
		n.columns = append(n.columns, column)
	}
	root.settle()
	return root
}

// child is where a step of the column's path leads.
func (n *node) child(s step, column int) *node {
	switch {
	case s.index >= 0:
		for _, e := range n.elements {
			if e.index == s.index {
				return e.node
			}
		}
		n.elements = append(n.elements, element{s.index, &node{}})
		return n.elements[len(n.elements)-1].node
	case s.any:
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	i, ok := n.byKey[s.key]
	if !ok {
		if n.byKey == nil {
			n.byKey = map[string]int{}
		}
		i = len(n.keys)
		n.byKey[s.key] = i
		n.keys = append(n.keys, branch{key: s.key, node: &node{}})
	}
	n.keys[i].below = append(n.keys[i].below, column)
	return n.keys[i].node
}

// settle finds out which nodes are plain.
func (n *node) settle() {
	n.plain = n.any == nil
	n.seen = make([]match, len(n.keys))
	for i := range n.keys {
		k := &n.keys[i]
		if k.leaf = -1; k.node.leaf() {
			k.leaf = k.node.columns[0]
		}
		for _, other := range n.keys[:i] {
			n.plain = n.plain && !sameFold([]byte(k.key), other.key)
		}
		k.node.settle()
	}
	for _, e := range n.elements {
		e.node.settle()
	}
	if n.any != nil {
		n.any.settle()
	}
}

// leaf reports a node for one column and nothing else.
func (n *node) leaf() bool {
	return len(n.columns) == 1 && len(n.keys)+len(n.elements) == 0 && n.any == nil
}

// lookup finds a plain node's branch for a key; −1: none.
func (n *node) lookup(key []byte) (int, match) {
	if i, ok := n.byKey[string(key)]; ok {
		return i, asWritten
	}
	for i := range n.keys {
		if sameFold(key, n.keys[i].key) {
			return i, anotherCase
		}
	}
	return -1, noMatch
}

func (b *branch) match(key []byte) match {
	switch {
	case string(key) == b.key:
		return asWritten
	case sameFold(key, b.key):
		return anotherCase
	}
	return noMatch
}

// sameFold reports keys that differ in case at most, and not in length.
func sameFold(key []byte, other string) bool {
	return len(key) == len(other) && strings.EqualFold(view(key), other)
}
