package aggregate

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

func TestListsAndEnds(t *testing.T) {
	minus := value.OfDouble(math.Copysign(0, -1))
	readings := []observed{{value.OfInt(30), 7}, {value.OfInt(10), 9}, {value.Value{}, 1}, {value.OfInt(25), 5}, {value.OfInt(20), 5}, {value.OfInt(15), 9}, {value.OfInt(30), 6}}
	for _, c := range []struct {
		function  string
		parameter []float64
		want      string
	}{{"FIRST", nil, "20"}, {"LAST", nil, "15"}, {"COLLECT_LIST", nil, "[20,25,30,30,10,15]"}, {"TOPK", []float64{3}, "[30,30,25]"}, {"TOPK", []float64{9}, "[30,30,25,20,15,10]"}} {
		s := makerOf(t, c.function, value.Int, c.parameter...)()
		if !s.Result().IsNull() {
			t.Errorf("%s of nothing is %s", c.function, s.Result().Text())
		}
		for _, r := range readings {
			s.Observe(r.v, r.us)
		}
		if got := s.Result().Text(); got != c.want {
			t.Errorf("%s: %s, want %s", c.function, got, c.want)
		}
	}
	s := makerOf(t, "COLLECT_LIST", value.String)()
	s.Observe(value.OfString("a \"b\" ü"), 1)
	s.Observe(value.OfString(strings.Repeat("ü", listedText)), 2)
	if got, want := s.Result().Text(), `["a \"b\" ü","`+strings.Repeat("ü", listedText/2)+`…"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s = makerOf(t, "LAST", value.Double)()
	s.Observe(minus, 1)
	if got := s.Result().Text(); got != "0" {
		t.Errorf("−0 is %s", got)
	}
}

// Past the bound the earliest stay, however the readings came, and the list says how many are left out.
func TestLongListsSayWhatIsLeftOut(t *testing.T) {
	states := make([]State, 3)
	for i := range states {
		states[i] = makerOf(t, "COLLECT_LIST", value.Int)()
	}
	const n = 2*listed + 500
	for i := range int64(n) {
		us := i * 7919 % n // each once, in no order
		states[i%3].Observe(value.OfInt(us), us)
	}
	states[1].Merge(states[2])
	states[0].Merge(states[1])
	want := "[0"
	for i := 1; i < listed; i++ {
		want += fmt.Sprint(",", i)
	}
	if got := states[0].Result().Text(); got != want+`,"… 1500 more"]` {
		t.Errorf("%s", got)
	}
	if size := len(states[0].Append(nil)); size > 6000 {
		t.Errorf("%d bytes", size)
	}
}

// What a hostile edge says is in a list must be what a list can hold.
func TestListsOfOtherThingsAreRefused(t *testing.T) {
	long := makerOf(t, "COLLECT_LIST", value.String)().(*collect)
	long.n, long.entries = 1, []entry{{1, value.OfString(strings.Repeat("x", 10_000))}}
	for name, c := range map[string]struct {
		function string
		kind     value.Kind
		state    []byte
	}{
		"a text in a list of numbers": {"COLLECT_LIST", value.Int, value.Append([]byte{1, 2}, value.OfString("x"))},
		"a NULL in a list":            {"COLLECT_LIST", value.Int, []byte{1, 2, 0}},
		"a text too long":             {"COLLECT_LIST", value.String, long.Append(nil)},
		"times going back":            {"COLLECT_LIST", value.Bool, []byte{2, 2, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1}},
		"more than the n largest":     {"TOPK", value.Bool, []byte{4, 1, 1, 1, 1, 1, 1, 1, 1}},
		"the smallest first":          {"TOPK", value.Bool, []byte{2, 1, 0, 1, 1}},
		"a number that is a text":     {"LAST", value.String, []byte{2, 2, 2}},
	} {
		parameters := []float64{3}[:Parameters(c.function)]
		if _, err := makerOf(t, c.function, c.kind, parameters...)().Read(c.state); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func BenchmarkLists(b *testing.B) {
	for _, a := range []struct {
		function   string
		parameters []float64
	}{{"COLLECT_LIST", nil}, {"TOPK", []float64{10}}} {
		maker := makerOf(b, a.function, value.Double, a.parameters...)
		of := func(n, from int) State {
			s := maker()
			for i := range n {
				s.Observe(value.OfDouble(float64(i*7919%1000)), int64(from+i))
			}
			return s
		}
		b.Run(a.function+"_observe_10_in_a_new_state", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				of(10, 0)
			}
		})
		b.Run(a.function+"_merge_10_into_full", func(b *testing.B) {
			b.ReportAllocs()
			into, from := of(1000, 0), of(10, 500)
			for b.Loop() {
				into.Merge(from)
			}
		})
	}
}
