package payload

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/valyala/fastjson"
)

// convert makes a typed value of a JSON one. Strings that read as the type wanted are taken: devices send numbers so.
func (d *Decoder) convert(t value.Type, v *fastjson.Value) (value.Value, error) {
	switch v.Type() {
	case fastjson.TypeNull:
		return value.Value{}, nil
	case fastjson.TypeString:
		b, err := v.StringBytes()
		if err != nil {
			return value.Value{}, err
		}
		if t.Kind == value.String {
			return value.OfString(d.names.text(b)), nil
		}
		return value.Parse(t, string(b))
	case fastjson.TypeNumber:
		return d.number(t, v)
	case fastjson.TypeTrue, fastjson.TypeFalse:
		b := v.Type() == fastjson.TypeTrue
		switch t.Kind {
		case value.Bool:
			return value.OfBool(b), nil
		case value.String:
			return value.OfString(fmt.Sprint(b)), nil
		}
	}
	return value.Value{}, fmt.Errorf("want %s, found %s", t, v.Type())
}

func (d *Decoder) number(t value.Type, v *fastjson.Value) (value.Value, error) {
	f, err := d.float(v)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return value.Value{}, fmt.Errorf("want %s, found the number %s", t, v)
	}
	switch t.Kind {
	case value.Double:
		return value.OfDouble(f), nil
	case value.Int:
		if i, err := v.Int64(); err == nil {
			return value.OfInt(i), nil
		}
		if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return value.Value{}, fmt.Errorf("want %s, found %s", t, v)
		}
		return value.OfInt(int64(f)), nil
	case value.Timestamp:
		if i, err := v.Int64(); err == nil {
			return value.OfTime(value.MicrosOfInt(i)), nil
		}
		us, ok := value.MicrosOfNumber(f)
		if !ok {
			return value.Value{}, fmt.Errorf("want %s, found %s", t, v)
		}
		return value.OfTime(us), nil
	case value.Decimal, value.String:
		return value.Parse(t, string(v.MarshalTo(nil)))
	}
	return value.Value{}, fmt.Errorf("want %s, found the number %s", t, v)
}

// exactDigits: a number of so few characters is converted exactly by fastjson; of longer ones it may miss the last bit.
const exactDigits = 15

func (d *Decoder) float(v *fastjson.Value) (float64, error) {
	d.scratch = v.MarshalTo(d.scratch[:0])
	if len(d.scratch) <= exactDigits && bytes.IndexByte(d.scratch, 'e') < 0 && bytes.IndexByte(d.scratch, 'E') < 0 {
		return v.Float64()
	}
	return strconv.ParseFloat(string(d.scratch), 64)
}
