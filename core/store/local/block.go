package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A block is windows of one size, of some keys over some time, by columns, so that a question reads only those it wants:
//
//	version 1 | sections uvarint | of each: length uvarint, stored length uvarint (0: as it is; else zstd) | the sections | CRC-32C, 4 bytes LE, of all before
//
// The first section is the head: keys uvarint | of each, in order: length uvarint, key, windows uvarint | of each window: how many windows after the one
// before it of its key it starts uvarint (of the first: after the block's start) | 0, or 1 and of each window its revision uvarint. Each section behind it
// is an aggregate's states, those of the first key first: 0 | length uvarint | first bytes of all states, second bytes …, where all are equally
// long, so that signs and exponents of numbers lie side by side; else 1 | of each its length uvarint | the states. The states are the bytes that
// protocol/aggregate writes, so what is read is what was merged, to the bit.
const blockVersion = 1

// What a block may hold; a writer stays far below.
const (
	maxSection = 64 << 20
	maxWindows = 1 << 22
)

var errCorrupt = errors.New("corrupt block of rollups")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var packer = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // of the options alone
	}
	return e
})

var unpacker = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxSection), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err)
	}
	return d
})

// series is what a block holds of one key.
type series struct {
	key       string
	at        []uint32   // by window: how many windows after the block's start it starts, ascending
	revisions []uint32   // by window
	states    [][]byte   // by aggregate: those of all windows, one after another
	lengths   [][]uint32 // by aggregate and window
}

func (s *series) bytes() int {
	n := len(s.key) + 8*len(s.at)
	for _, column := range s.states {
		n += len(column)
	}
	return n
}

// appendBlock writes series, sorted by key, of the same number of aggregates.
func appendBlock(dst []byte, list []*series, aggregates int) []byte {
	sections := make([][]byte, 0, 1+aggregates)
	sections = append(sections, head(list))
	for i := range aggregates {
		sections = append(sections, column(list, i))
	}
	begin := len(dst)
	dst = binary.AppendUvarint(append(dst, blockVersion), uint64(len(sections)))
	var bodies []byte
	for _, s := range sections {
		n := len(bodies)
		bodies = packer().EncodeAll(s, bodies)
		stored := len(bodies) - n
		if stored >= len(s) {
			bodies, stored = append(bodies[:n], s...), 0
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(len(s))), uint64(stored))
	}
	dst = append(dst, bodies...)
	return append(dst[:begin], sealed(dst[begin:])...)
}

// sealed puts the checksum behind.
func sealed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

func head(list []*series) []byte {
	dst := binary.AppendUvarint(nil, uint64(len(list)))
	revised := byte(0)
	for _, s := range list {
		dst = binary.AppendUvarint(dst, uint64(len(s.key)))
		dst = binary.AppendUvarint(append(dst, s.key...), uint64(len(s.at)))
		if slices.Max(s.revisions) > 0 {
			revised = 1
		}
	}
	for _, s := range list {
		before := uint32(0)
		for _, at := range s.at {
			dst = binary.AppendUvarint(dst, uint64(at-before))
			before = at
		}
	}
	dst = append(dst, revised)
	if revised > 0 {
		for _, s := range list {
			for _, r := range s.revisions {
				dst = binary.AppendUvarint(dst, uint64(r))
			}
		}
	}
	return dst
}

func column(list []*series, i int) []byte {
	length, same, n := list[0].lengths[i][0], true, 0
	for _, s := range list {
		for _, l := range s.lengths[i] {
			same = same && l == length
			n++
		}
	}
	if !same {
		dst := []byte{1}
		for _, s := range list {
			for _, l := range s.lengths[i] {
				dst = binary.AppendUvarint(dst, uint64(l))
			}
		}
		for _, s := range list {
			dst = append(dst, s.states[i]...)
		}
		return dst
	}
	dst := binary.AppendUvarint([]byte{0}, uint64(length))
	for k := range int(length) {
		for _, s := range list {
			for at := k; at < len(s.states[i]); at += int(length) {
				dst = append(dst, s.states[i][at])
			}
		}
	}
	return dst
}

// block is a block being read.
type block struct {
	sections []section
	keys     []blockKey
	at       []uint32 // by window
	revised  []uint32 // by window; nil: all are 0
}

type section struct {
	length int
	packed bool
	bytes  []byte
}

// blockKey is a key and its windows, those of [from, to).
type blockKey struct {
	key      []byte
	from, to int
}

// readBlock reads the head. The block refers to src.
func readBlock(src []byte) (*block, error) {
	if len(src) < 6 || src[0] != blockVersion {
		return nil, errCorrupt
	}
	body := src[:len(src)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(src[len(body):]) {
		return nil, errCorrupt
	}
	r := reader{src: body[1:]}
	n := r.number(1 << 10)
	if n < 1 {
		return nil, errCorrupt
	}
	b := &block{sections: make([]section, n)}
	stored := make([]int, n)
	for i := range b.sections {
		b.sections[i].length, stored[i] = r.number(maxSection), r.number(maxSection)
		if b.sections[i].packed = stored[i] > 0; !b.sections[i].packed {
			stored[i] = b.sections[i].length
		}
	}
	for i := range b.sections {
		b.sections[i].bytes = r.take(stored[i])
	}
	if r.bad || len(r.src) > 0 {
		return nil, errCorrupt
	}
	head, err := b.section(0)
	if err != nil {
		return nil, err
	}
	return b, b.readHead(head)
}

// section unpacks a section.
func (b *block) section(i int) ([]byte, error) {
	s := b.sections[i]
	if !s.packed {
		return s.bytes, nil
	}
	raw, err := unpacker().DecodeAll(s.bytes, make([]byte, 0, min(s.length, 1<<20)))
	if err != nil || len(raw) != s.length {
		return nil, errCorrupt
	}
	return raw, nil
}

func (b *block) readHead(head []byte) error {
	r := reader{src: head}
	keys := r.number(min(maxWindows, len(head)))
	b.keys = make([]blockKey, keys)
	windows := 0
	for i := range b.keys {
		k := blockKey{key: r.take(r.number(maxSection)), from: windows}
		windows += r.number(maxWindows)
		if k.to = windows; r.bad || k.to == k.from || windows > len(head) || i > 0 && string(b.keys[i-1].key) >= string(k.key) {
			return errCorrupt
		}
		b.keys[i] = k
	}
	if keys == 0 || windows > len(r.src) { // a byte of each at least
		return errCorrupt
	}
	b.at = make([]uint32, windows)
	for _, k := range b.keys {
		before := 0
		for i := k.from; i < k.to; i++ {
			step := r.number(maxWindows)
			if before += step; before > maxWindows || i > k.from && step == 0 {
				return errCorrupt
			}
			b.at[i] = uint32(before)
		}
	}
	if revised := r.number(1); revised == 1 && !r.bad {
		b.revised = make([]uint32, windows)
		for i := range b.revised {
			b.revised[i] = uint32(r.number(1<<32 - 1))
		}
	}
	if r.bad || len(r.src) > 0 {
		return errCorrupt
	}
	return nil
}

// states gives an aggregate's states.
func (b *block) states(aggregate int) (*states, error) {
	if aggregate+1 >= len(b.sections) {
		return nil, errCorrupt
	}
	raw, err := b.section(aggregate + 1)
	if err != nil || len(raw) == 0 || raw[0] > 1 {
		return nil, errCorrupt
	}
	r, n := reader{src: raw[1:]}, len(b.at)
	if raw[0] == 0 {
		length := r.number(maxSection)
		if r.bad || len(r.src) != length*n {
			return nil, errCorrupt
		}
		s := &states{bytes: r.src, length: length}
		if length > 1 {
			s.bytes = make([]byte, 0, length*n)
			for i := range n {
				for at := i; at < length*n; at += n {
					s.bytes = append(s.bytes, r.src[at])
				}
			}
		}
		return s, nil
	}
	s := &states{ends: make([]uint32, n)}
	end := 0
	for i := range s.ends {
		if end += r.number(maxSection); end > len(raw) {
			return nil, errCorrupt
		}
		s.ends[i] = uint32(end)
	}
	if r.bad || end != len(r.src) {
		return nil, errCorrupt
	}
	s.bytes = r.src
	return s, nil
}

// states are an aggregate's states, one a window.
type states struct {
	bytes  []byte
	length int      // of each,
	ends   []uint32 // unless these are given
}

func (s *states) of(window int) []byte {
	if s.ends == nil {
		return s.bytes[window*s.length : (window+1)*s.length]
	}
	from := uint32(0)
	if window > 0 {
		from = s.ends[window-1]
	}
	return s.bytes[from:s.ends[window]]
}

// reader takes numbers and bytes off src; bad sticks.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) number(most int) int {
	u, n := binary.Uvarint(r.src)
	if n <= 0 || u > uint64(most) {
		r.bad = true
		return 0
	}
	r.src = r.src[n:]
	return int(u)
}

func (r *reader) take(n int) []byte {
	if n > len(r.src) {
		r.bad = true
		return nil
	}
	taken := r.src[:n]
	r.src = r.src[n:]
	return taken
}
