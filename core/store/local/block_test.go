package local

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func drawSeries(t *rapid.T, aggregates int) []*series {
	var list []*series
	for i := range rapid.IntRange(1, 5).Draw(t, "keys") {
		s := &series{key: fmt.Sprintf("%c%s", 'a'+i, rapid.SampledFrom([]string{"", "\x00", "\xff\xff", "key"}).Draw(t, "key")), states: make([][]byte, aggregates), lengths: make([][]uint32, aggregates)}
		at := rapid.Uint32Range(0, 100).Draw(t, "first")
		for range rapid.IntRange(1, 20).Draw(t, "windows") {
			s.at, s.revisions = append(s.at, at), append(s.revisions, rapid.SampledFrom([]uint32{0, 0, 0, 1, 1<<32 - 1}).Draw(t, "revision"))
			at += rapid.Uint32Range(1, 50).Draw(t, "step")
			for c := range aggregates {
				state := bytes.Repeat([]byte{byte(at), 7}, 4)
				if c > 0 {
					state = rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "state")
				}
				s.states[c], s.lengths[c] = append(s.states[c], state...), append(s.lengths[c], uint32(len(state)))
			}
		}
		list = append(list, s)
	}
	return list
}

// A block gives what was put in, and says so of any byte that is another one.
func TestBlockGivesWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		aggregates := rapid.IntRange(0, 3).Draw(t, "aggregates")
		list := drawSeries(t, aggregates)
		data := appendBlock(nil, list, aggregates)
		b, err := readBlock(data)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range list {
			k := b.keys[i]
			if string(k.key) != s.key || k.to-k.from != len(s.at) {
				t.Fatalf("key %d is %q with %d windows", i, k.key, k.to-k.from)
			}
			for c := range aggregates {
				column, err := b.states(c)
				if err != nil {
					t.Fatal(err)
				}
				var all []byte
				for w := k.from; w < k.to; w++ {
					if len(column.of(w)) != int(s.lengths[c][w-k.from]) {
						t.Fatalf("a state of %d bytes, not %d", len(column.of(w)), s.lengths[c][w-k.from])
					}
					all = append(all, column.of(w)...)
				}
				if !bytes.Equal(all, s.states[c]) {
					t.Fatalf("%x, want %x", all, s.states[c])
				}
			}
			for w := k.from; w < k.to; w++ {
				revision := uint32(0)
				if b.revised != nil {
					revision = b.revised[w]
				}
				if b.at[w] != s.at[w-k.from] || revision != s.revisions[w-k.from] {
					t.Fatalf("window %d of %q starts at %d, revision %d", w, k.key, b.at[w], revision)
				}
			}
		}
		data[rapid.IntRange(0, len(data)-1).Draw(t, "where")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		if _, err := readBlock(data); err == nil {
			t.Fatal("a flipped bit is not seen")
		}
	})
}

// Whatever the bytes, reading them ends, with bounded memory.
func FuzzReadBlock(f *testing.F) {
	rapid.Check(f, func(t *rapid.T) {
		data := appendBlock(nil, drawSeries(t, 2), 2)
		f.Add(data[:len(data)-4])
	})
	f.Add([]byte{blockVersion, 1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := readBlock(sealed(body))
		if err != nil {
			return
		}
		for i := range len(b.sections) - 1 {
			if s, err := b.states(i); err == nil {
				for w := range b.at {
					_ = s.of(w)
				}
			}
		}
	})
}
