package index

import "github.com/hexpane/hexpane/geo/cell"

// Place is a place, degrees.
type Place struct{ Lat, Lon float64 }

// Finder looks many places up at a time. A lookup mostly waits for memory, and lookups side by side wait together: this takes half the time.
// It is for one goroutine.
type Finder struct {
	steps   [together]step
	numbers []int32
	ends    []int
	touched float64
}

// together is how many lookups go side by side: what they need of memory fits into the processor's nearest.
const together = 32

// mostTouched is how many of a block's points are called for before it is read.
const mostTouched = 64

type step struct {
	finest   uint64 // 0: no place
	lat, lon float64
	blocks   [levels]block // from the coarsest cell to finer ones
	depth    int           // how many there are
}

// Find looks the places up. What Of gives holds until the next Find.
func (f *Finder) Find(ix *Index, places []Place) {
	f.numbers, f.ends = f.numbers[:0], f.ends[:0]
	for len(places) > 0 {
		n := min(len(places), together)
		f.some(ix, places[:n])
		places = places[n:]
	}
}

func (f *Finder) some(ix *Index, places []Place) {
	steps := f.steps[:len(places)]
	for i := range steps {
		s := &steps[i]
		s.lat = places[i].Lat
		s.finest, s.lon, _ = ix.place(s.lat, places[i].Lon)
	}
	for level, res := range ix.levels {
		for i := range steps {
			if s := &steps[i]; s.finest != 0 && s.depth == level {
				if s.blocks[level] = ix.table.get(cell.Ancestor(s.finest, res)); s.blocks[level] != nil {
					s.depth++
				}
			}
		}
		for i := range steps {
			if s := &steps[i]; s.depth == level+1 {
				b := s.blocks[level]
				for at := 4; at < min(len(b), mostTouched); at += 4 {
					f.touched += b[at].Y // so that it is on its way
				}
				if !b.deeper() {
					s.finest = 0 // that was all
				}
			}
		}
	}
	for i := range steps {
		s := &steps[i]
		from := len(f.numbers)
		for n := range s.depth {
			f.numbers = s.blocks[n].find(s.lat, s.lon, ix.numbers, f.numbers, from)
			s.blocks[n] = nil
		}
		s.depth = 0
		f.ends = append(f.ends, len(f.numbers))
	}
}

// Of gives the numbers of the fences that the i-th place is in, each once, in no order.
func (f *Finder) Of(i int) []int32 {
	from := 0
	if i > 0 {
		from = f.ends[i-1]
	}
	return f.numbers[from:f.ends[i]:f.ends[i]]
}
