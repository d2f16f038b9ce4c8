package score_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/alert/score"
)

// specs are one of each kind, and of those whose parameters lead elsewhere; windows are of an hour, so that a few days are a few rows.
var specs = []score.Spec{
	{Kind: score.Anomaly, WindowUs: 60 * minute}, {Kind: score.Anomaly, WindowUs: 60 * minute, EachUs: 20 * minute}, {Kind: score.Anomaly},
	{Kind: score.Anomaly, WindowUs: 2 * 1440 * minute}, {Kind: score.Rolling, WindowUs: 60 * minute, Parameters: []float64{8}},
	{Kind: score.Rolling, WindowUs: 60 * minute, Parameters: []float64{12}}, {Kind: score.Rolling, WindowUs: 60 * minute},
	{Kind: score.Ewma, WindowUs: 60 * minute}, {Kind: score.Ewma, WindowUs: 60 * minute, Parameters: []float64{0, 4 * 60 * minute}},
	{Kind: score.Seasonal, WindowUs: 60 * minute}, {Kind: score.Seasonal, WindowUs: 360 * minute, Parameters: []float64{7}},
}

func keeper(t testing.TB, spec score.Spec) *score.Scores {
	t.Helper()
	s, err := score.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type row struct {
	us int64
	x  float64
}

// rows draws what a key has, with steps, gaps and faults in it.
func rows(rng *rand.Rand, n int, each int64, gaps bool) []row {
	all := make([]row, 0, n)
	us, shift := rng.Int64N(1000)*minute, 0.0
	for range n {
		us += each
		if gaps && rng.IntN(60) == 0 {
			us += each * rng.Int64N(40)
		}
		if rng.IntN(80) == 0 {
			shift = rng.NormFloat64() * 20
		}
		x := 20 + shift + 5*math.Sin(2*math.Pi*float64(us)/(1440*minute)) + rng.NormFloat64()
		switch rng.IntN(30) {
		case 0:
			x *= 10
		case 1:
			x = math.Round(x)
		case 2:
			x = 0
		}
		all = append(all, row{us, x})
	}
	return all
}

func stored(s *score.Scores, into map[string][]byte) {
	s.Changed(func(name string, part byte, state []byte) {
		at := fmt.Sprint(part, name)
		if delete(into, at); state != nil {
			into[at] = slices.Clone(state)
		}
	})
}

func restored(t *testing.T, spec score.Spec, from map[string][]byte) *score.Scores {
	t.Helper()
	s := keeper(t, spec)
	for at, state := range from {
		if err := s.Restore(at[1:], at[0]-'0', state); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A score is a function of the rows before it, whatever their order, however often they were revised, and however often the core began anew; and all of it ends at
// what a keeper knows that was given the rows as they are in the end, in order.
func TestAScoreIsAFunctionOfEarlierRows(t *testing.T) {
	scored, revised := 0, 0
	for seed := range uint64(33) {
		rng := rand.New(rand.NewPCG(seed, 5))
		spec := specs[int(seed)%len(specs)]
		all := rows(rng, 400, max(spec.EachUs, spec.WindowUs/max(1, spec.WindowUs/(60*minute)), 20*minute), seed%2 == 0)
		s, kept := keeper(t, spec), map[string][]byte{}
		came := false // row i, before i−1
		for i := range all {
			// The batch: a keeper that sees all earlier rows, and this one.
			if i%20 == 0 {
				batch := keeper(t, spec)
				for _, r := range all[:i] {
					batch.Row("k", r.us, r.x)
				}
				want, ok := batch.Row("k", all[i].us, all[i].x)
				got, also := s.Row("k", all[i].us, all[i].x)
				// A row that was there before finds a profile that knows up to 8 rows more, all of them earlier ones.
				near := came && (spec.Kind == score.Anomaly || spec.Kind == score.Seasonal) && math.Abs(want-got) < 0.05*max(1, math.Abs(want))
				if (want != got || ok != also) && !near {
					t.Fatalf("seed %d, %s: row %d has %v %v, by all rows before it %v %v", seed, spec.Kind, i, got, also, want, ok)
				}
				if ok {
					scored++
				}
			}
			came = false
			switch back := rng.IntN(8); { // comes late, or is revised, among the last 8
			case i+1 < len(all) && rng.IntN(4) == 0:
				came = true
				s.Row("k", all[i+1].us, all[i+1].x)
				s.Row("k", all[i].us, all[i].x)
			case rng.IntN(4) == 0 && i >= back+1:
				s.Row("k", all[i].us, all[i].x)
				r := &all[i-back]
				if back < 7 {
					s.Row("k", r.us, r.x+100)
					r.x += rng.NormFloat64()
					s.Row("k", r.us, r.x)
					revised++
				}
			default:
				s.Row("k", all[i].us, all[i].x)
			}
			stored(s, kept)
			if rng.IntN(10) == 0 {
				s = restored(t, spec, kept)
			}
		}
		batch, want := keeper(t, spec), map[string][]byte{}
		for _, r := range all {
			batch.Row("k", r.us, r.x)
		}
		stored(batch, want)
		if !maps.EqualFunc(kept, want, slices.Equal) {
			t.Fatalf("seed %d, %s: what is known in the end differs from what the rows in order teach", seed, spec.Kind)
		}
	}
	if scored < 200 || revised < 1000 {
		t.Fatalf("only %d scores and %d revisions were tried", scored, revised)
	}
}

// The rolling score is that of the definition: off the median, in median absolute deviations.
func TestTheRollingScoreIsThatOfItsDefinition(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 6))
		n := 8 + rng.IntN(100)
		s := keeper(t, score.Spec{Kind: score.Rolling, Parameters: []float64{float64(n)}})
		var all []float64
		for i := range 500 {
			x := rng.NormFloat64()
			got, ok := s.Row("k", int64(i), x)
			window := slices.Clone(all[max(0, len(all)-n):])
			if ok != (len(window) >= max(8, n/2)) {
				t.Fatalf("n %d: of row %d there is a score: %v", n, i, ok)
			}
			if ok {
				middle := median(window)
				for j, v := range window {
					window[j] = math.Abs(v - middle)
				}
				if want := (x - middle) / (1.4826 * median(window)); math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
					t.Fatalf("n %d: row %d has %v, by definition %v", n, i, got, want)
				}
			}
			all = append(all, x)
		}
	}
}

func median(of []float64) float64 {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[len(of)/2]
}

// The average's score is that of its definition while nothing is odd: deviations of a normal noise.
func TestAveragesOfNormalNoise(t *testing.T) {
	for _, kind := range []string{score.Ewma, score.Seasonal, score.Rolling} {
		rng := rand.New(rand.NewPCG(7, 7))
		s := keeper(t, score.Spec{Kind: kind, WindowUs: 10 * minute})
		sum, squares, n := 0.0, 0.0, 0.0
		for i := range 6_000 {
			if z, ok := s.Row("k", int64(i)*10*minute, 1000+3*rng.NormFloat64()); ok {
				sum, squares, n = sum+z, squares+z*z, n+1
			}
		}
		if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.05 || math.Abs(deviation-1) > 0.2 {
			t.Errorf("%s: normal noise has a mean of %.3f and a deviation of %.3f, not 0 and 1", kind, mean, deviation)
		}
	}
}

// What a key takes is bounded by what it is scored by, and there are no more keys than are allowed. One that was silent for too long is learned anew.
func TestKeysAreBounded(t *testing.T) {
	const most = 900 // bytes stored of a key, the longest rolling window aside
	for _, spec := range append(specs, score.Spec{Kind: score.Rolling, Parameters: []float64{score.MaxWindows}}) {
		spec.MaxKeys, spec.ForgetUs = 10, 30*1440*minute
		s, kept := keeper(t, spec), map[string][]byte{}
		rng := rand.New(rand.NewPCG(1, 8))
		last := int64(0)
		for _, r := range rows(rng, 300, 60*minute, true) {
			for key := range 20 {
				s.Row(fmt.Sprint(key), r.us, r.x)
			}
			stored(s, kept)
			last = r.us
		}
		size := 0
		for at, state := range kept {
			if at[1:] == "3" {
				size += len(state)
			}
		}
		if limit := most + 400*len(spec.Parameters); s.Keys() != 10 || s.Refused() != 3_000 || size > limit || size == 0 {
			t.Errorf("%s: %d keys, %d bytes stored of one, %d rows refused", spec.Kind, s.Keys(), size, s.Refused())
		}
		s.Row("3", last+29*1440*minute, 1)
		s.Advance(last + 31*1440*minute)
		stored(s, kept)
		for at := range kept {
			if at[1:] != "3" {
				t.Errorf("%s: %s is still stored", spec.Kind, at)
			}
		}
		if s.Keys() != 1 {
			t.Errorf("%s: %d keys were not forgotten", spec.Kind, s.Keys()-1)
		}
		if _, ok := s.Row("3", last+60*1440*minute, 1e6); ok {
			t.Errorf("%s: a key that was to be forgotten has a score", spec.Kind)
		}
	}
}

// No row, however odd, makes a score that is no number, nor one that never comes back.
func TestOddNumbers(t *testing.T) {
	odd := []float64{0, 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 1e38, -1e39, 1e9}
	for i, spec := range specs {
		rng := rand.New(rand.NewPCG(uint64(i), 9))
		s := keeper(t, spec)
		us := int64(0)
		feed := func(x float64) {
			us += 60 * minute
			if z, ok := s.Row("k", us, x); ok && math.IsNaN(z) {
				t.Fatalf("%+v: %v has a score that is no number", spec, x)
			}
			s.Changed(func(_ string, part byte, state []byte) {
				if us < 400*60*minute && state != nil && keeper(t, spec).Restore("k", part, state) != nil {
					t.Fatalf("%+v: after %v its state can't be read", spec, x)
				}
			})
		}
		for range 300 {
			feed(odd[rng.IntN(len(odd))])
		}
		for range 1500 {
			feed(20 + rng.NormFloat64())
		}
		calm := 0
		for range 100 {
			us += 60 * minute
			if z, ok := s.Row("k", us, 20+rng.NormFloat64()); ok && math.Abs(z) < 6 {
				calm++
			}
		}
		if calm < 95 && spec.WindowUs <= 60*minute {
			t.Errorf("%+v: after odd numbers and 1500 usual rows %d of 100 are usual", spec, calm)
		}
	}
}

func TestSpecsThatAreNone(t *testing.T) {
	for _, spec := range []score.Spec{{Kind: "MEDIAN"}, {Kind: score.Rolling, Parameters: []float64{7}}, {Kind: score.Rolling, Parameters: []float64{241}},
		{Kind: score.Rolling, Parameters: []float64{math.NaN()}}, {Kind: score.Ewma, Parameters: []float64{1}}, {Kind: score.Ewma, Parameters: []float64{0}},
		{Kind: score.Seasonal, WindowUs: 720 * minute}, {Kind: score.Seasonal, Parameters: []float64{2}}} {
		if _, err := score.New(spec); err == nil {
			t.Errorf("%+v is taken", spec)
		}
	}
}

func FuzzRestore(f *testing.F) {
	for i, spec := range specs {
		s := keeper(f, spec)
		for j := range 60 {
			s.Row("k", int64(j)*60*minute, float64(j%7))
		}
		s.Changed(func(_ string, part byte, state []byte) { f.Add(uint8(i), part, state) })
	}
	f.Fuzz(func(t *testing.T, which, part uint8, state []byte) {
		s := keeper(t, specs[int(which)%len(specs)])
		if s.Restore("k", part, state) != nil {
			if s.Keys() != 0 {
				t.Fatal("what can't be read left something")
			}
			return
		}
		for j := range int64(40) {
			s.Row("k", j*60*minute, float64(j))
			s.Row("k", 1<<50+j*60*minute, float64(j))
			s.Gone("k", j*60*minute)
		}
		s.Advance(1 << 60)
		s.Changed(func(string, byte, []byte) {})
	})
}
