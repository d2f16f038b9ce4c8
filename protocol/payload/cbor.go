package payload

import (
	"fmt"
	"strconv"
	"strings"
)

// cborDecoder reads CBOR (RFC 8949): a map, an array of maps, or a sequence of these (RFC 8742). A map's keys are texts or
// whole numbers, which paths give in digits. What follows a malformed item of a sequence is lost with it.
type cborDecoder struct {
	*Decoder
	deep  []int // columns whose path is more than one key
	found []int // where each column's value is; −1: nowhere
	bytes cborBytes
}

func newCBORDecoder(d *Decoder) *cborDecoder {
	c := &cborDecoder{Decoder: d, found: make([]int, len(d.paths))}
	for i, p := range d.paths {
		if !d.fromTop[i] && (len(p) > 1 || p[0].any || p[0].index >= 0) {
			c.deep = append(c.deep, i)
		}
	}
	return c
}

func (c *cborDecoder) decode(_ string, payload []byte, arrivalUs int64, out *Batch) {
	left := maxElements
	for rest, more := payload, true; more; more = len(rest) > 0 {
		item, err := rest, error(nil)
		if rest, err = c.bytes.first(rest); err != nil {
			out.reject("malformed", err.Error(), item)
			return
		}
		if left = c.item(c.bytes.item, left, arrivalUs, out); left < 0 {
			out.reject("too_many", fmt.Sprintf("more than %d elements", maxElements), payload)
			return
		}
	}
}

// item reads a map or an array of maps, and gives how many more there may be.
func (c *cborDecoder) item(b []byte, left int, arrivalUs int64, out *Batch) int {
	_, i := untagged(b, 0)
	h, i := headAt(b, i)
	if h.major != cborArray || h.arg == 0 && h.info != cborIndefinite { // an empty array counts, too
		if left--; left >= 0 && h.major != cborArray {
			c.element(b, 0, len(b), arrivalUs, out)
		}
		return left
	}
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end {
			return left
		}
		if left--; left < 0 {
			return left
		}
		next := skipCBOR(b, i)
		c.element(b, i, next, arrivalUs, out)
		i = next
	}
}

// element makes a reading of the map at i.
func (c *cborDecoder) element(b []byte, i, end int, arrivalUs int64, out *Batch) {
	own := b[i:end]
	if _, at := untagged(b, i); b[at]>>5 != cborMap {
		out.reject("not_object", "want a map, or an array of maps, found "+describeCBOR(b[at:end]), own)
		return
	}
	row, ok := c.begin(out, own)
	if !ok {
		return
	}
	c.locate(b, i)
	for column, at := range c.found {
		if at < 0 {
			continue
		}
		v, err := c.convertCBOR(c.types[column], b, at)
		if err != nil {
			c.refuse(out, column, err, own)
			return
		}
		row[column] = v
	}
	c.finish(out, row, own, arrivalUs)
}

// locate finds the columns' values in the map at i.
func (c *cborDecoder) locate(b []byte, i int) {
	for column := range c.found {
		c.found[column] = -1
	}
	c.index.begin()
	for _, column := range c.deep {
		c.found[column] = followCBOR(b, i, c.paths[column])
	}
	_, i = untagged(b, i)
	h, i := headAt(b, i)
	var digits [20]byte
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end {
			return
		}
		key, at, ok := cborKey(b, i, digits[:0])
		if ok {
			columns, how := c.index.find(key)
			for _, column := range columns {
				if c.index.offer(column, how) {
					c.found[column] = at
				}
			}
		}
		i = skipCBOR(b, at)
	}
}

// cborKey gives a key's text, and where its value is.
func cborKey(b []byte, i int, digits []byte) (key []byte, at int, ok bool) {
	h, at := headAt(b, i)
	switch h.major {
	case cborText:
		key, at = cborString(b, i, nil)
		return key, at, true
	case cborUint, cborNegative:
		whole, ok := h.integer()
		return strconv.AppendInt(digits, whole, 10), at, ok
	}
	return nil, skipCBOR(b, i), false
}

// followCBOR is where a path leads from the item at i; −1: nowhere. A key as written beats one in another case; of equals,
// and of the keys that * may mean, the first counts from which the path's rest leads somewhere.
func followCBOR(b []byte, i int, p path) int {
	if len(p) == 0 {
		return i
	}
	_, i = untagged(b, i)
	h, i := headAt(b, i)
	s, found := p[0], -1
	if h.major != cborMap && h.major != cborArray || (h.major == cborArray) != (s.index >= 0) {
		return -1
	}
	var digits [20]byte
	for n := uint64(0); ; n++ {
		var end bool
		if i, end = h.ends(b, i, n); end {
			return found
		}
		if h.major == cborArray {
			if n == uint64(s.index) {
				return followCBOR(b, i, p[1:])
			}
			i = skipCBOR(b, i)
			continue
		}
		key, at, ok := cborKey(b, i, digits[:0])
		asWritten := ok && !s.any && string(key) == s.key
		if s.any || asWritten || ok && found < 0 && strings.EqualFold(view(key), s.key) {
			if f := followCBOR(b, at, p[1:]); f >= 0 {
				if s.any || asWritten {
					return f
				}
				found = f
			}
		}
		i = skipCBOR(b, at)
	}
}
