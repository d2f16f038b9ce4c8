package payload

import (
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// AppendJSON writes a row as a JSON object under the columns' names, without NULLs: what a device would publish.
func AppendJSON(dst []byte, columns []*plan.Column, row []value.Value) []byte {
	dst = append(dst, '{')
	first := true
	for i, c := range columns {
		if row[i].IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = value.OfString(c.Name).AppendJSON(dst)
		dst = append(dst, ':')
		dst = row[i].AppendJSON(dst)
	}
	return append(dst, '}')
}
