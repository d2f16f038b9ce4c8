package join

import "sort"

// takeLatest keeps a left row until its own stream's watermark passes it: what the table has to say of that time has come by then, as far as it is in
// time as well. A left row that is behind the watermark already is answered at once, from what is kept. A table's row is kept while it is the newest
// of its key, and for the grace after it is not, for left rows that come late.
func (j *Join) takeLatest(side int, k *kept, marks [2]int64, store Store, emit Emit) (late bool) {
	if side == Left {
		if k.us >= marks[Left] {
			j.keep(Left, k, store)
		} else {
			j.answer(k, emit)
		}
		return false
	}
	j.keep(Right, k, store)
	j.prune(k.key, marks[Left]-j.def.GraceUs, store)
	return false
}

// prune drops what a newer row of the table stood for already at a time.
func (j *Join) prune(key string, at int64, store Store) {
	for {
		m := j.keys[key]
		if m == nil || len(m.sides[Right]) < 2 || m.sides[Right][1].us > at {
			return
		}
		j.drop(Right, m.sides[Right][0], store)
	}
}

// answer emits a left row with the table's row that was newest at its time.
func (j *Join) answer(left *kept, emit Emit) {
	if m := j.keys[left.key]; m != nil && len(m.sides[Right]) > 0 {
		rows := m.sides[Right]
		n := sort.Search(len(rows), func(i int) bool { return rows[i].us > left.us })
		if n > 0 {
			if row, ok := j.pair(left, rows[n-1]); ok {
				emit(left.us, row)
				return
			}
		}
	}
	if j.def.Outer {
		j.unmet(left, emit)
	}
}

func (j *Join) advanceLatest(marks [2]int64, store Store, emit Emit) {
	for j.due[Left].clean(); len(j.due[Left]) > 0 && j.due[Left][0].us < marks[Left]; {
		k := j.due[Left][0]
		j.answer(k, emit)
		j.drop(Left, k, store)
	}
}
