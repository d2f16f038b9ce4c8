package aggregate

import "github.com/hexpane/hexpane/protocol/value"

// avg is a sum and a count.
type avg struct {
	sum sum
	n   count
}

func (a *avg) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		a.sum.add(v)
		a.n++
	}
}

func (a *avg) Merge(other State) {
	o := other.(*avg)
	a.sum.Merge(o.sum)
	a.n.Merge(&o.n)
}

func (a *avg) Append(dst []byte) []byte { return a.n.Append(a.sum.Append(dst)) }

func (a *avg) Read(src []byte) ([]byte, error) {
	rest, err := a.sum.Read(src)
	if err != nil {
		return nil, err
	}
	return a.n.Read(rest)
}

func (a *avg) Result() value.Value {
	if a.n == 0 {
		return value.Value{}
	}
	return value.OfDouble(a.sum.float() / float64(a.n))
}
