package dedupe

// table is a set of hashes by open addressing with linear probing: what is stored is its own hash, so a slot is 8 bytes and
// a look-up one cache line. The zero table is empty.
type table struct {
	slots []uint64 // 0: free; a power of two of them, at most 3/4 taken
	taken int
	zero  bool // whether 0 is in the set
}

func (t *table) len() int {
	if t.zero {
		return t.taken + 1
	}
	return t.taken
}

func (t *table) has(h uint64) bool {
	if h == 0 {
		return t.zero
	}
	if len(t.slots) == 0 {
		return false
	}
	_, found := t.find(h)
	return found
}

func (t *table) touch(h uint64) uint64 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[h&uint64(len(t.slots)-1)]
}

// add reports whether h was not there.
func (t *table) add(h uint64) bool {
	if h == 0 {
		was := t.zero
		t.zero = true
		return !was
	}
	if 4*(t.taken+1) > 3*len(t.slots) {
		t.grow()
	}
	i, found := t.find(h)
	if !found {
		t.slots[i] = h
		t.taken++
	}
	return !found
}

// find gives h's slot, or the free one it would have.
func (t *table) find(h uint64) (slot uint64, found bool) {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case h:
			return i, true
		case 0:
			return i, false
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]uint64, max(64, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			i, _ := t.find(h)
			t.slots[i] = h
		}
	}
}
