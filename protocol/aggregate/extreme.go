package aggregate

import "github.com/hexpane/hexpane/protocol/value"

// extreme is MIN (sign −1) or MAX (sign 1), by the value order.
type extreme struct {
	best value.Value
	sign int
}

func (e *extreme) Observe(v value.Value, _ int64) {
	if !v.IsNull() && (e.best.IsNull() || value.Compare(v, e.best)*e.sign > 0) {
		e.best = v
	}
}

func (e *extreme) Merge(other State) { e.Observe(other.(*extreme).best, 0) }

func (e *extreme) Append(dst []byte) []byte { return value.Append(dst, e.best) }

func (e *extreme) Read(src []byte) ([]byte, error) {
	best, rest, err := value.Read(src)
	e.best = best
	return rest, err
}

func (e *extreme) Result() value.Value { return e.best }
