package aggregate

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// tested are the aggregates with what they are made with, and the kinds they are tested over.
var tested = []struct {
	function   string
	parameters []float64
	kinds      []value.Kind
	rounds     bool // holds sums of doubles: their last bit may differ with the order
}{
	{"COUNT", nil, []value.Kind{value.Int, value.Double, value.String}, false},
	{"COUNT_DISTINCT", nil, []value.Kind{value.Int, value.Double, value.Decimal, value.String, value.Bool, value.Cell}, false},
	{"SUM", nil, []value.Kind{value.Int, value.Double, value.Decimal}, true},
	{"AVG", nil, []value.Kind{value.Int, value.Double, value.Decimal}, true},
	{"MIN", nil, []value.Kind{value.Int, value.Double, value.Decimal, value.String, value.Timestamp}, false},
	{"MAX", nil, []value.Kind{value.Int, value.Double, value.Decimal, value.String, value.Timestamp}, false},
	{"PERCENTILE", []float64{0.5}, []value.Kind{value.Int, value.Double, value.Decimal}, false},
	{"STDDEV", nil, []value.Kind{value.Int, value.Double, value.Decimal}, true},
	{"FIRST", nil, anyKind, false},
	{"LAST", nil, anyKind, false},
	{"COLLECT_LIST", nil, anyKind, false},
	{"TOPK", []float64{3}, anyKind, false},
	{"SPAN", nil, []value.Kind{value.Int}, false},
}

var anyKind = []value.Kind{value.Int, value.Double, value.Decimal, value.String, value.Bool, value.Cell, value.Timestamp}

func typeOf(k value.Kind) value.Type {
	if k == value.Decimal {
		return value.Type{Kind: k, Precision: 18, Scale: 2}
	}
	return value.Type{Kind: k}
}

func makerOf(t interface{ Fatal(...any) }, function string, kind value.Kind, parameters ...float64) func() State {
	maker, _, err := New(function, typeOf(kind), parameters)
	if err != nil {
		t.Fatal(err)
	}
	return maker
}

type observed struct {
	v  value.Value
	us int64
}

// genValue draws values of a kind, NULL among them, and equal ones often.
func genValue(kind value.Kind) *rapid.Generator[value.Value] {
	return rapid.Custom(func(t *rapid.T) value.Value {
		if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
			return value.Value{}
		}
		i := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-1e12, 1e12)).Draw(t, "i")
		switch kind {
		case value.Int:
			i *= rapid.SampledFrom([]int64{1, 1 << 20}).Draw(t, "times")
		case value.Double:
			return value.OfDouble(float64(i) * rapid.SampledFrom([]float64{1, 0.1, 1e-300, 1e290}).Draw(t, "times"))
		}
		return ofKind(kind, i)
	})
}

// ofKind is a value of a kind for each number.
func ofKind(kind value.Kind, i int64) value.Value {
	switch kind {
	case value.Decimal:
		return value.OfDecimal(i, 2)
	case value.String:
		return value.OfString(fmt.Sprint("bus ", i))
	case value.Bool:
		return value.OfBool(i > 0)
	case value.Cell:
		return value.OfCell(uint64(i)<<8 | 1)
	case value.Timestamp:
		return value.OfTime(i)
	case value.Double:
		return value.OfDouble(float64(i))
	}
	return value.OfInt(i)
}

func genObserved(kind value.Kind) *rapid.Generator[observed] {
	return rapid.Custom(func(t *rapid.T) observed {
		return observed{genValue(kind).Draw(t, "v"), rapid.Int64Range(-5, 5).Draw(t, "us")}
	})
}

func clone(t *rapid.T, maker func() State, s State) State {
	c := maker()
	c.Observe(value.OfInt(7), 1) // which Read must forget
	wrote := s.Append([]byte("before"))
	rest, err := c.Read(append(wrote, "after"...)[6:])
	if err != nil || string(rest) != "after" || string(wrote[:6]) != "before" {
		t.Fatalf("read own bytes: %v, %q left", err, rest)
	}
	if !bytes.Equal(c.Append(nil), s.Append(nil)) {
		t.Fatalf("bytes change over a round trip")
	}
	if !same(c.Result(), s.Result()) {
		t.Fatalf("result changes over a round trip: %s, was %s", c.Result().Text(), s.Result().Text())
	}
	return c
}

func same(a, b value.Value) bool {
	if a.Kind() == value.Double && b.Kind() == value.Double {
		d := math.Abs(a.Float() - b.Float())
		return d <= 4e-16*math.Max(math.Abs(a.Float()), math.Abs(b.Float()))
	}
	return value.Equal(a, b)
}

// Any partition of the readings into states, merged in any order, some of them by way of their bytes, is as all of them observed
// by one state in turn: in what it shows, and (but for sums of doubles) in each byte.
func TestMergeLaws(t *testing.T) {
	for _, a := range tested {
		for _, kind := range a.kinds {
			t.Run(a.function+"_"+kind.String(), func(t *testing.T) {
				maker := makerOf(t, a.function, kind, a.parameters...)
				rapid.Check(t, func(t *rapid.T) {
					list := rapid.SliceOfN(genObserved(kind), 0, 60).Draw(t, "readings")
					whole := maker()
					for _, o := range list {
						whole.Observe(o.v, o.us)
					}
					got := scatter(t, maker, list)
					if a.function == "STDDEV" {
						sameStddev(t, got.(*stddev), whole.(*stddev))
					} else if !same(got.Result(), whole.Result()) {
						t.Fatalf("merged %s, observed whole %s", got.Result().Text(), whole.Result().Text())
					}
					if (!a.rounds || kind != value.Double && a.function != "STDDEV") && !bytes.Equal(got.Append(nil), whole.Append(nil)) {
						t.Fatalf("merged %x, observed whole %x", got.Append(nil), whole.Append(nil))
					}
				})
			})
		}
	}
}

// scatter observes the readings with several states, in any order, and merges these in any order.
func scatter(t *rapid.T, maker func() State, list []observed) State {
	states := make([]State, rapid.IntRange(1, 6).Draw(t, "states"))
	for i := range states {
		states[i] = maker()
	}
	for _, i := range rapid.Permutation(indexes(len(list))).Draw(t, "order") {
		states[rapid.IntRange(0, len(states)-1).Draw(t, "state")].Observe(list[i].v, list[i].us)
	}
	states = append(states, maker()) // identity
	for len(states) > 1 {
		i := rapid.IntRange(0, len(states)-2).Draw(t, "merge")
		into, from := states[i], states[len(states)-1]
		if rapid.Bool().Draw(t, "other way") {
			into, from = from, into
		}
		if rapid.Bool().Draw(t, "by bytes") {
			from = clone(t, maker, from)
		}
		before := from.Append(nil)
		into.Merge(from)
		if !bytes.Equal(from.Append(nil), before) {
			t.Fatal("a state changed by being merged into another")
		}
		into.Observe(value.Value{}, 9)
		states[i], states = into, states[:len(states)-1]
	}
	return states[0]
}

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// What a state was merged into must not share anything with it: both go on by themselves.
func TestMergedStatesShareNothing(t *testing.T) {
	for _, a := range tested {
		kind := a.kinds[0]
		maker := makerOf(t, a.function, kind, a.parameters...)
		for _, n := range []int64{1, 3, 20, 2000} {
			from, into, want := maker(), maker(), maker()
			for i := range n {
				from.Observe(value.OfInt(i), i)
				want.Observe(value.OfInt(i), i)
			}
			into.Merge(from)
			for i := range n {
				from.Observe(value.OfInt(-i), -i)
			}
			if !bytes.Equal(into.Append(nil), want.Append(nil)) {
				t.Errorf("%s of %d: observing what was merged changed what it was merged into", a.function, n)
			}
		}
	}
}

// Bytes of a hostile edge: no crash, no memory beyond a bound, and what is taken can be merged, shown, written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{0})
	for _, a := range tested {
		for _, n := range []int64{1, 5, 40, 3000} {
			s := makerOf(f, a.function, a.kinds[0], a.parameters...)()
			for i := range n {
				s.Observe(value.OfInt(i*i-7*i), i)
			}
			f.Add(s.Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, a := range tested {
			for _, kind := range a.kinds {
				s, into := makerOf(t, a.function, kind, a.parameters...)(), makerOf(t, a.function, kind, a.parameters...)()
				rest, err := s.Read(src)
				if err != nil {
					continue
				}
				if len(rest) > len(src) || !bytes.HasSuffix(src, rest) {
					t.Fatalf("%s: %d bytes left of %d", a.function, len(rest), len(src))
				}
				s.Result()
				for range 3 {
					into.Merge(s)
				}
				into.Observe(ofKind(kind, 3), 3)
				into.Result()
				again := makerOf(t, a.function, kind, a.parameters...)()
				if rest, err := again.Read(into.Append(nil)); err != nil || len(rest) > 0 {
					t.Fatalf("%s: merged from %x, and cannot be read again: %v", a.function, src, err)
				}
				if !bytes.Equal(again.Append(nil), into.Append(nil)) {
					t.Fatalf("%s: bytes change over a round trip", a.function)
				}
			}
		}
	})
}

func TestParameters(t *testing.T) {
	for _, bad := range []struct {
		function   string
		parameters []float64
	}{{"COUNT", []float64{1}}, {"PERCENTILE", nil}, {"PERCENTILE", []float64{1.01}}, {"PERCENTILE", []float64{-0.01}}, {"PERCENTILE", []float64{math.NaN()}},
		{"PERCENTILE", []float64{0.5, 0.5}}, {"TOPK", []float64{0}}, {"TOPK", []float64{2.5}}, {"TOPK", []float64{1001}},
		{"TOPK", []float64{math.Inf(1)}}, {"LAST", []float64{1}}, {"MEDIAN", nil}} {
		if _, _, err := New(bad.function, doubleType, bad.parameters); err == nil {
			t.Errorf("%s%v was made", bad.function, bad.parameters)
		}
	}
}
