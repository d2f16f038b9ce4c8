package payload

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// lineDecoder reads Influx line protocol: a reading a line. The measurement is the column "measurement", tags and fields are
// columns by their keys; of equal keys the first counts. The time is the event time, in nanoseconds or what its magnitude
// says. A line that can't be read is rejected; the others go on.
type lineDecoder struct {
	*Decoder
	lines lineScanner
	point point
}

func newLineDecoder(d *Decoder) *lineDecoder { return &lineDecoder{Decoder: d} }

func (l *lineDecoder) decode(_ string, payload []byte, arrivalUs int64, out *Batch) {
	if len(payload) == 0 {
		out.reject("malformed", "no line", payload)
	}
	lines := &l.lines
	lines.b, lines.i = payload, 0
	for n := 0; lines.next(); n++ {
		if n == maxElements {
			out.reject("too_many", fmt.Sprintf("more than %d lines", maxElements), payload)
			return
		}
		if err := lines.read(&l.point); err != nil {
			out.reject("malformed", err.Error(), lines.line())
			continue
		}
		l.reading(lines.line(), arrivalUs, out)
	}
	lines.b = nil
}

var measurementKey = []byte("measurement")

// reading converts the point at hand.
func (l *lineDecoder) reading(own []byte, arrivalUs int64, out *Batch) {
	p := &l.point
	row, ok := l.begin(out, own)
	if !ok {
		return
	}
	l.index.begin()
	bad := l.set(row, measurementKey, func(t value.Type) (value.Value, error) { return l.ofText(t, p.name) })
	for i := 0; bad == nil && i < len(p.tags); i++ {
		bad = l.set(row, p.tags[i].key, func(t value.Type) (value.Value, error) { return l.ofText(t, p.tags[i].value) })
	}
	for i := 0; bad == nil && i < len(p.fields); i++ {
		bad = l.set(row, p.fields[i].key, func(t value.Type) (value.Value, error) { return l.ofField(t, p.fields[i].value) })
	}
	if bad != nil {
		l.refuse(out, bad.column, bad.err, own)
		return
	}
	us := arrivalUs
	if p.timed {
		us = value.MicrosOfInt(p.time)
	}
	l.setTime(row, us)
	l.finish(out, row, own, us)
}

// badColumn is a value that its column doesn't take.
type badColumn struct {
	column int
	err    error
}

// set fills the columns of a key.
func (l *lineDecoder) set(row []value.Value, key []byte, convert func(value.Type) (value.Value, error)) *badColumn {
	columns, how := l.index.find(key)
	for _, c := range columns {
		if !l.index.offer(c, how) {
			continue
		}
		v, err := convert(l.types[c])
		if err != nil {
			return &badColumn{c, err}
		}
		row[c] = v
	}
	return nil
}

func (l *lineDecoder) ofField(t value.Type, v fieldValue) (value.Value, error) {
	switch v.kind {
	case fieldInt:
		return ofInt(t, int64(v.bits))
	case fieldUint:
		return ofUint(t, v.bits)
	case fieldFloat:
		return ofFloat(t, v.float(), 64)
	case fieldBool:
		return ofBool(t, v.bits != 0)
	}
	return l.ofText(t, v.text)
}
