package payload

import "slices"

// columnScanner finds the columns' values in an object in one pass. found holds what it found, by column; a path that
// leads to several values means
//
//   - of keys, the one as written, else the first in another case; of duplicates the first
//   - of the keys that * may mean, the first from which the path's rest leads somewhere
type columnScanner struct {
	scanner
	root   *node
	found  []token
	active []*node // a stack: the nodes that the value at hand is reached by
	key    []byte  // an unescaped key
	one    token
}

func newColumnScanner(paths []path, without []bool) columnScanner {
	root := newTree(paths, without)
	return columnScanner{root: root, found: make([]token, len(paths)), active: []*node{root}}
}

// element reads the object at i.
func (s *columnScanner) element(b []byte, i, depth int) int {
	for c := range s.found {
		s.found[c].kind = tokenAbsent
	}
	s.active = s.active[:1]
	return s.wanted(b, i, depth, s.active)
}

// wanted reads a value that the active nodes lead to.
func (s *columnScanner) wanted(b []byte, i, depth int, active []*node) int {
	if i < len(b) && b[i] == '{' {
		s.give(active, &token{kind: tokenObject})
		if len(active) == 1 && active[0].plain {
			if len(active[0].keys) == 0 {
				return s.skipObject(b, i, depth)
			}
			return s.object(b, i, depth, active[0])
		}
		return s.objectOfMany(b, i, depth, active)
	}
	if i < len(b) && b[i] == '[' && slices.ContainsFunc(active, func(n *node) bool { return len(n.elements) > 0 }) {
		s.give(active, &token{kind: tokenArray})
		return s.array(b, i, depth, active)
	}
	if i = s.value(b, i, depth, &s.one); i >= 0 {
		s.give(active, &s.one)
	}
	return i
}

// give sets the columns that the nodes stand for and that have no value yet.
func (s *columnScanner) give(active []*node, t *token) {
	for _, n := range active {
		for _, c := range n.columns {
			if s.found[c].kind == tokenAbsent {
				s.found[c] = *t
			}
		}
	}
}

// object reads an object at a plain node.
func (s *columnScanner) object(b []byte, i, depth int, n *node) int {
	if depth >= maxDepth {
		return s.fail(i, "at most 300 levels")
	}
	clear(n.seen)
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	position := 0
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, "a key")
		}
		to, how, leaf := -1, noMatch, -1
		if position < len(n.order) && n.order[position].at(b, i+1) {
			o := &n.order[position]
			to, how, leaf = o.branch, o.match, o.leaf
			i += 1 + len(o.text)
			position++
		} else if i, to, how = s.otherKey(b, i+1, n, &position); i < 0 {
			return -1
		}
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		switch {
		case leaf >= 0 && s.found[leaf].kind == tokenAbsent:
			if i < len(b) && b[i]-'0' < 10 { // value would go there too
				i = s.number(b, i, i, &s.found[leaf])
				break
			}
			i = s.value(b, i, depth+1, &s.found[leaf])
		case to >= 0:
			i = s.follow(b, i, depth+1, n, to, how)
		default:
			i = s.value(b, i, depth+1, &s.junk)
		}
		if i < 0 {
			return -1
		}
		if i+1 < len(b) && b[i] == ',' && b[i+1] > ' ' {
			i++
			continue
		}
		var more bool
		if i, more = s.comma(b, i, '}', "',' or '}'"); !more {
			return i
		}
	}
}

// follow reads the value of a key that led to n's branch to.
func (s *columnScanner) follow(b []byte, i, depth int, n *node, to int, how match) int {
	branch := &n.keys[to]
	switch {
	case !s.enter(n, to, how), branch.leaf >= 0 && s.found[branch.leaf].kind != tokenAbsent:
		return s.value(b, i, depth, &s.junk)
	case branch.leaf >= 0:
		return s.value(b, i, depth, &s.found[branch.leaf])
	}
	base := len(s.active)
	s.active = append(s.active, branch.node)
	return s.reached(b, i, depth, base)
}

const (
	knownKeys  = 128 // of one object
	knownBytes = 64  // of one key
	lookAhead  = 3   // one more than may be missing that the last objects had
)

// otherKey reads a key that did not stand at this position in the last objects to where its value begins, and says where
// it leads.
func (s *columnScanner) otherKey(b []byte, i int, n *node, position *int) (next, to int, how match) {
	for k := *position + 1; k < len(n.order) && k < *position+lookAhead; k++ {
		if o := &n.order[k]; o.at(b, i) {
			*position = k + 1
			return i + len(o.text), o.branch, o.match
		}
	}
	return s.newKey(b, i, n, position)
}

func (s *columnScanner) newKey(b []byte, i int, n *node, position *int) (next, to int, how match) {
	end, escaped := s.str(b, i)
	if end < 0 {
		return -1, -1, noMatch
	}
	if next = s.colon(b, end+1); next < 0 {
		return -1, -1, noMatch
	}
	if escaped {
		s.key = unescape(s.key[:0], b[i:end])
		to, how = n.lookup(s.key)
		return next, to, how
	}
	to, how = n.lookup(b[i:end])
	if at := *position; next-i <= knownBytes && at < knownKeys {
		if at == len(n.order) {
			n.order = append(n.order, known{})
		}
		n.order[at].set(b[i:next], n, to, how)
		*position = at + 1
	}
	return next, to, how
}

// enter reports whether a key that matched leads to the branch, and takes back what a worse one gave.
func (s *columnScanner) enter(n *node, to int, how match) bool {
	before := n.seen[to]
	if how <= before {
		return false
	}
	n.seen[to] = how
	if before == anotherCase || how == anotherCase {
		s.prefer(&n.keys[to], how)
	}
	return true
}

func (s *columnScanner) prefer(b *branch, how match) {
	if how == asWritten {
		for _, c := range b.unset {
			s.found[c].kind = tokenAbsent
		}
		return
	}
	b.unset = b.unset[:0]
	for _, c := range b.below {
		if s.found[c].kind == tokenAbsent {
			b.unset = append(b.unset, c)
		}
	}
}

// objectOfMany reads an object at several nodes, or at one that is not plain.
func (s *columnScanner) objectOfMany(b []byte, i, depth int, active []*node) int {
	if depth >= maxDepth {
		return s.fail(i, "at most 300 levels")
	}
	for _, n := range active {
		clear(n.seen)
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, "a key")
		}
		end, escaped := s.str(b, i+1)
		if end < 0 {
			return -1
		}
		key := b[i+1 : end]
		if escaped {
			s.key = unescape(s.key[:0], key)
			key = s.key
		}
		base := len(s.active)
		for _, n := range active {
			for k := range n.keys {
				if s.enter(n, k, n.keys[k].match(key)) {
					s.active = append(s.active, n.keys[k].node)
				}
			}
			if n.any != nil {
				s.active = append(s.active, n.any)
			}
		}
		if i = s.colon(b, end+1); i >= 0 {
			i = s.reached(b, i, depth+1, base)
		}
		if i < 0 {
			return -1
		}
		var more bool
		if i, more = s.comma(b, i, '}', "',' or '}'"); !more {
			return i
		}
	}
}

// array reads an array of which elements are wanted.
func (s *columnScanner) array(b []byte, i, depth int, active []*node) int {
	if depth >= maxDepth {
		return s.fail(i, "at most 300 levels")
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		base := len(s.active)
		for _, n := range active {
			for _, e := range n.elements {
				if e.index == index {
					s.active = append(s.active, e.node)
				}
			}
		}
		if i = s.reached(b, i, depth+1, base); i < 0 {
			return -1
		}
		var more bool
		if i, more = s.comma(b, i, ']', "',' or ']'"); !more {
			return i
		}
	}
}

// reached reads a value that the nodes from base on lead to, and drops them.
func (s *columnScanner) reached(b []byte, i, depth, base int) int {
	if len(s.active) == base {
		return s.value(b, i, depth, &s.junk)
	}
	i = s.wanted(b, i, depth, s.active[base:])
	s.active = s.active[:base]
	return i
}
