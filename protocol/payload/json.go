package payload

import (
	"bytes"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/valyala/fastjson"
)

// decodeJSON reads an object, an array of objects, or one object a line.
func (d *Decoder) decodeJSON(payload []byte, arrivalUs int64, out *Batch) {
	v, err := d.parser.ParseBytes(payload)
	if err == nil {
		d.document(v, payload, arrivalUs, out)
		return
	}
	if bytes.IndexByte(bytes.TrimSpace(payload), '\n') < 0 {
		out.reject("malformed", err.Error(), payload)
		return
	}
	for line := range bytes.Lines(payload) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		v, err := d.parser.ParseBytes(line)
		if err != nil {
			out.reject("malformed", err.Error(), line)
			continue
		}
		d.document(v, line, arrivalUs, out)
	}
}

func (d *Decoder) document(v *fastjson.Value, own []byte, arrivalUs int64, out *Batch) {
	switch v.Type() {
	case fastjson.TypeObject:
		d.object(v, own, arrivalUs, out)
	case fastjson.TypeArray:
		elements, _ := v.Array() // its type was checked
		var bytes []byte
		for _, e := range elements {
			bytes = e.MarshalTo(bytes[:0])
			if e.Type() != fastjson.TypeObject {
				out.reject("not_object", fmt.Sprintf("an array's elements must be objects, found %s", e.Type()), bytes)
				continue
			}
			d.object(e, bytes, arrivalUs, out)
		}
	default:
		out.reject("not_object", fmt.Sprintf("want an object or an array of objects, found %s", v.Type()), own)
	}
}

func (d *Decoder) object(v *fastjson.Value, own []byte, arrivalUs int64, out *Batch) {
	row, ok := d.begin(out, own)
	if !ok {
		return
	}
	for i, t := range d.types {
		if d.fromTop[i] {
			continue
		}
		found := d.paths[i].get(v)
		if found == nil {
			continue
		}
		var err error
		if row[i], err = d.convert(t, found); err != nil {
			reason := "bad_type"
			if t.Kind == value.Timestamp {
				reason = "bad_timestamp"
			}
			out.reject(reason, fmt.Sprintf("column %s: %s", d.stream.Columns[i].Name, err), own)
			return
		}
	}
	d.finish(out, row, own, arrivalUs)
}
