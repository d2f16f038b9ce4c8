package payload

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/valyala/fastjson"
)

// Record is one SenML record with its base fields resolved (RFC 8428, 4.6). Absent values are NULL.
type Record struct {
	Base, Name, Unit string // Name includes Base
	TimeUs           int64
	Value            value.Value // v, a DOUBLE
	Text             value.Value // vs
	Bool             value.Value // vb
	Data             value.Value // vd, base64 as it came
	Sum              value.Value // s
}

// relativeLimit: times below 2^28 s are relative to now (RFC 8428, 4.5.3).
const relativeLimit = 1 << 28

// ResolveSenML reads a SenML JSON pack that arrived at arrivalUs.
func ResolveSenML(payload []byte, arrivalUs int64) ([]Record, error) {
	var p fastjson.Parser
	v, err := p.ParseBytes(payload)
	if err != nil {
		return nil, err
	}
	list, err := v.Array()
	if err != nil {
		return nil, fmt.Errorf("a pack is an array, found %s", v.Type())
	}
	var base base
	var records []Record
	for i, e := range list {
		o, err := e.Object()
		if err != nil {
			return nil, fmt.Errorf("record %d is no object", i)
		}
		if err := base.take(o); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		r, ok, err := base.resolve(o, arrivalUs)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		if ok {
			records = append(records, r)
		}
	}
	return records, nil
}

type base struct {
	name, unit       string
	time, value, sum float64
	hasValue, hasSum bool
	version          float64
}

func (b *base) take(o *fastjson.Object) (err error) {
	if err = stringField(o, "bn", &b.name); err != nil {
		return err
	}
	if err = stringField(o, "bu", &b.unit); err != nil {
		return err
	}
	for _, f := range []struct {
		key  string
		into *float64
		has  *bool
	}{{"bt", &b.time, nil}, {"bv", &b.value, &b.hasValue}, {"bs", &b.sum, &b.hasSum}, {"bver", &b.version, nil}} {
		has, err := numberField(o, f.key, f.into)
		if err != nil {
			return err
		}
		if has && f.has != nil {
			*f.has = true
		}
	}
	if b.version > 10 {
		return fmt.Errorf("SenML version %v is newer than 10", b.version)
	}
	var unknown string
	o.Visit(func(k []byte, _ *fastjson.Value) {
		if len(k) > 0 && k[len(k)-1] == '_' { // must be understood, and is not
			unknown = string(k)
		}
	})
	if unknown != "" {
		return fmt.Errorf("field %q must be understood, and is not known", unknown)
	}
	return nil
}

// resolve makes the record; ok is false for one that holds base fields alone.
func (b *base) resolve(o *fastjson.Object, arrivalUs int64) (r Record, ok bool, err error) {
	var name string
	r.Base, r.Unit = b.name, b.unit
	if err = stringField(o, "n", &name); err != nil {
		return r, false, err
	}
	if err = stringField(o, "u", &r.Unit); err != nil {
		return r, false, err
	}
	r.Name = b.name + name
	var t, v, s float64
	if _, err = numberField(o, "t", &t); err != nil {
		return r, false, err
	}
	hasV, err := numberField(o, "v", &v)
	if err != nil {
		return r, false, err
	}
	hasS, err := numberField(o, "s", &s)
	if err != nil {
		return r, false, err
	}
	if hasV || b.hasValue && o.Get("vs") == nil && o.Get("vb") == nil && o.Get("vd") == nil {
		r.Value = value.OfDouble(b.value + v)
	}
	if hasS || b.hasSum {
		r.Sum = value.OfDouble(b.sum + s)
	}
	for key, into := range map[string]*value.Value{"vs": &r.Text, "vd": &r.Data} {
		var text string
		if o.Get(key) == nil {
			continue
		}
		if err = stringField(o, key, &text); err != nil {
			return r, false, err
		}
		*into = value.OfString(text)
	}
	if vb := o.Get("vb"); vb != nil {
		b, err := vb.Bool()
		if err != nil {
			return r, false, fmt.Errorf("vb: %w", err)
		}
		r.Bool = value.OfBool(b)
	}
	ok = !r.Value.IsNull() || !r.Sum.IsNull() || !r.Text.IsNull() || !r.Data.IsNull() || !r.Bool.IsNull()
	if ok && r.Name == "" {
		return r, false, fmt.Errorf("a record has no name")
	}
	seconds := b.time + t
	if seconds < relativeLimit {
		r.TimeUs = arrivalUs + int64(seconds*1e6)
	} else {
		r.TimeUs, _ = value.MicrosOfNumber(seconds)
	}
	return r, ok, nil
}

func stringField(o *fastjson.Object, key string, into *string) error {
	v := o.Get(key)
	if v == nil {
		return nil
	}
	b, err := v.StringBytes()
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	*into = string(b)
	return nil
}

func numberField(o *fastjson.Object, key string, into *float64) (bool, error) {
	v := o.Get(key)
	if v == nil {
		return false, nil
	}
	f, err := v.Float64()
	if err != nil || value.OfDouble(f).IsNull() {
		return false, fmt.Errorf("%s: want a number, found %s", key, v)
	}
	*into = f
	return true, nil
}

// decodeSenML makes readings of a pack. A stream that declares a column value or string_value gets one reading per record
// (columns name, unit, value, string_value, bool_value, data, sum). Else records of one base name and time make one
// reading, whose columns are named as the records are, after their base name; a record without a name of its own goes
// by its unit, as in RFC 8428's GPS example. A key column that no record fills gets the base name.
func (d *Decoder) decodeSenML(payload []byte, arrivalUs int64, out *Batch) {
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
	d.finish(out, row, value.AppendRow(nil, row), records[0].TimeUs)
}
