package aggregate

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) with 2^14 registers, a standard error of 0.81 %, and the
// estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no
// tables of corrections.
const (
	indexBits = 14
	rankBits  = 64 - indexBits // a register holds 0 … rankBits+1
	perWord   = 10
	words     = (1<<indexBits + perWord - 1) / perWord
)

// registers are packed ten to a word, six bits each, the first lowest. In memory and in bytes they are the same.
type registers [words]uint64

// every second register of a word; the gaps take the carries of a comparison.
const (
	everySecond = 63 | 63<<12 | 63<<24 | 63<<36 | 63<<48
	carries     = 64 | 64<<12 | 64<<24 | 64<<36 | 64<<48
	wordBits    = 1<<(6*perWord) - 1
	lastBits    = 1<<(6*(1<<indexBits-(words-1)*perWord)) - 1
)

// see takes a hash: its first bits choose the register, which keeps the longest run of zeros that follows.
func (r *registers) see(h uint64) {
	i := h >> rankBits
	rank := uint64(bits.LeadingZeros64(h<<indexBits|1<<(indexBits-1)) + 1)
	w, shift := i/perWord, i%perWord*6
	if r[w]>>shift&63 < rank {
		r[w] = r[w]&^(63<<shift) | rank<<shift
	}
}

// merge keeps the larger of each two registers.
func (r *registers) merge(o *registers) {
	for i, b := range o {
		if a := r[i]; a != b {
			r[i] = larger(a&everySecond, b&everySecond) | larger(a>>6&everySecond, b>>6&everySecond)<<6
		}
	}
}

func larger(a, b uint64) uint64 {
	c := ((a | carries) - b) & carries // set where a ≥ b
	mask := c - c>>6
	return a&mask | b&^mask
}

func (r *registers) read(src []byte) ([]byte, error) {
	if len(src) < 8*words {
		return nil, ErrCorrupt
	}
	for i := range r {
		r[i] = binary.LittleEndian.Uint64(src[8*i:])
		if r[i]&^wordBits != 0 {
			return nil, ErrCorrupt
		}
	}
	if r[words-1]&^lastBits != 0 {
		return nil, ErrCorrupt
	}
	return src[8*words:], nil
}

// estimate is how many different hashes were seen, to within 2.5 % in 99.8 of 100 cases.
func (r *registers) estimate() int64 {
	const m = 1 << indexBits
	var counts [64]int
	for i, w := range r {
		for range min(perWord, m-i*perWord) {
			counts[w&63]++
			w >>= 6
		}
	}
	for k := rankBits + 2; k < len(counts); k++ {
		counts[rankBits+1] += counts[k] // no hash gives these; a hostile edge may
	}
	z := m * tau(1-float64(counts[rankBits+1])/m)
	for k := rankBits; k >= 1; k-- {
		z = 0.5 * (z + float64(counts[k]))
	}
	z += m * sigma(float64(counts[0])/m)
	return int64(math.Round(min(m*m/(2*math.Ln2*z), 1<<62)))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for before := -1.0; z != before; y += y {
		before = z
		x *= x
		z += x * y
	}
	return z
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z, y := 1-x, 1.0
	for before := -1.0; z != before; {
		before = z
		x = math.Sqrt(x)
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
	}
	return z / 3
}
