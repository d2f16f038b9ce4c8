// Package payload turns device messages into readings.
//
//	payload.go           Decoder, Reading, Reject: what the edge sees
//	topic.go             topic templates
//	json.go              JSON: an object, an array of objects, or one object a line
//	path.go, quoted.go   JSON paths, and the tree of a stream's paths
//	scan.go              strict JSON, value by value
//	scan_columns.go      one pass that finds the columns' values
//	convert.go           found values → typed columns
//	native.go            the other formats' values → typed columns; which keys are columns
//	senml*.go            SenML (RFC 8428): records, base fields, readings, in its JSON and CBOR forms
//	cbor*.go             CBOR: a map, an array of maps, or a sequence of these
//	line*.go             Influx line protocol
//	owntracks.go         OwnTracks locations
//	sparkplug*.go        Sparkplug B: births, data, deaths
//	encode*.go           readings → each of these, for simulators
//
// A message that can't be read, or an element of a batch, is a Reject with a short stable reason; the others go on. The
// package keeps no state between messages but buffers, and what Sparkplug's births say. It does not know of journals, panes
// or duplicates.
package payload

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Reading is one decoded record: a value for each declared column.
type Reading struct {
	TimeUs int64
	Row    []value.Value
	// Hash is equal for a reading that comes again: it covers the key, and the stream's sequence column, or else event time
	// and the reading's own bytes.
	Hash uint64
}

// Reject says why something is no reading.
type Reject struct {
	// Reason is a metric's label: malformed, not_object, bad_type, bad_timestamp, missing_key, bad_topic, bad_senml,
	// too_many, owntracks_type, encrypted, unknown_alias.
	Reason string
	Detail string
	Sample []byte // at most 256 bytes
}

// Batch is what one message gives. Its memory is used again after Reset.
type Batch struct {
	Readings []Reading
	Rejects  []Reject
	// Skipped counts what is well formed and, as its format has it, no reading of the stream, such as an OwnTracks waypoint.
	Skipped int
	slab    []value.Value
}

// Reset empties the batch.
func (b *Batch) Reset() {
	b.Readings, b.Rejects, b.Skipped, b.slab = b.Readings[:0], b.Rejects[:0], 0, b.slab[:0]
}

// row gives a row of NULLs. Rows stay valid when the slab grows, since the old one is left to them.
func (b *Batch) row(width int) []value.Value {
	if cap(b.slab)-len(b.slab) < width {
		b.slab = make([]value.Value, 0, max(64*width, 2*cap(b.slab)))
	}
	n := len(b.slab)
	b.slab = b.slab[:n+width]
	row := b.slab[n : n+width : n+width]
	clear(row)
	return row
}

const sampleBytes = 256

func (b *Batch) reject(reason, detail string, sample []byte) {
	b.Rejects = append(b.Rejects, Reject{Reason: reason, Detail: detail, Sample: append([]byte(nil), sample[:min(len(sample), sampleBytes)]...)})
}

// Decoder reads one stream's messages. It is for one goroutine.
type Decoder struct {
	stream   *plan.Stream
	types    []value.Type
	template *Template
	captured []int // the column of each captured level
	fromTop  []bool
	paths    []path
	keys     []int
	time     int
	sequence int // column of the device's own counter; -1: content tells readings apart
	scan     columnScanner
	levels   []string
	scratch  []byte
	names    interner
	generic  bool
	index    columnIndex
	own      []byte // a row's bytes, of formats in which several readings share bytes
	decode   func(topic string, payload []byte, arrivalUs int64, out *Batch)
}

// Formats are those that New takes.
var Formats = []string{"json", "senml", "cbor", "line", "owntracks", "sparkplug"}

// maxElements is how many elements one message may hold in formats other than JSON: a byte of CBOR can be one, and takes a
// row of memory.
const maxElements = 1 << 16

// New makes a decoder for a stream.
func New(s *plan.Stream) (*Decoder, error) {
	d := &Decoder{stream: s, time: int(s.Timestamp), sequence: -1, fromTop: make([]bool, len(s.Columns))}
	var err error
	if d.template, err = ParseTemplate(s.Topic); err != nil {
		return nil, fmt.Errorf("topic %q: %w", s.Topic, err)
	}
	index := map[string]int{}
	for i, c := range s.Columns {
		index[c.Name] = i
		d.types = append(d.types, c.Type.Value())
		p, err := parseQuoted(c.Path, c.Name)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		d.paths = append(d.paths, p)
		if c.Key {
			d.keys = append(d.keys, i)
		}
		if s.Dedupe == "sequence:"+c.Name {
			d.sequence = i
		}
		if c.Name == "value" || c.Name == "string_value" {
			d.generic = true
		}
	}
	for _, name := range d.template.Names() {
		i, ok := index[name]
		if !ok {
			return nil, fmt.Errorf("topic %q: {%s} is no column", s.Topic, name)
		}
		d.captured = append(d.captured, i)
		d.fromTop[i] = true
	}
	return d, d.setFormat()
}

// setFormat prepares what the stream's format needs.
func (d *Decoder) setFormat() error {
	d.index = newColumnIndex(d.paths, d.fromTop)
	switch d.stream.Format {
	case "json", "":
		d.decode = func(_ string, payload []byte, arrivalUs int64, out *Batch) { d.decodeJSON(payload, arrivalUs, out) }
	case "senml":
		d.decode = d.decodeSenML
	case "cbor":
		d.decode = newCBORDecoder(d).decode
	case "line":
		d.decode = newLineDecoder(d).decode
	case "owntracks":
		d.decode = newOwnTracksDecoder(d).decode
	case "sparkplug":
		d.decode = newSparkplugDecoder(d).decode
	default:
		return fmt.Errorf("format '%s' is not known", d.stream.Format)
	}
	d.scan = newColumnScanner(d.paths, d.fromTop)
	return nil
}

// Decode reads one message that arrived at arrivalUs, and appends to out.
func (d *Decoder) Decode(topic string, payload []byte, arrivalUs int64, out *Batch) {
	var ok bool
	if d.levels, ok = d.template.Match(topic, d.levels[:0]); !ok {
		out.reject("bad_topic", "the topic does not match the stream's", []byte(topic))
		return
	}
	d.decode(topic, payload, arrivalUs, out)
}

// begin makes a row with the columns that the topic gives.
func (d *Decoder) begin(out *Batch, sample []byte) ([]value.Value, bool) {
	row := out.row(len(d.types))
	for i, column := range d.captured {
		if d.types[column].Kind == value.String {
			row[column] = value.OfString(d.levels[i])
			continue
		}
		v, err := value.Parse(d.types[column], d.levels[i])
		if err != nil {
			out.reject("bad_topic", fmt.Sprintf("column %s: %s", d.stream.Columns[column].Name, err), sample)
			return nil, false
		}
		row[column] = v
	}
	return row, true
}

// finish checks the key, sets the event time, hashes, and keeps the reading.
func (d *Decoder) finish(out *Batch, row []value.Value, own []byte, arrivalUs int64) {
	for _, k := range d.keys {
		if row[k].IsNull() {
			out.reject("missing_key", fmt.Sprintf("column %s is the key, and is missing", d.stream.Columns[k].Name), own)
			return
		}
	}
	us := arrivalUs
	timed := d.time >= 0 && !row[d.time].IsNull()
	switch {
	case timed && d.types[d.time].Kind == value.Int:
		us = value.MicrosOfInt(row[d.time].Int())
	case timed:
		us = row[d.time].Int()
	case d.time >= 0 && d.types[d.time].Kind == value.Timestamp:
		row[d.time] = value.OfTime(us)
	case d.time >= 0:
		row[d.time] = value.OfInt(us)
	}
	d.scratch = d.scratch[:0]
	for _, k := range d.keys {
		d.scratch = value.Append(d.scratch, row[k])
	}
	if d.sequence >= 0 && !row[d.sequence].IsNull() {
		d.scratch = value.Append(d.scratch, row[d.sequence])
	} else {
		d.scratch = binary.LittleEndian.AppendUint64(d.scratch, uint64(us))
		d.scratch = append(d.scratch, own...)
	}
	out.Readings = append(out.Readings, Reading{TimeUs: us, Row: row, Hash: xxhash.Sum64(d.scratch)})
}

// interner keeps short strings that come again and again, such as device ids, so that they are allocated once.
type interner struct{ known map[string]string }

const (
	internedBytes = 48
	internedCount = 1 << 16
)

func (n *interner) text(b []byte) string {
	if len(b) > internedBytes {
		return string(b)
	}
	if s, ok := n.known[string(b)]; ok {
		return s
	}
	if n.known == nil || len(n.known) >= internedCount {
		n.known = map[string]string{}
	}
	s := string(b)
	n.known[s] = s
	return s
}
