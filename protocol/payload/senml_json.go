package payload

import (
	"fmt"
	"math"
	"strconv"

	"github.com/valyala/fastjson"
)

// readJSON reads a pack in JSON.
func (p *pack) readJSON(payload []byte) error {
	var parser fastjson.Parser
	v, err := parser.ParseBytes(payload)
	if err != nil {
		return err
	}
	list, err := v.Array()
	if err != nil {
		return fmt.Errorf("a pack is an array, found %s", v.Type())
	}
	for i, e := range list {
		o, err := e.Object()
		if err != nil {
			return fmt.Errorf("record %d is no object", i)
		}
		var f fields
		o.Visit(func(key []byte, v *fastjson.Value) {
			if e := f.takeJSON(key, v); e != nil && err == nil {
				err = e
			}
		})
		if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		if err := p.add(&f); err != nil {
			return err
		}
	}
	return nil
}

func (f *fields) takeJSON(key []byte, v *fastjson.Value) error {
	l := labelOf(key)
	if l == noLabel {
		f.extension(key)
		return nil
	}
	if !f.first(l) {
		return nil
	}
	if text := f.text(l); text != nil {
		b, err := v.StringBytes()
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*text = string(b)
		return nil
	}
	if number := f.number(l); number != nil {
		n, err := strconv.ParseFloat(v.String(), 64) // fastjson's own is off in the last digit at times
		if err != nil || v.Type() != fastjson.TypeNumber || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%s: want a number, found %s", key, v)
		}
		*number = n
		return nil
	}
	b, err := v.Bool()
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	f.vb = b
	return nil
}
