package wire

import (
	"encoding/binary"
	"math"
)

// FrameType says whether a frame holds all or what changed.
type FrameType uint8

// Snapshot is the first frame after a subscribe; updates follow.
const (
	Snapshot FrameType = 1
	Update   FrameType = 2
)

// Frame writes one binary live frame. Everything is little-endian and 8-byte aligned from its start, so that a browser
// lays typed arrays over it:
//
//	 0  'H' 'P', version 1, type          4  u32 frame length in bytes
//	 8  f64 seq                          16  f64 watermark, ms since the epoch, NaN: none
//	24  u32 rows   28 u16 topic length   30  u16 columns
//	32  topic, padded to 8; then each column:
//	    u8 kind, u8 name length, u16 0, u32 data length; name, padded to 8; data, padded to 8
//
// Kinds: 1 f64, 2 f32, 3 string (u32 offsets[rows+1], bytes), 4 cell (u64), 5 bool (u8). NULL is NaN, "" or 0.
type Frame struct {
	buf     []byte
	start   int
	columns uint16
}

// Column kinds of a frame.
const (
	frameF64, frameF32, frameString, frameCell, frameBool = 1, 2, 3, 4, 5
)

// BeginFrame starts a frame after dst, which may hold others.
func BeginFrame(dst []byte, t FrameType, topic string, seq uint64, watermarkMs float64, rows int) *Frame {
	for len(dst)%8 != 0 {
		dst = append(dst, 0)
	}
	f := &Frame{buf: dst, start: len(dst)}
	f.buf = append(f.buf, 'H', 'P', 1, byte(t), 0, 0, 0, 0)
	f.buf = appendF64(f.buf, float64(seq))
	f.buf = appendF64(f.buf, watermarkMs)
	f.buf = binary.LittleEndian.AppendUint32(f.buf, uint32(rows))
	f.buf = binary.LittleEndian.AppendUint16(f.buf, uint16(len(topic)))
	f.buf = append(f.buf, 0, 0)
	f.buf = append(f.buf, topic...)
	f.pad()
	return f
}

func appendF64(dst []byte, x float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
}

func (f *Frame) pad() {
	for (len(f.buf)-f.start)%8 != 0 {
		f.buf = append(f.buf, 0)
	}
}

func (f *Frame) column(kind byte, name string, size int) {
	f.columns++
	f.buf = append(f.buf, kind, byte(len(name)), 0, 0)
	f.buf = binary.LittleEndian.AppendUint32(f.buf, uint32(size))
	f.buf = append(f.buf, name...)
	f.pad()
}

// F64 adds a column of doubles.
func (f *Frame) F64(name string, data []float64) {
	f.column(frameF64, name, 8*len(data))
	for _, x := range data {
		f.buf = appendF64(f.buf, x)
	}
}

// F32 adds a column of floats.
func (f *Frame) F32(name string, data []float32) {
	f.column(frameF32, name, 4*len(data))
	for _, x := range data {
		f.buf = binary.LittleEndian.AppendUint32(f.buf, math.Float32bits(x))
	}
	f.pad()
}

// Strings adds a column of strings.
func (f *Frame) Strings(name string, data []string) {
	size := 4 * (len(data) + 1)
	for _, s := range data {
		size += len(s)
	}
	f.column(frameString, name, size)
	offset := uint32(0)
	f.buf = binary.LittleEndian.AppendUint32(f.buf, 0)
	for _, s := range data {
		offset += uint32(len(s))
		f.buf = binary.LittleEndian.AppendUint32(f.buf, offset)
	}
	for _, s := range data {
		f.buf = append(f.buf, s...)
	}
	f.pad()
}

// Cells adds a column of H3 indexes.
func (f *Frame) Cells(name string, data []uint64) {
	f.column(frameCell, name, 8*len(data))
	for _, x := range data {
		f.buf = binary.LittleEndian.AppendUint64(f.buf, x)
	}
}

// Bools adds a column of booleans.
func (f *Frame) Bools(name string, data []bool) {
	f.column(frameBool, name, len(data))
	for _, b := range data {
		if b {
			f.buf = append(f.buf, 1)
		} else {
			f.buf = append(f.buf, 0)
		}
	}
	f.pad()
}

// End completes the frame and gives the whole buffer.
func (f *Frame) End() []byte {
	binary.LittleEndian.PutUint32(f.buf[f.start+4:], uint32(len(f.buf)-f.start))
	binary.LittleEndian.PutUint16(f.buf[f.start+30:], f.columns)
	return f.buf
}
