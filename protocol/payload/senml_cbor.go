package payload

import (
	"encoding/base64"
	"fmt"
)

// senMLLabels are RFC 8428's integer labels, from −6 on.
var senMLLabels = [...]label{labelBaseSum, labelBaseValue, labelBaseUnit, labelBaseTime, labelBaseName, labelVersion,
	labelName, labelUnit, labelValue, labelText, labelBool, labelSum, labelTime, labelUpdateTime, labelData}

const firstSenMLLabel = -6

// readCBOR reads a pack in CBOR. Labels are the integers, or their names as in JSON.
func (p *pack) readCBOR(payload []byte) error {
	var c cborBytes
	rest, err := c.first(payload)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the pack", len(rest))
	}
	b := c.item
	_, i := untagged(b, 0)
	h, i := headAt(b, i)
	if h.major != cborArray {
		return fmt.Errorf("a pack is an array, found %s", describeCBOR(b))
	}
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end {
			return nil
		}
		var f fields
		if i, err = f.readCBOR(b, i); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		if err := p.add(&f); err != nil {
			return err
		}
	}
}

// readCBOR reads the record at i.
func (f *fields) readCBOR(b []byte, i int) (int, error) {
	_, i = untagged(b, i)
	h, i := headAt(b, i)
	if h.major != cborMap {
		return i, fmt.Errorf("want a map")
	}
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end {
			return i, nil
		}
		at := skipCBOR(b, i)
		l := noLabel
		switch key, _ := headAt(b, i); key.major {
		case cborUint, cborNegative:
			if k, ok := key.integer(); ok && k >= firstSenMLLabel && k < firstSenMLLabel+int64(len(senMLLabels)) {
				l = senMLLabels[k-firstSenMLLabel]
			}
		case cborText:
			name, _ := cborString(b, i, nil)
			if l = labelOf(name); l == noLabel {
				f.extension(name)
			}
		}
		if f.first(l) {
			if err := f.takeCBOR(l, b, at); err != nil {
				return i, fmt.Errorf("%s: %w", labelNames[l], err)
			}
		}
		i = skipCBOR(b, at)
	}
}

func (f *fields) takeCBOR(l label, b []byte, at int) (err error) {
	_, i := untagged(b, at)
	h, next := headAt(b, i)
	if number := f.number(l); number != nil {
		*number, err = cborNumber(b, at)
		return err
	}
	text := f.text(l)
	switch {
	case l == labelData && h.major == cborByteString:
		data, _ := cborString(b, i, nil)
		*text = base64.RawURLEncoding.EncodeToString(data)
	case text != nil && h.major == cborText:
		s, _ := cborString(b, i, nil)
		*text = string(s)
	case l == labelBool && h.major == cborSimple && (h.info == 20 || h.info == 21):
		f.vb = h.info == 21
	default:
		return fmt.Errorf("found %s", describeCBOR(b[i:next]))
	}
	return nil
}
