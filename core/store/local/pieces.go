package local

import (
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/window"
)

// Piece is a run of time that is read at one level: windows that start in [From, To), of Size. Size 0: the view's own windows, from where partitions keep
// them.
type Piece struct {
	From, To int64
	Size     int64
}

// held is what there is of a level in a partition: the windows that start in [from, to), all of them.
type held struct {
	size, from, to int64
}

// pieces cuts a question's range so that each moment is read once, at the coarsest level that is exact for the question: its windows divide the step, and
// lie within the range. What no level holds is read from the view's own windows. Levels are in any order.
func pieces(own, from, to, step int64, levels []held) []Piece {
	levels = slices.DeleteFunc(slices.Clone(levels), func(l held) bool {
		return l.from >= l.to || !exact(own, step, l.size)
	})
	slices.SortFunc(levels, func(a, b held) int { return int(min(1, max(-1, b.size-a.size))) })
	return appendPieces(nil, up(from, own), up(to, own), levels)
}

func appendPieces(list []Piece, from, to int64, coarsest []held) []Piece {
	if from >= to {
		return list
	}
	if len(coarsest) == 0 {
		return append(list, Piece{from, to, 0})
	}
	l, finer := coarsest[0], coarsest[1:]
	first, last := max(up(from, l.size), l.from), l.to
	if to < math.MaxInt64 {
		last = min(last, window.Pane(to, l.size))
	}
	if first >= last {
		return appendPieces(list, from, to, finer)
	}
	list = appendPieces(list, from, first, finer)
	list = append(list, Piece{first, last, l.size})
	return appendPieces(list, last, to, finer)
}

// up gives the first multiple of size that is not before us: of windows that start from us on, the first one's start.
func up(us, size int64) int64 {
	if us == math.MinInt64 || us > math.MaxInt64-size {
		return us
	}
	return window.Pane(us+size-1, size)
}
