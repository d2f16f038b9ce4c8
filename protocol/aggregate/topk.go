package aggregate

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/hexpane/hexpane/protocol/value"
)

// topk is TOPK(x, n): the n largest values, the largest first, equal ones as often as they came (as in ksqlDB).
type topk struct {
	values []value.Value
	n      int
	kind   value.Kind
}

func (k *topk) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		k.take(short(v))
	}
}

// take says whether v is one of the largest so far.
func (k *topk) take(v value.Value) bool {
	i := len(k.values)
	switch {
	case i == k.n && value.Compare(v, k.values[i-1]) <= 0:
		return false
	case i == k.n:
		k.values = k.values[:i-1]
	}
	i = sort.Search(len(k.values), func(j int) bool { return value.Compare(v, k.values[j]) > 0 })
	k.values = slices.Insert(k.values, i, v)
	return true
}

func (k *topk) Merge(other State) {
	for _, v := range other.(*topk).values {
		if !k.take(v) {
			return
		}
	}
}

// Append writes how many values there are, and the values.
func (k *topk) Append(dst []byte) []byte {
	return value.AppendRow(binary.AppendUvarint(dst, uint64(len(k.values))), k.values)
}

func (k *topk) Read(src []byte) ([]byte, error) {
	clear(k.values)
	k.values = k.values[:0]
	n, src, err := readUvarint(src)
	if err != nil || n > uint64(k.n) {
		return nil, ErrCorrupt
	}
	for i := range int(n) {
		var v value.Value
		if v, src, err = readListed(src, k.kind); err != nil {
			return nil, err
		}
		if i > 0 && value.Compare(v, k.values[i-1]) > 0 {
			return nil, ErrCorrupt
		}
		k.values = append(k.values, v)
	}
	return src, nil
}

// Result is a JSON array as text.
func (k *topk) Result() value.Value {
	if len(k.values) == 0 {
		return value.Value{}
	}
	text := []byte{'['}
	for i, v := range k.values {
		if i > 0 {
			text = append(text, ',')
		}
		text = v.AppendJSON(text)
	}
	return value.OfString(string(append(text, ']')))
}
