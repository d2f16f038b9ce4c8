package aggregate

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// To the bound the count is exact, past it an estimate; on both sides of it the bytes are a function of the set.
func TestDistinctAgainstASet(t *testing.T) {
	maker := makerOf(t, "COUNT_DISTINCT", value.Int)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		n := rapid.SampledFrom([]int{10, 300, exactly - 1, exactly, exactly + 1, 3000}).Draw(t, "values")
		whole, set := maker(), map[int64]bool{}
		states := make([]State, rapid.IntRange(1, 5).Draw(t, "states"))
		for i := range states {
			states[i] = maker()
		}
		for range 2 * n {
			i := r.Int64N(int64(n))
			if len(set) < n {
				i = int64(len(set))
			}
			set[i] = true
			whole.Observe(value.OfInt(i), 0)
			states[min(r.IntN(len(states)), r.IntN(len(states)))].Observe(value.OfInt(i), 0) // small ones and large ones
		}
		for len(states) > 1 {
			i := r.IntN(len(states) - 1)
			last := clone(t, maker, states[len(states)-1])
			states = states[:len(states)-1]
			states[i].Merge(last)
		}
		if !bytes.Equal(states[0].Append(nil), whole.Append(nil)) {
			t.Fatalf("%d values: bytes differ", n)
		}
		got := whole.Result().Int()
		if n <= exactly && got != int64(n) || math.Abs(float64(got)-float64(n)) > 0.04*float64(n) {
			t.Fatalf("%d of %d values", got, n)
		}
	})
}

// The standard error that SQL.md states.
func TestEstimatesAreWithinTheirError(t *testing.T) {
	rounds := soak(400, 40)
	for _, n := range []int{exactly + 1, 5_000, 20_000, 60_000, 200_000} {
		sum, worst, far := 0.0, 0.0, 0
		for round := range rounds {
			r := rand.New(rand.NewPCG(uint64(round), uint64(n)))
			d := &distinct{many: new(registers)}
			for range n {
				d.many.see(r.Uint64())
			}
			e := float64(d.Result().Int())/float64(n) - 1
			sum += e * e
			worst = max(worst, math.Abs(e))
			if math.Abs(e) > 0.025 {
				far++
			}
		}
		rms := math.Sqrt(sum / float64(rounds))
		t.Logf("soak: COUNT(DISTINCT) of %d values, %d times: standard error %.3f %%, at most %.3f %% off", n, rounds, rms*100, worst*100)
		if rms > 0.0081*1.3 || far > 1+rounds/100 {
			t.Errorf("%d values: standard error %.3f %%, %d of %d past 2.5 %%", n, rms*100, far, rounds)
		}
	}
}

// Values of every kind, by their own hashes.
func TestDistinctOfKinds(t *testing.T) {
	for kind, v := range map[value.Kind]func(i int) value.Value{
		value.Int:       func(i int) value.Value { return value.OfInt(int64(i)) },
		value.Double:    func(i int) value.Value { return value.OfDouble(float64(i) / 8) },
		value.Decimal:   func(i int) value.Value { return value.OfDecimal(int64(i), 2) },
		value.String:    func(i int) value.Value { return value.OfString(fmt.Sprint("tram ", i)) },
		value.Timestamp: func(i int) value.Value { return value.OfTime(int64(i) * 1e6) },
		value.Cell:      func(i int) value.Value { return value.OfCell(0x89283082803ffff + uint64(i)<<12) },
	} {
		s := makerOf(t, "COUNT_DISTINCT", kind)()
		for i := range exactly {
			s.Observe(v(i), 0)
			s.Observe(v(i), 0)
			s.Observe(value.Value{}, 0)
		}
		if got := s.Result().Int(); got != exactly {
			t.Errorf("%s: %d of %d", kind, got, exactly)
		}
		for i := range 50_000 {
			s.Observe(v(i), 0)
		}
		if got := s.Result().Int(); math.Abs(float64(got)-50_000) > 0.03*50_000 {
			t.Errorf("%s: %d of 50000", kind, got)
		}
	}
	s := makerOf(t, "COUNT_DISTINCT", value.Double)()
	s.Observe(value.OfDouble(0), 0)
	s.Observe(value.OfDouble(math.Copysign(0, -1)), 0)
	if got := s.Result().Int(); got != 1 {
		t.Errorf("0 and −0 are %d values", got)
	}
}

// Hashes are agreed on between versions: these must never change.
const (
	fixedText = 0x857efa3b93779834
	fixedInt  = 0xbddc8d7c5ccd763e
)

func TestHashesAreFixed(t *testing.T) {
	if s, i := hashOf(value.OfString("bus 7")), hashOf(value.OfInt(7)); s != fixedText || i != fixedInt {
		t.Fatalf("%#x, %#x", s, i)
	}
}

func TestRegistersAgainstPlainOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.Uint64().Draw(t, "hash") >> rapid.IntRange(0, 63).Draw(t, "zeros") << rapid.IntRange(0, 63).Draw(t, "shift")
		})
		var a, b registers
		plain := map[uint64]uint64{}
		for i, h := range rapid.SliceOf(hash).Draw(t, "hashes") {
			[]*registers{&a, &b}[i%2].see(h)
			rank := uint64(1)
			for bit := uint64(1) << (rankBits - 1); bit > 0 && h&bit == 0; bit >>= 1 {
				rank++
			}
			plain[h>>rankBits] = max(plain[h>>rankBits], rank)
		}
		a.merge(&b)
		var got registers
		if rest, err := got.read((&distinct{many: &a}).Append(nil)[2:]); err != nil || len(rest) > 0 {
			t.Fatal(err)
		}
		for i := range uint64(1 << indexBits) {
			if r := got[i/perWord] >> (i % perWord * 6) & 63; r != plain[i] {
				t.Fatalf("register %d is %d, not %d", i, r, plain[i])
			}
		}
	})
}

func TestEstimatesOfHostileRegisters(t *testing.T) {
	var full, none registers
	for i := range full {
		full[i] = wordBits
	}
	if n := full.estimate(); n != 1<<62 {
		t.Errorf("full registers are %d values", n)
	}
	if n := none.estimate(); n != 0 {
		t.Errorf("empty registers are %d values", n)
	}
}

func BenchmarkDistinct(b *testing.B) {
	texts, ints := make([]value.Value, 1<<16), make([]value.Value, 1<<16)
	for i := range texts {
		texts[i], ints[i] = value.OfString(fmt.Sprintf("vehicle-%05d", i)), value.OfInt(int64(i))
	}
	of := func(values []value.Value) *distinct {
		d := new(distinct)
		for _, v := range values {
			d.Observe(v, 0)
		}
		return d
	}
	for _, n := range []int{4, 64, 1024, 1 << 16} {
		b.Run(fmt.Sprintf("observe_text_%d", n), func(b *testing.B) {
			b.ReportAllocs()
			d := of(texts[:n])
			for i := 0; b.Loop(); i++ {
				d.Observe(texts[i&(n-1)], 0)
			}
		})
	}
	b.Run("observe_int_64", func(b *testing.B) {
		b.ReportAllocs()
		d := of(ints[:64])
		for i := 0; b.Loop(); i++ {
			d.Observe(ints[i&63], 0)
		}
	})
	for _, c := range []struct{ from, into int }{{1, 10}, {10, 500}, {500, 500}, {10, 1 << 16}, {1 << 16, 1 << 16}} {
		from := of(texts[:c.from])
		bytes := from.Append(nil)
		b.Run(fmt.Sprintf("merge_%d_into_%d", c.from, c.into), func(b *testing.B) {
			b.ReportAllocs()
			base := of(texts[len(texts)-c.into:])
			into := new(distinct)
			for b.Loop() {
				into.hashes, into.many = append(into.hashes[:0], base.hashes...), base.many
				into.Merge(from)
			}
		})
		b.Run(fmt.Sprintf("append_%d", c.from), func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = from.Append(dst[:0])
			}
			b.ReportMetric(float64(len(dst)), "bytes")
		})
		b.Run(fmt.Sprintf("read_%d", c.from), func(b *testing.B) {
			b.ReportAllocs()
			into := new(distinct)
			for b.Loop() {
				if _, err := into.Read(bytes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("result_65536", func(b *testing.B) {
		d := of(texts)
		for b.Loop() {
			d.Result()
		}
	})
}
