package payload

import (
	"bytes"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// decodeJSON reads an object, an array of objects, or one of these a line. A text that is not wholly one of them gives
// nothing as one: what it gave is taken back, and if it has several lines, each is read alone.
//
// A reading's own bytes are those from { to }, so that it hashes alike alone, in an array and in a line.
func (d *Decoder) decodeJSON(payload []byte, arrivalUs int64, out *Batch) {
	readings, rejects := len(out.Readings), len(out.Rejects)
	start := space(payload, 0)
	end := d.document(payload, start, arrivalUs, out)
	next := space(payload, max(end, 0))
	switch {
	case end >= 0 && next == len(payload):
		return
	case end >= 0 && bytes.IndexByte(payload[start:end], '\n') < 0 && bytes.IndexByte(payload[end:next], '\n') >= 0:
		d.lines(payload[next:], arrivalUs, out) // what was read is the first line
		return
	case end >= 0:
		d.scan.fail(next, "the end")
	}
	out.Readings, out.Rejects = out.Readings[:readings], out.Rejects[:rejects]
	if whole := trim(payload); bytes.IndexByte(whole, '\n') >= 0 {
		d.lines(whole, arrivalUs, out)
		return
	}
	out.reject("malformed", d.scan.problem(payload), payload)
}

func (d *Decoder) lines(text []byte, arrivalUs int64, out *Batch) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		if line = trim(line); len(line) == 0 {
			continue
		}
		readings, rejects := len(out.Readings), len(out.Rejects)
		end := d.document(line, 0, arrivalUs, out)
		if end >= 0 && end < len(line) {
			end = d.scan.fail(end, "the end of the line")
		}
		if end < 0 {
			out.Readings, out.Rejects = out.Readings[:readings], out.Rejects[:rejects]
			out.reject("malformed", d.scan.problem(line), line)
		}
	}
}

// trim cuts JSON's white space off.
func trim(b []byte) []byte {
	b = b[space(b, 0):]
	for len(b) > 0 && space(b, len(b)-1) == len(b) {
		b = b[:len(b)-1]
	}
	return b
}

// document reads the value at i and gives the position behind it, or −1 if it is malformed; what it then appended to out
// does not count.
func (d *Decoder) document(b []byte, i int, arrivalUs int64, out *Batch) int {
	switch {
	case i < len(b) && b[i] == '{':
		return d.object(b, i, 0, arrivalUs, out)
	case i < len(b) && b[i] == '[':
		return d.array(b, i, arrivalUs, out)
	}
	end := d.scan.value(b, i, 0, &d.scan.one)
	if end >= 0 {
		out.reject("not_object", fmt.Sprintf("want an object or an array of objects, found %s", d.scan.one.kind), b[i:end])
	}
	return end
}

func (d *Decoder) array(b []byte, i int, arrivalUs int64, out *Batch) int {
	s := &d.scan
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for more := true; more; {
		if i < len(b) && b[i] == '{' {
			i = d.object(b, i, 1, arrivalUs, out)
		} else {
			start := i
			if i = s.value(b, i, 1, &s.one); i >= 0 {
				out.reject("not_object", fmt.Sprintf("an array's elements must be objects, found %s", s.one.kind), b[start:i])
			}
		}
		if i < 0 {
			return -1
		}
		i, more = s.comma(b, i, ']', "',' or ']'")
	}
	return i
}

// object makes a reading of the object at i.
func (d *Decoder) object(b []byte, i, depth int, arrivalUs int64, out *Batch) int {
	end := d.scan.element(b, i, depth)
	if end >= 0 {
		d.reading(b, b[i:end], arrivalUs, out)
	}
	return end
}

// reading converts what the scanner found in b.
func (d *Decoder) reading(b, own []byte, arrivalUs int64, out *Batch) {
	row, ok := d.begin(out, own)
	if !ok {
		return
	}
	found, types := d.scan.found[:len(row)], d.types[:len(row)]
	for i := range row {
		t, k := types[i], &found[i]
		if k.kind <= tokenNull {
			continue
		}
		if t.Kind == value.Double && k.kind == tokenNumber && k.short() { // most values are
			row[i] = value.OfDouble(k.double())
			continue
		}
		var err error
		if row[i], err = d.convert(t, b, k); err != nil {
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
