package join

import "sort"

// takeWithin meets a row with those of the other side that are near enough, and keeps it for those to come. Of a row that is behind its own
// stream's watermark by more than the grace those that it would have met may be gone, so it is refused.
func (j *Join) takeWithin(side int, k *kept, marks [2]int64, store Store, emit Emit) (late bool) {
	if k.us < marks[side]-j.def.GraceUs {
		return true
	}
	if m := j.keys[k.key]; m != nil {
		from, to := k.us-j.def.BeforeUs, k.us+j.def.AfterUs
		if side == Right {
			from, to = k.us-j.def.AfterUs, k.us+j.def.BeforeUs
		}
		others := m.sides[1-side]
		for _, o := range others[sort.Search(len(others), func(i int) bool { return others[i].us >= from }):] {
			if o.us > to {
				break
			}
			left, right := k, o
			if side == Right {
				left, right = o, k
			}
			if row, ok := j.pair(left, right); ok {
				if side == Right && j.def.Outer && !left.met {
					left.met = true
					j.store(Left, left, store)
				}
				left.met = true
				emit(max(k.us, o.us), row)
			}
		}
	}
	if k.us+j.reach(side) >= marks[1-side]-j.def.GraceUs {
		j.keep(side, k, store)
	} else if side == Left && j.def.Outer && !k.met {
		j.unmet(k, emit)
	}
	return false
}

// reach is how much later a row of the other side may be.
func (j *Join) reach(side int) int64 {
	if side == Left {
		return j.def.AfterUs
	}
	return j.def.BeforeUs
}

func (j *Join) advanceWithin(marks [2]int64, store Store, emit Emit) {
	for side := range j.due {
		bound := marks[1-side] - j.def.GraceUs - j.reach(side)
		for j.due[side].clean(); len(j.due[side]) > 0 && j.due[side][0].us < bound; {
			k := j.due[side][0]
			if side == Left && j.def.Outer && !k.met {
				j.unmet(k, emit)
			}
			j.drop(side, k, store)
		}
	}
}
