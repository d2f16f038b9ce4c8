package aggregate

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// The buckets of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
// guarantees", VLDB 2019): values of one bucket differ so little that its middle is within 1 % of each. A value's
// bucket is its key. Keys are in the order of the values, 0 is zero, and a negative value's key is the negated key
// of its amount.
//
// Where the paper takes a logarithm, a cubic stands in for it between powers of two, as the paper proposes. Its best
// coefficients (6/35, −3/5, 10/7) times the 35 buckets of an octave are whole numbers: 6s³ − 21s² + 50s for the value
// 2^e·(1+s). It is computed in integers, so a value has the same key on any processor.
const (
	octave = 35
	topKey = octave * 2046
	// span is how many neighbouring buckets are kept apart on each side of zero, counted from the largest amount.
	// Smaller amounts, below a 10^17th of it, count into the smallest of these.
	span = 2048
	// most readings of one bucket: nine years at a million a second. More are not counted, so that no sum overflows.
	most = 1 << 48
)

// keyOf gives the bucket of a finite number. What is smaller than any normal number is zero.
func keyOf(f float64) int32 {
	b := math.Float64bits(f)
	e := int32(b >> 52 & 0x7ff)
	if e == 0 {
		return 0
	}
	s := b << 12 >> 36 // the fraction in 28 bits
	u := 50<<28 - s*(21<<28-6*s)>>28
	key := octave*(e-1) + int32(s*u>>56) + 1
	if b>>63 != 0 {
		return -key
	}
	return key
}

// middles are the buckets' values in the octave from 1 to 2, each as near to its two ends, relative to them.
var middles = func() (m [octave]float64) {
	one := keyOf(1)
	low := 1.0
	for i := range m {
		from, to := math.Float64bits(low), math.Float64bits(2) // find the next bucket's first value
		for to-from > 1 {
			if half := from + (to-from)/2; keyOf(math.Float64frombits(half)) > one+int32(i) {
				to = half
			} else {
				from = half
			}
		}
		high := math.Float64frombits(to)
		m[i] = 2 * low * high / (low + high)
		low = high
	}
	return m
}()

// valueOf gives what stands for the values of a bucket.
func valueOf(key int32) float64 {
	if key == 0 {
		return 0
	}
	k := int(max(key, -key)) - 1
	return math.Copysign(math.Ldexp(middles[k%octave], k/octave-1022), float64(key))
}

// buckets are counts by key, in blocks of 16 neighbours, sorted. Blocks keep both the search short and what a few
// far-apart readings take small.
type buckets struct {
	n           uint64 // the sum of all counts
	ids         []int32
	blocks      [][16]uint64
	last        int   // where the block used last was, and its id: as a rule blocks lie side by side, so from
	lastID      int32 // there it is known where another one is
	bottom, top int32 // the smallest negative and the largest positive key, or 0
}

func (b *buckets) reset() {
	*b = buckets{ids: b.ids[:0], blocks: b.blocks[:0]}
}

// add counts n readings of a key.
func (b *buckets) add(key int32, n uint64) {
	switch {
	case key > b.top || key < b.bottom:
		b.widen(key)
	case key > 0:
		key = max(key, b.top-span+1)
	case key < 0:
		key = min(key, b.bottom+span-1)
	}
	b.put(key, n)
}

// widen makes room for a key.
func (b *buckets) widen(key int32) {
	if key > b.top {
		b.top = key
		b.fold(1, key-span, key-span+1)
	}
	if key < b.bottom {
		b.bottom = key
		b.fold(key+span, -1, key+span-1)
	}
}

func (b *buckets) put(key int32, n uint64) {
	b.count(&b.block(key >> 4)[key&15], n)
}

// block gives the block of that id.
func (b *buckets) block(id int32) *[16]uint64 {
	i := b.last + int(id-b.lastID)
	if uint(i) >= uint(len(b.ids)) || b.ids[i] != id {
		i = b.find(id)
	}
	b.last, b.lastID = i, id
	return &b.blocks[i]
}

func (b *buckets) count(c *uint64, n uint64) {
	n = min(n, most-*c)
	*c += n
	b.n += n
}

// find gives the place of a block, which it makes if there is none.
func (b *buckets) find(id int32) int {
	i := len(b.ids)
	if i > 0 && id <= b.ids[i-1] {
		var ok bool
		if i, ok = slices.BinarySearch(b.ids, id); ok {
			return i
		}
	}
	b.ids = slices.Insert(b.ids, i, id)
	b.blocks = slices.Insert(b.blocks, i, [16]uint64{})
	return i
}

// fold counts the readings of the keys low to high into another key.
func (b *buckets) fold(low, high, into int32) {
	from, _ := slices.BinarySearch(b.ids, low>>4)
	to, moved := from, uint64(0)
	for ; to < len(b.ids) && b.ids[to] <= high>>4; to++ {
		for j := range b.blocks[to] {
			if key := b.ids[to]<<4 + int32(j); low <= key && key <= high {
				moved += b.blocks[to][j]
				b.blocks[to][j] = 0
			}
		}
	}
	if moved == 0 {
		return
	}
	b.n -= moved
	empty := func(i int) bool { return b.blocks[i] == [16]uint64{} }
	for i := to - 1; i >= from; i-- {
		if empty(i) {
			b.ids, b.blocks = slices.Delete(b.ids, i, i+1), slices.Delete(b.blocks, i, i+1)
		}
	}
	b.put(into, moved)
}

func (b *buckets) merge(o *buckets) {
	b.widen(o.top)
	b.widen(o.bottom)
	for i, id := range o.ids {
		first, last := id<<4, id<<4+15
		if (first > b.top-span || last <= 0) && (last < b.bottom+span || first >= 0) { // no key of this block is folded
			block := b.block(id)
			for j, n := range o.blocks[i] {
				b.count(&block[j], n)
			}
			continue
		}
		for j, n := range o.blocks[i] {
			if n > 0 {
				b.add(id<<4+int32(j), n)
			}
		}
	}
}

// at gives the key of the reading at a rank, the smallest being 1.
func (b *buckets) at(rank uint64) int32 {
	for i, id := range b.ids {
		for j, n := range b.blocks[i] {
			if rank <= n {
				return id<<4 + int32(j)
			}
			rank -= n
		}
	}
	return b.top
}

// appendBin writes one bucket's count: the distance from the key before in zigzag form, doubled, plus 1 where a count
// above 1 follows.
func appendBin(dst []byte, before, key int32, n uint64) []byte {
	d := uint64(uint32(key-before)<<1^uint32((key-before)>>31)) << 1
	if n == 1 {
		return binary.AppendUvarint(dst, d)
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, d|1), n)
}

// readBin reads what appendBin wrote. Keys go up from bucket to bucket; the first may be any.
func readBin(src []byte, before int32, first bool) (key int32, n uint64, rest []byte, err error) {
	d, src, err := readUvarint(src)
	if err != nil || bits.Len64(d) > 20 {
		return 0, 0, nil, ErrCorrupt
	}
	z := uint32(d >> 1)
	step := int32(z>>1) ^ -int32(z&1)
	key = before + step
	if !first && step <= 0 || key > topKey || key < -topKey {
		return 0, 0, nil, ErrCorrupt
	}
	if d&1 == 0 {
		return key, 1, src, nil
	}
	n, src, err = readUvarint(src)
	if err != nil || n < 2 || n > most {
		return 0, 0, nil, ErrCorrupt
	}
	return key, n, src, nil
}
