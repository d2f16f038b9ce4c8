package payload

import (
	"strconv"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// AppendOwnTracks writes a row as an OwnTracks location: the columns by their names, the event time as tst in seconds.
func AppendOwnTracks(dst []byte, s *plan.Stream, row []value.Value) []byte {
	dst = append(dst, `{"_type":"location"`...)
	for i, c := range s.Columns {
		v := row[i]
		if v.IsNull() {
			continue
		}
		name := c.Name
		if i == int(s.Timestamp) {
			name = "tst"
		}
		dst = append(dst, ',')
		dst = value.OfString(name).AppendJSON(dst)
		dst = append(dst, ':')
		if v.Kind() == value.Timestamp {
			dst = strconv.AppendInt(dst, v.Int()/1e6, 10)
		} else {
			dst = v.AppendJSON(dst)
		}
	}
	return append(dst, '}')
}
