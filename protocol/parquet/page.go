package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// The library decodes pages in bulk, by the lengths that stand in them: a run of a few bytes is gigabytes of memory. So the pages of a
// file that may come from anywhere are decoded here, of the encodings that writers choose by themselves (PLAIN and dictionaries), and a
// value is made only where the row is there to hold it. https://parquet.apache.org/docs/file-format/data-pages/encodings/

var errLarge = errors.New("it unpacks to more than is allowed, or more than it says")

// chunk is a column in a row group.
type chunk struct {
	leaf    leaf
	meta    *format.ColumnMetaData
	convert func(raw) (value.Value, error)
	rows    int
	budget  *int64 // bytes that may still be unpacked

	dictionary []value.Value
	out        []value.Value
}

// raw is a value as PLAIN has it: number holds that of a type of fixed size.
type raw struct {
	number uint64
	bytes  []byte
}

func (c *chunk) read(data []byte) ([]value.Value, error) {
	start := c.meta.DataPageOffset
	if d := c.meta.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	if start < 4 || c.meta.TotalCompressedSize < 0 || start > int64(len(data)) || c.meta.TotalCompressedSize > int64(len(data))-start {
		return nil, errCut
	}
	if c.meta.Type != c.leaf.element.Type.V {
		return nil, errors.New("its type is another than in the schema")
	}
	pages := data[start : start+c.meta.TotalCompressedSize]
	c.out = make([]value.Value, 0, min(c.rows, 4096)) // what the file says of itself is believed as it comes true
	for n := 1; len(c.out) < c.rows; n++ {
		var h format.PageHeader
		size, err := structure(pages, &h)
		if err != nil {
			return nil, fmt.Errorf("header of page %d: %w", n, err)
		}
		pages = pages[size:]
		if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > int64(len(pages)) {
			return nil, fmt.Errorf("page %d: %w", n, errCut)
		}
		before := len(c.out)
		if err := c.page(&h, pages[:h.CompressedPageSize]); err != nil {
			return nil, fmt.Errorf("page %d: %w", n, err)
		}
		if h.CompressedPageSize == 0 && len(c.out) == before {
			return nil, fmt.Errorf("page %d: it is empty", n)
		}
		pages = pages[h.CompressedPageSize:]
	}
	return c.out, nil
}

func (c *chunk) page(h *format.PageHeader, packed []byte) error {
	switch {
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		body, err := c.unpack(c.meta.Codec, packed, int64(h.UncompressedPageSize))
		if err != nil {
			return err
		}
		return c.readDictionary(body, int(h.DictionaryPageHeader.V.NumValues))
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		body, err := c.unpack(c.meta.Codec, packed, int64(h.UncompressedPageSize))
		if err != nil {
			return err
		}
		var levels []byte
		if c.leaf.optional {
			if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
				return errCut
			}
			n := binary.LittleEndian.Uint32(body)
			levels, body = body[4:4+n], body[4+n:]
		}
		return c.values(body, levels, int(h.DataPageHeader.V.NumValues), h.DataPageHeader.V.Encoding)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		v2 := &h.DataPageHeaderV2.V
		r, d := int64(v2.RepetitionLevelsByteLength), int64(v2.DefinitionLevelsByteLength)
		if r < 0 || d < 0 || r+d > int64(len(packed)) || r+d > int64(h.UncompressedPageSize) {
			return errCut
		}
		codec := c.meta.Codec
		if v2.IsCompressed.Valid && !v2.IsCompressed.V {
			codec = format.Uncompressed
		}
		body, err := c.unpack(codec, packed[r+d:], int64(h.UncompressedPageSize)-r-d)
		if err != nil {
			return err
		}
		return c.values(body, packed[r:r+d], int(v2.NumValues), v2.Encoding)
	case h.Type == format.IndexPage:
		return nil
	}
	return errors.New("it is of an unknown type")
}

// unpack gives a page's bytes, size of them.
func (c *chunk) unpack(codec format.CompressionCodec, packed []byte, size int64) ([]byte, error) {
	if *c.budget -= size; *c.budget < 0 || size > maxPage {
		return nil, errLarge
	}
	switch codec {
	case format.Uncompressed:
		return packed, nil
	case format.Snappy:
		if n, err := snappy.DecodedLen(packed); err != nil || int64(n) > size {
			return nil, errors.Join(err, errLarge)
		}
		return snappy.Decode(nil, packed)
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		n, err := io.Copy(&out, io.LimitReader(z, size+1))
		if err == nil && n > size {
			err = errLarge
		}
		return out.Bytes(), err
	case format.Zstd:
		d, err := unpacker()
		if err != nil {
			return nil, err
		}
		out, err := d.DecodeAll(packed, nil)
		if err == nil && int64(len(out)) > size {
			err = errLarge
		}
		return out, err
	}
	return nil, fmt.Errorf("it is packed by %s; ZSTD, SNAPPY, GZIP and UNCOMPRESSED are read", codec)
}

// unpacker is shared; a page that says that it is small and is not stops at maxPage.
var unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPage))
})

const maxPage = 64 << 20 // bytes

func (c *chunk) readDictionary(body []byte, n int) error {
	if n < 0 {
		return errCut
	}
	c.dictionary = c.dictionary[:0]
	p := plain{kind: c.meta.Type, width: int(c.leaf.element.TypeLength.V), data: body}
	for range n {
		r, ok := p.next()
		if !ok {
			return errCut
		}
		v, err := c.convert(r)
		if err != nil {
			return err
		}
		c.dictionary = append(c.dictionary, v)
	}
	return nil
}

// values reads n rows of a page, or as many as the row group still wants.
func (c *chunk) values(body, levels []byte, n int, encoding format.Encoding) error {
	if n < 0 || n > c.rows-len(c.out) {
		return fmt.Errorf("it has %d values, more than there are rows", n)
	}
	defined := runs{data: levels, width: 1}
	var next func() (value.Value, error)
	switch encoding {
	case format.Plain:
		p := plain{kind: c.meta.Type, width: int(c.leaf.element.TypeLength.V), data: body}
		next = func() (value.Value, error) {
			r, ok := p.next()
			if !ok {
				return value.Value{}, errCut
			}
			return c.convert(r)
		}
	case format.RLEDictionary, oldDictionary:
		indexes := runs{}
		if len(body) > 0 {
			indexes = runs{data: body[1:], width: uint(body[0])}
		}
		next = func() (value.Value, error) {
			i, ok := indexes.next()
			if !ok || uint64(i) >= uint64(len(c.dictionary)) {
				return value.Value{}, errCut
			}
			return c.dictionary[i], nil
		}
	case format.RLE:
		if c.meta.Type != format.Boolean || len(body) < 4 {
			return errCut
		}
		bits := runs{data: body[4:], width: 1}
		next = func() (value.Value, error) {
			b, ok := bits.next()
			if !ok {
				return value.Value{}, errCut
			}
			return c.convert(raw{number: uint64(b)})
		}
	default:
		return fmt.Errorf("it is encoded as %s; PLAIN and dictionaries are read", encoding)
	}
	for range n {
		if c.leaf.optional {
			level, ok := defined.next()
			if !ok {
				return errCut
			}
			if level == 0 {
				c.out = append(c.out, value.Value{})
				continue
			}
		}
		v, err := next()
		if err != nil {
			return err
		}
		c.out = append(c.out, v)
	}
	return nil
}

// plain reads values that stand one behind the other.
type plain struct {
	kind  format.Type
	width int // of FIXED_LEN_BYTE_ARRAY
	data  []byte
	bit   uint // of BOOLEAN, in the first byte
}

func (p *plain) take(n int) ([]byte, bool) {
	if n < 0 || n > len(p.data) {
		return nil, false
	}
	b := p.data[:n]
	p.data = p.data[n:]
	return b, true
}

func (p *plain) next() (r raw, ok bool) {
	var b []byte
	switch p.kind {
	case format.Boolean:
		if len(p.data) == 0 {
			return raw{}, false
		}
		r.number = uint64(p.data[0]>>p.bit) & 1
		if p.bit++; p.bit == 8 {
			p.bit, p.data = 0, p.data[1:]
		}
		return r, true
	case format.Int32, format.Float:
		if b, ok = p.take(4); ok {
			r.number = uint64(binary.LittleEndian.Uint32(b))
		}
	case format.Int64, format.Double:
		if b, ok = p.take(8); ok {
			r.number = binary.LittleEndian.Uint64(b)
		}
	case format.ByteArray:
		if b, ok = p.take(4); ok {
			n := binary.LittleEndian.Uint32(b)
			if n > math.MaxInt32 {
				return raw{}, false
			}
			r.bytes, ok = p.take(int(n))
		}
	case format.FixedLenByteArray:
		if p.width > 0 {
			r.bytes, ok = p.take(p.width)
		}
	}
	return r, ok
}

// runs reads numbers of width bits: runs of one, or groups of eight packed together.
type runs struct {
	data  []byte
	width uint
	left  uint64 // in the run at hand
	same  uint32
	group []byte // packed; nil: left times same
	bit   uint64 // in it
}

func (r *runs) next() (uint32, bool) {
	if r.width > 32 {
		return 0, false
	}
	for r.left == 0 {
		h, n := binary.Uvarint(r.data)
		if n <= 0 {
			return 0, false
		}
		r.data = r.data[n:]
		if h&1 == 1 { // a group's last numbers may be cut off where nobody needs them
			size := (h >> 1) * uint64(r.width)
			if h>>1 > 1<<31 {
				return 0, false
			}
			size = min(size, uint64(len(r.data)))
			r.group, r.data, r.bit, r.left = r.data[:size], r.data[size:], 0, (h>>1)*8
			continue
		}
		bytes := int(r.width+7) / 8
		if bytes > len(r.data) {
			return 0, false
		}
		r.same, r.group, r.left = 0, nil, h>>1
		for i := range bytes {
			r.same |= uint32(r.data[i]) << (8 * i)
		}
		r.data = r.data[bytes:]
	}
	r.left--
	if r.group == nil {
		return r.same, true
	}
	v := uint32(0)
	for i := range uint64(r.width) {
		at := r.bit + i
		if at/8 >= uint64(len(r.group)) {
			return 0, false
		}
		v |= uint32(r.group[at/8]>>(at%8)&1) << i
	}
	r.bit += uint64(r.width)
	return v, true
}

// oldDictionary is how writers of the first format version name a dictionary's indexes.
const oldDictionary format.Encoding = 2
