package aggregate

import "github.com/hexpane/hexpane/protocol/value"

// Peek gives what s would show after Observe(v, us), and leaves s as it is. A condition of a pattern asks it of every row, and
// mostly the row does not come in: so a copy of all that was seen is made only for the aggregates whose result is as long.
func Peek(s State, v value.Value, us int64) value.Value {
	if v.IsNull() {
		return s.Result()
	}
	switch s := s.(type) {
	case *count:
		return value.OfInt(int64(*s + 1))
	case *doubleSum:
		c := *s
		c.add(v)
		return c.Result()
	case *intSum:
		c := *s
		c.add(v)
		return c.Result()
	case *avg:
		return peekAvg(s, v)
	case *extreme:
		c := *s
		c.Observe(v, us)
		return c.best
	case *distinct:
		if s.many == nil && len(s.hashes) < exactly {
			n := len(s.hashes)
			if _, ok := s.find(hashOf(v)); !ok {
				n++
			}
			return value.OfInt(int64(n))
		}
	}
	c := Clone(s)
	c.Observe(v, us)
	return c.Result()
}

func peekAvg(a *avg, v value.Value) value.Value {
	switch s := a.sum.(type) {
	case *doubleSum:
		c := *s
		c.add(v)
		return value.OfDouble(c.float() / float64(a.n+1))
	case *intSum:
		c := *s
		c.add(v)
		return value.OfDouble(c.float() / float64(a.n+1))
	}
	return value.Value{}
}

// Clone gives a state that has seen what s has, and goes its own way.
func Clone(s State) State {
	c := emptyLike(s)
	c.Merge(s)
	return c
}

func emptyLike(s State) State {
	switch s := s.(type) {
	case *count:
		return new(count)
	case *distinct:
		return new(distinct)
	case *doubleSum:
		return new(doubleSum)
	case *intSum:
		return &intSum{scale: s.scale, decimal: s.decimal}
	case *avg:
		return &avg{sum: emptyLike(s.sum).(sum)}
	case *stddev:
		return new(stddev)
	case *percentile:
		return &percentile{q: s.q}
	case *extreme:
		return &extreme{sign: s.sign}
	case *first:
		return &first{sign: s.sign, kind: s.kind}
	case *collect:
		return &collect{kind: s.kind}
	case *extent:
		return new(extent)
	case *topk:
		return &topk{kind: s.kind, n: s.n}
	}
	panic("aggregate: no such state")
}
