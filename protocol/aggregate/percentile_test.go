package aggregate

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// soak is the number of readings in a long run, and in a short one.
func soak(long, short int) int {
	if os.Getenv("HEXPANE_SOAK") == "1" {
		return long
	}
	return short
}

// Every bucket of an octave is narrow enough that its middle is within 1 % of both of its ends, and octaves are alike.
func TestBucketsAreNarrow(t *testing.T) {
	worst := 0.0
	for k := keyOf(1); k < keyOf(1)+octave; k++ {
		low, high := bounds(k)
		m := valueOf(k)
		worst = max(worst, m/low-1, 1-m/high)
		for _, e := range []int{-1022, -700, 1, 10, 1022} {
			if got := keyOf(math.Ldexp(low, e)); got != k+octave*int32(e) {
				t.Fatalf("bucket %d begins at %v, but 2^%d times that is in %d", k, low, e, got)
			}
			if got, want := valueOf(k+octave*int32(e)), math.Ldexp(m, e); got != want {
				t.Fatalf("the middle of %d and 2^%d is %v, not %v", k, e, got, want)
			}
		}
	}
	t.Logf("soak: PERCENTILE: %d buckets an octave, at most %.5f %% off", octave, worst*100)
	if worst > 0.01 {
		t.Fatalf("a value is %v away from its bucket's", worst)
	}
}

// bounds gives the smallest and the largest value of a bucket between 1 and 2.
func bounds(key int32) (low, high float64) {
	first := func(key int32) float64 {
		from, to := math.Float64bits(1), math.Float64bits(2)
		for from < to {
			if half := from + (to-from)/2; keyOf(math.Float64frombits(half)) < key {
				from = half + 1
			} else {
				to = half
			}
		}
		return math.Float64frombits(from)
	}
	return first(key), math.Nextafter(first(key+1), 0)
}

func TestKeysAreInTheOrderOfValues(t *testing.T) {
	if keyOf(0) != 0 || keyOf(math.Copysign(0, -1)) != 0 || keyOf(math.SmallestNonzeroFloat64) != 0 || keyOf(0x1p-1022) != 1 || keyOf(math.MaxFloat64) != topKey {
		t.Fatal("the ends:", keyOf(0), keyOf(math.SmallestNonzeroFloat64), keyOf(0x1p-1022), keyOf(math.MaxFloat64))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = math.Nextafter(a, b)
		}
		if a < b && keyOf(a) > keyOf(b) || keyOf(a) != -keyOf(-a) {
			t.Fatalf("%v has key %d, %v has %d", a, keyOf(a), b, keyOf(b))
		}
		if m := valueOf(keyOf(a)); math.Abs(a) >= 0x1p-1022 && math.Abs(m-a) > 0.01*math.Abs(a) {
			t.Fatalf("%v became %v", a, m)
		}
	})
}

// The distributions that percentiles of telemetry are taken of, and some that nobody should send.
var distributions = map[string]func(r *rand.Rand) float64{
	"uniform":     func(r *rand.Rand) float64 { return r.Float64() * 120 },
	"normal":      func(r *rand.Rand) float64 { return 20 + 5*r.NormFloat64() },
	"two humps":   func(r *rand.Rand) float64 { return []float64{5, 80}[r.IntN(2)] + r.NormFloat64() },
	"exponential": func(r *rand.Rand) float64 { return r.ExpFloat64() },
	"pareto":      func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -1) },
	"lognormal":   func(r *rand.Rand) float64 { return math.Exp(2 * r.NormFloat64()) },
	"negative":    func(r *rand.Rand) float64 { return -r.ExpFloat64() * 1e-3 },
	"around zero": func(r *rand.Rand) float64 { return float64(r.IntN(7)-3) * r.Float64() },
	"constant":    func(*rand.Rand) float64 { return 50 },
	"integers":    func(r *rand.Rand) float64 { return float64(r.IntN(10)) },
	"mostly zero": func(r *rand.Rand) float64 { return max(0, r.NormFloat64()-2) },
	"any bits": func(r *rand.Rand) float64 {
		for {
			if f := math.Float64frombits(r.Uint64()&^(1<<63) | 1<<62); f-f == 0 && f > 0x1p990 {
				return f
			}
		}
	},
}

func TestPercentilesAgainstSortedReadings(t *testing.T) {
	n := soak(1_000_000, 50_000)
	for name, draw := range distributions {
		for _, n := range []int{1, 2, 10, few, few + 1, 100, n} {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			values := make([]float64, n)
			parts := make([]State, 7)
			for i := range parts {
				parts[i] = &percentile{}
			}
			for i := range values {
				values[i] = draw(r)
				parts[r.IntN(len(parts))].Observe(value.OfDouble(values[i]), 0)
			}
			slices.Sort(values)
			whole := parts[0]
			for _, p := range parts[1:] {
				whole.Merge(p)
			}
			worst := 0.0
			for q := 0.0; q <= 1; q += 1.0 / 256 {
				want := values[max(1, int(math.Ceil(q*float64(n))))-1]
				whole.(*percentile).q = q
				got := whole.Result().Float()
				if want == 0 && got == 0 {
					continue
				}
				worst = max(worst, math.Abs(got-want)/math.Abs(want))
			}
			if worst > 0.01 {
				t.Errorf("%s, %d readings: %.4f %% off", name, n, worst*100)
			}
			if n > 100 {
				t.Logf("soak: PERCENTILE of %d readings, %s: at most %.3f %% off, %d bytes", n, name, worst*100, len(whole.Append(nil)))
			}
		}
	}
}

// Shares are decimal fractions: the 7th of 100 is the smallest that 0.07 of them do not exceed.
func TestRanks(t *testing.T) {
	for _, c := range []struct {
		q    float64
		n    int
		want float64
	}{{0.07, 100, 7}, {0.95, 20, 19}, {0.95, 10, 10}, {0.5, 2, 1}, {0.5, 3, 2}, {0, 5, 1}, {1, 5, 5}, {0.29, 100, 29}, {0.9999, 10, 10}, {0.57, 100, 57}} {
		s := makerOf(t, "PERCENTILE", value.Int, c.q)()
		for i := range c.n {
			s.Observe(value.OfInt(int64(i+1)), 0)
		}
		if got := s.Result().Float(); math.Round(got) != c.want {
			t.Errorf("PERCENTILE(x, %v) of 1 to %d is about %v, not %v", c.q, c.n, got, c.want)
		}
	}
}

func TestPercentileOfNothingAndOfWhatIsNoNumber(t *testing.T) {
	s := makerOf(t, "PERCENTILE", value.Double, 0.5)()
	for _, v := range []value.Value{{}, value.OfDouble(math.NaN()), value.OfDouble(math.Inf(1)), value.OfDouble(math.Inf(-1))} {
		s.Observe(v, 0)
	}
	if !s.Result().IsNull() || !bytes.Equal(s.Append(nil), []byte{0}) {
		t.Fatalf("PERCENTILE of nothing is %s", s.Result().Text())
	}
}

// Readings over more decades than there are buckets: the largest amounts keep their accuracy, the state its bound, and its
// bytes do not tell in which order the readings came.
func TestWideReadingsAreFolded(t *testing.T) {
	maker := makerOf(t, "PERCENTILE", value.Double, 0.5)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) observed {
			e := rapid.IntRange(-300, 300).Draw(t, "decade")
			return observed{v: value.OfDouble(rapid.SampledFrom([]float64{1, -1, 0}).Draw(t, "sign") * math.Pow10(e))}
		}), 0, 60).Draw(t, "readings")
		whole := maker()
		for _, o := range list {
			whole.Observe(o.v, 0)
		}
		got := scatter(t, maker, list)
		if !bytes.Equal(got.Append(nil), whole.Append(nil)) {
			t.Fatalf("merged %x, observed whole %x", got.Append(nil), whole.Append(nil))
		}
		if many := got.(*percentile).many; many != nil {
			sum := uint64(0)
			for i, id := range many.ids {
				for j, n := range many.blocks[i] {
					sum += n
					if key := id<<4 + int32(j); n > 0 && (key > 0 && key <= many.top-span || key < 0 && key >= many.bottom+span) {
						t.Fatalf("key %d was not folded: %d to %d", key, many.bottom, many.top)
					}
				}
			}
			if sum != many.n || int(sum) != len(list) {
				t.Fatalf("%d readings in buckets, %d said, %d observed", sum, many.n, len(list))
			}
		}
	})
	s := &percentile{q: 0.99}
	for i := range 100_000 {
		s.Observe(value.OfDouble(math.Pow(-1, float64(i))*math.Ldexp(1+float64(i%53)/53, i%2000-1000)), 0)
	}
	if blocks := len(s.many.ids); blocks > 2*(span/16+1)+1 || len(s.Append(nil)) > 33_000 {
		t.Fatalf("%d blocks, %d bytes", blocks, len(s.Append(nil)))
	}
	if got := s.Result().Float(); got < 0x1p950 || got > 0x1p1000 {
		t.Fatalf("the 99th of 100 is %v", got)
	}
}

// Counts that no readings give, as a hostile edge may send them, end at a bound instead of running over.
func TestCountsDoNotRunOver(t *testing.T) {
	b := new(buckets)
	for range 70_000 {
		b.add(5, most)
	}
	b.add(3, 1)
	p := &percentile{q: 0.5, many: b}
	again := new(percentile)
	if _, err := again.Read(p.Append(nil)); err != nil || again.many.n != most+1 {
		t.Fatalf("%d readings, %v", b.n, err)
	}
}

// A state of far-apart buckets takes memory by the bytes that it came in.
func TestHostileSketchIsSmall(t *testing.T) {
	p := &percentile{}
	for key := int32(0); key < span; key += 64 {
		p.add(keyOf(1) + key)
	}
	size := len(p.Append(nil))
	again := new(percentile)
	if _, err := again.Read(p.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if memory := cap(again.many.blocks) * 128; memory > 128*size {
		t.Fatalf("%d bytes became %d", size, memory)
	}
	wide := appendBin(appendBin([]byte{15}, 0, keyOf(1), 14), keyOf(1), keyOf(1)+span, 1)
	if _, err := again.Read(wide); err == nil {
		t.Fatal("a sketch wider than any was taken")
	}
}

func BenchmarkPercentile(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]value.Value, 4096)
	for i := range values {
		values[i] = value.OfDouble(30 + 10*r.NormFloat64())
	}
	of := func(n int) *percentile {
		p := &percentile{q: 0.95}
		for i := range n {
			p.Observe(values[i%len(values)], 0)
		}
		return p
	}
	b.Run("observe", func(b *testing.B) {
		b.ReportAllocs()
		p := of(4096)
		for i := 0; b.Loop(); i++ {
			p.Observe(values[i&4095], 0)
		}
	})
	b.Run("observe_10_in_a_new_state", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := &percentile{q: 0.95}
			for i := range 10 {
				p.Observe(values[i], 0)
			}
		}
	})
	for _, n := range []int{1, 10, 100, 10_000} {
		from := of(n)
		bytes := from.Append(nil)
		b.Run(fmt.Sprintf("merge_%d_into_10000", n), func(b *testing.B) {
			b.ReportAllocs()
			into := of(10_000)
			for b.Loop() {
				into.Merge(from)
			}
		})
		b.Run(fmt.Sprintf("append_%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = from.Append(dst[:0])
			}
			b.ReportMetric(float64(len(dst)), "bytes")
		})
		b.Run(fmt.Sprintf("read_%d", n), func(b *testing.B) {
			b.ReportAllocs()
			into := new(percentile)
			for b.Loop() {
				if _, err := into.Read(bytes); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("result_%d", n), func(b *testing.B) {
			for b.Loop() {
				from.Result()
			}
		})
	}
}

// The bound is met to the bucket, whichever end comes first.
func TestFoldingAtItsEdge(t *testing.T) {
	for _, sign := range []int32{1, -1} {
		for _, apart := range []int32{span - 1, span, span + 1} {
			up, down := new(buckets), new(buckets)
			up.add(sign*100, 1)
			up.add(sign*(100+apart), 1)
			down.add(sign*(100+apart), 1)
			down.add(sign*100, 1)
			want := sign * max(100, 100+apart-span+1)
			for _, b := range []*buckets{up, down} {
				low, high := b.at(1), b.at(2)
				if sign < 0 {
					low, high = high, low
				}
				if low != want || high != sign*(100+apart) {
					t.Errorf("%d and %d are %d and %d", sign*100, sign*(100+apart), low, high)
				}
			}
		}
	}
}
