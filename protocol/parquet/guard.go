package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// The library believes what a file says of itself: the length of a list, for one. So that is looked at first, and nothing is left that makes a
// small file a large one in memory.
const (
	maxFooter = 4 << 20 // bytes
	maxItems  = 1 << 16 // elements of all lists in the footer, or in a page's header
	maxDepth  = 16      // of structures within one another
)

var errCut = errors.New("it is cut off, or no Parquet")

// footerOf gives a file's footer, checked.
func footerOf(data []byte) (*format.FileMetaData, error) {
	if len(data) < 12 || string(data[:4]) != "PAR1" || string(data[len(data)-4:]) != "PAR1" {
		return nil, errCut
	}
	size := int64(binary.LittleEndian.Uint32(data[len(data)-8:]))
	if size > int64(len(data))-12 {
		return nil, errCut
	}
	if size > maxFooter {
		return nil, fmt.Errorf("its footer has %d bytes, and at most %d are read", size, maxFooter)
	}
	footer := data[int64(len(data))-8-size : len(data)-8]
	meta := &format.FileMetaData{}
	n, err := structure(footer, meta)
	if err != nil {
		return nil, fmt.Errorf("its footer: %w", err)
	}
	if n != len(footer) {
		return nil, errors.New("its footer is signed, encrypted or damaged")
	}
	return meta, nil
}

// structure decodes a thrift structure at the front of data, into v, once its lists are known to be no longer than the data can hold,
// and gives its length.
func structure(data []byte, v any) (int, error) {
	w := walker{data: data, items: maxItems}
	if err := w.structure(maxDepth); err != nil {
		return 0, err
	}
	p := &thrift.CompactProtocol{}
	r := p.NewReaderFromBytes(bytes.Clone(data[:w.at]))
	if err := thrift.NewDecoder(r).Decode(v); err != nil {
		return 0, err
	}
	return w.at, nil
}

// walker steps over thrift's compact form: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
type walker struct {
	data  []byte
	at    int
	items int // that may still come
}

func (w *walker) octet() (byte, error) {
	if w.at == len(w.data) {
		return 0, errCut
	}
	w.at++
	return w.data[w.at-1], nil
}

func (w *walker) uvarint() (uint64, error) {
	n, size := binary.Uvarint(w.data[w.at:])
	if size <= 0 {
		return 0, errCut
	}
	w.at += size
	return n, nil
}

func (w *walker) skip(n uint64) error {
	if n > uint64(len(w.data)-w.at) {
		return errCut
	}
	w.at += int(n)
	return nil
}

func (w *walker) structure(depth int) error {
	for {
		b, err := w.octet()
		if err != nil || b == 0 {
			return err
		}
		if b>>4 == 0 { // the field's number follows
			if _, err := w.uvarint(); err != nil {
				return err
			}
		}
		if kind := b & 15; kind > 2 { // a bool is its kind
			if err := w.value(kind, depth-1); err != nil {
				return err
			}
		}
	}
}

func (w *walker) value(kind byte, depth int) error {
	if depth == 0 {
		return errors.New("structures lie too deep in one another")
	}
	switch kind {
	case 1, 2, 3: // bool (in a list), i8
		return w.skip(1)
	case 4, 5, 6: // i16, i32, i64
		_, err := w.uvarint()
		return err
	case 7: // double
		return w.skip(8)
	case 8: // bytes
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case 9, 10: // list, set
		b, err := w.octet()
		if err != nil {
			return err
		}
		n := uint64(b >> 4)
		if n == 15 {
			if n, err = w.uvarint(); err != nil {
				return err
			}
		}
		return w.each(n, depth, b&15)
	case 11: // map
		n, err := w.uvarint()
		if err != nil || n == 0 {
			return err
		}
		b, err := w.octet()
		if err != nil {
			return err
		}
		return w.each(n, depth, b>>4, b&15)
	case 12:
		return w.structure(depth)
	}
	return fmt.Errorf("kind %d is unknown", kind)
}

func (w *walker) each(n uint64, depth int, kinds ...byte) error {
	if n > uint64(w.items) {
		return fmt.Errorf("more than %d elements", maxItems)
	}
	w.items -= int(n)
	for range n {
		for _, kind := range kinds {
			if err := w.value(kind, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}
