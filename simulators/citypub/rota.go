package citypub

import (
	"iter"
	"time"
)

// rota takes turns: each of size devices once in every period, the turns evenly spread over it.
type rota struct {
	size  int
	every time.Duration
	taken int64 // turns so far
}

// due yields the devices whose turn has come by the time elapsed. Who missed more than one turn gets one.
func (r *rota) due(elapsed time.Duration) iter.Seq[int] {
	return func(yield func(int) bool) {
		if r.size == 0 {
			return
		}
		turns := int64(elapsed.Seconds() / r.every.Seconds() * float64(r.size))
		r.taken = max(r.taken, turns-int64(r.size))
		for r.taken < turns {
			i := int(r.taken % int64(r.size))
			r.taken++
			if !yield(i) {
				return
			}
		}
	}
}
