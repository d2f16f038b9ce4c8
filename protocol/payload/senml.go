package payload

import (
	"fmt"
	"math"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// Record is one SenML record with its base fields resolved (RFC 8428, 4.6). Absent values are NULL.
type Record struct {
	Base, Name, Unit string // Name includes Base
	TimeUs           int64
	Value            value.Value // v, a DOUBLE
	Text             value.Value // vs
	Bool             value.Value // vb
	Data             value.Value // vd, base64url: as it came, or of CBOR's bytes
	Sum              value.Value // s
}

// relativeLimit: times below 2^28 s are relative to now (RFC 8428, 4.5.3).
const relativeLimit = 1 << 28

const (
	// maxSenMLName is how long a record's name may be with its base name: each record of a pack would hold a copy.
	maxSenMLName = 1024
	// maxSenMLVersion is the newest version of SenML known.
	maxSenMLVersion = 10
)

// ResolveSenML reads a pack, JSON or CBOR, that arrived at arrivalUs.
func ResolveSenML(payload []byte, arrivalUs int64) ([]Record, error) {
	p := pack{arrivalUs: arrivalUs}
	var err error
	if len(payload) > 0 && payload[0] >= 0x80 { // CBOR's arrays and tags; JSON is ASCII outside of strings
		err = p.readCBOR(payload)
	} else {
		err = p.readJSON(payload)
	}
	return p.records, err
}

// pack resolves records in the order in which they stand.
type pack struct {
	arrivalUs int64
	base      senMLBase
	records   []Record
	read      int
}

type senMLBase struct {
	name, unit       string
	time, value, sum float64
	hasValue, hasSum bool
}

// fields are one record's as they came. The first of equal labels counts.
type fields struct {
	has                                    uint32 // 1<<label
	baseName, baseUnit, name, unit, vs, vd string
	baseTime, baseValue, baseSum, version  float64
	value, sum, time, updateTime           float64
	vb                                     bool
	unknown                                string // a label that must be understood, and is not
}

// label is a field of SenML. The order has no meaning.
type label uint8

const (
	labelBaseName label = iota
	labelBaseTime
	labelBaseUnit
	labelBaseValue
	labelBaseSum
	labelVersion
	labelName
	labelUnit
	labelValue
	labelText
	labelBool
	labelSum
	labelTime
	labelUpdateTime
	labelData
	noLabel
)

var labelNames = [...]string{"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"}

func labelOf(name []byte) label {
	for l, n := range labelNames {
		if string(name) == n {
			return label(l)
		}
	}
	return noLabel
}

// first reports whether the label is a known one that comes for the first time.
func (f *fields) first(l label) bool {
	if l == noLabel || f.has&(1<<l) != 0 {
		return false
	}
	f.has |= 1 << l
	return true
}

func (f *fields) is(l label) bool { return f.has&(1<<l) != 0 }

// text is where a label's text goes; nil: its value is none.
func (f *fields) text(l label) *string {
	switch l {
	case labelBaseName:
		return &f.baseName
	case labelBaseUnit:
		return &f.baseUnit
	case labelName:
		return &f.name
	case labelUnit:
		return &f.unit
	case labelText:
		return &f.vs
	case labelData:
		return &f.vd
	}
	return nil
}

// number is where a label's number goes; nil: its value is none.
func (f *fields) number(l label) *float64 {
	switch l {
	case labelBaseTime:
		return &f.baseTime
	case labelBaseValue:
		return &f.baseValue
	case labelBaseSum:
		return &f.baseSum
	case labelVersion:
		return &f.version
	case labelValue:
		return &f.value
	case labelSum:
		return &f.sum
	case labelTime:
		return &f.time
	case labelUpdateTime:
		return &f.updateTime
	}
	return nil
}

// extension notes a label that is not known: one that ends in _ must be understood.
func (f *fields) extension(name []byte) {
	if n := len(name); n > 0 && name[n-1] == '_' && f.unknown == "" {
		f.unknown = string(name)
	}
}

// add resolves the next record.
func (p *pack) add(f *fields) error {
	p.read++
	if err := p.resolve(f); err != nil {
		return fmt.Errorf("record %d: %w", p.read-1, err)
	}
	if p.read > maxElements {
		return fmt.Errorf("more than %d records", maxElements)
	}
	return nil
}

func (p *pack) resolve(f *fields) error {
	b := &p.base
	b.take(f)
	switch {
	case f.version > maxSenMLVersion:
		return fmt.Errorf("SenML version %v is newer than %d", f.version, maxSenMLVersion)
	case f.unknown != "":
		return fmt.Errorf("field %q must be understood, and is not known", f.unknown)
	case len(b.name)+len(f.name) > maxSenMLName:
		return fmt.Errorf("a name of more than %d bytes", maxSenMLName)
	}
	r := Record{Base: b.name, Name: b.name + f.name, Unit: b.unit}
	if f.is(labelUnit) {
		r.Unit = f.unit
	}
	if f.is(labelValue) || b.hasValue && !f.is(labelText) && !f.is(labelBool) && !f.is(labelData) {
		r.Value = value.OfDouble(b.value + f.value)
	}
	if f.is(labelSum) || b.hasSum {
		r.Sum = value.OfDouble(b.sum + f.sum)
	}
	if f.is(labelText) {
		r.Text = value.OfString(f.vs)
	}
	if f.is(labelData) {
		r.Data = value.OfString(f.vd)
	}
	if f.is(labelBool) {
		r.Bool = value.OfBool(f.vb)
	}
	if r.Value.IsNull() && r.Sum.IsNull() && r.Text.IsNull() && r.Data.IsNull() && r.Bool.IsNull() {
		return nil // base fields alone
	}
	if r.Name == "" {
		return fmt.Errorf("a record has no name")
	}
	var ok bool
	if r.TimeUs, ok = senMLTime(b.time+f.time, p.arrivalUs); !ok {
		return fmt.Errorf("the time %v is out of range", b.time+f.time)
	}
	p.records = append(p.records, r)
	return nil
}

func (b *senMLBase) take(f *fields) {
	if f.is(labelBaseName) {
		b.name = f.baseName
	}
	if f.is(labelBaseUnit) {
		b.unit = f.baseUnit
	}
	if f.is(labelBaseTime) {
		b.time = f.baseTime
	}
	if f.is(labelBaseValue) {
		b.value, b.hasValue = f.baseValue, true
	}
	if f.is(labelBaseSum) {
		b.sum, b.hasSum = f.baseSum, true
	}
}

// senMLTime: seconds since the epoch, or relative to now.
func senMLTime(seconds float64, arrivalUs int64) (int64, bool) {
	us := seconds * 1e6
	if math.IsNaN(us) || math.Abs(us) > 1<<62 {
		return 0, false
	}
	if seconds < relativeLimit {
		return arrivalUs + int64(us), true
	}
	return int64(math.Round(us)), true
}

// decodeSenML makes readings of a pack. A stream that declares a column value or string_value gets one reading per record
// (columns name, unit, value, string_value, bool_value, data, sum). Else records of one base name and time make one
// reading, whose columns are named as the records are, after their base name; a record without a name of its own goes
// by its unit, as in RFC 8428's GPS example. A key column that no record fills gets the base name.
func (d *Decoder) decodeSenML(_ string, payload []byte, arrivalUs int64, out *Batch) {
	records, err := ResolveSenML(payload, arrivalUs)
	if err != nil {
		out.reject("bad_senml", err.Error(), payload)
		return
	}
	for len(records) > 0 {
		n := 1
		if !d.generic {
			for n < len(records) && records[n].Base == records[0].Base && records[n].TimeUs == records[0].TimeUs {
				n++
			}
		}
		d.senMLReading(records[:n], payload, arrivalUs, out)
		records = records[n:]
	}
}

func (d *Decoder) senMLReading(records []Record, payload []byte, arrivalUs int64, out *Batch) {
	row, ok := d.begin(out, payload)
	if !ok {
		return
	}
	set := func(name string, v value.Value) bool {
		for i, c := range d.stream.Columns {
			if d.fromTop[i] || v.IsNull() || !strings.EqualFold(d.paths[i][len(d.paths[i])-1].key, name) {
				continue
			}
			converted := v
			if t := d.types[i]; t.Kind != v.Kind() {
				var err error
				if converted, err = value.Parse(t, v.Text()); err != nil {
					out.reject("bad_type", fmt.Sprintf("column %s: %s", c.Name, err), payload)
					return false
				}
			}
			row[i] = converted
		}
		return true
	}
	for i := range records {
		r := &records[i]
		if d.generic {
			if !set("name", value.OfString(r.Name)) || !set("unit", value.OfString(r.Unit)) || !set("value", r.Value) ||
				!set("string_value", r.Text) || !set("bool_value", r.Bool) || !set("data", r.Data) || !set("sum", r.Sum) {
				return
			}
			continue
		}
		name := r.Name[len(r.Base):]
		if name == "" {
			name = r.Unit
		}
		for _, v := range []value.Value{r.Value, r.Text, r.Bool, r.Data, r.Sum} {
			if !set(name, v) {
				return
			}
		}
	}
	for _, k := range d.keys {
		if row[k].IsNull() && d.types[k].Kind == value.String && records[0].Base != "" {
			row[k] = value.OfString(strings.TrimRight(records[0].Base, ":/"))
		}
	}
	if d.time >= 0 && row[d.time].IsNull() && d.types[d.time].Kind == value.Timestamp {
		row[d.time] = value.OfTime(records[0].TimeUs)
	}
	d.own = value.AppendRow(d.own[:0], row)
	d.finish(out, row, d.own, records[0].TimeUs)
}
