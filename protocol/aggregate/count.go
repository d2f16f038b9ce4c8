package aggregate

import (
	"encoding/binary"

	"github.com/hexpane/hexpane/protocol/value"
)

// count is COUNT(*) and COUNT(x). For COUNT(*) the stage observes any value that is not NULL.
type count uint64

func (c *count) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		*c++
	}
}

func (c *count) Merge(other State) { *c += *other.(*count) }

func (c *count) Append(dst []byte) []byte { return binary.AppendUvarint(dst, uint64(*c)) }

func (c *count) Read(src []byte) ([]byte, error) {
	n, rest, err := readUvarint(src)
	*c = count(n)
	return rest, err
}

func (c *count) Result() value.Value { return value.OfInt(int64(*c)) }

// AppendCount writes the state of a COUNT of n, with which that of an AVG ends, too.
func AppendCount(dst []byte, n int64) []byte { return binary.AppendUvarint(dst, uint64(n)) }

func readUvarint(src []byte) (uint64, []byte, error) {
	if len(src) > 0 && src[0] < 0x80 {
		return uint64(src[0]), src[1:], nil
	}
	u, n := binary.Uvarint(src)
	if n <= 0 {
		return 0, nil, ErrCorrupt
	}
	return u, src[n:], nil
}
