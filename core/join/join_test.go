package join

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// shelf is a Store in memory.
type shelf map[string][]byte

func (s shelf) Keep(side int, us int64, number uint64, row []byte) {
	s[fmt.Sprintln(side, us, number)] = slices.Clone(row)
}

func (s shelf) Drop(side int, us int64, number uint64) { delete(s, fmt.Sprintln(side, us, number)) }

// rows are what is stored; numbers may differ, since those of rows that went are used again after a restart.
func (s shelf) rows() (list []string) {
	for name, row := range s {
		var side, us, number int64
		_, _ = fmt.Sscan(name, &side, &us, &number)
		list = append(list, fmt.Sprintf("%d %d %x", side, us, row))
	}
	slices.Sort(list)
	return list
}

// keyed joins (k, x) with (k, x).
func keyed(t interface{ Fatal(...any) }, def *plan.StreamJoin) *Join {
	k := &plan.Expr{Type: &plan.Type{Kind: uint32(value.String)}, Node: &plan.Expr_Column{Column: 0}}
	j, err := New(def, &plan.Route{KeyExprs: []*plan.Expr{k}}, &plan.Route{KeyExprs: []*plan.Expr{k}}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func pair(k string, x int64) []value.Value { return []value.Value{value.OfString(k), value.OfInt(x)} }

// A join that is stored and restored at any moment goes on as if it had not been, and what it keeps in memory is what is stored.
func TestARestoredJoinGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		def := &plan.StreamJoin{BeforeUs: 3, AfterUs: 5, GraceUs: rapid.Int64Range(0, 4).Draw(t, "grace"), Outer: rapid.Bool().Draw(t, "outer"), Latest: rapid.Bool().Draw(t, "latest")}
		whole, cut := keyed(t, def), keyed(t, def)
		one, two := shelf{}, shelf{}
		marks := [2]int64{Dawn, Dawn}
		for i := range rapid.IntRange(0, 40).Draw(t, "steps") {
			var a, b []string
			into := func(list *[]string) Emit {
				return func(us int64, row []value.Value) {
					*list = append(*list, fmt.Sprint(us, row[0].Text(), row[1].Text(), row[2].Text(), row[3].Text()))
				}
			}
			if side := rapid.IntRange(-1, 1).Draw(t, "side"); side >= 0 {
				us, row := rapid.Int64Range(0, 30).Draw(t, "us"), pair(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "k"), int64(i))
				if whole.Take(side, us, row, marks, one, into(&a)) != cut.Take(side, us, row, marks, two, into(&b)) {
					t.Fatal("one says late, the other not")
				}
			} else {
				marks[0], marks[1] = max(marks[0], rapid.Int64Range(0, 40).Draw(t, "left")), max(marks[1], rapid.Int64Range(0, 40).Draw(t, "right"))
				whole.Advance(marks, one, into(&a))
				cut.Advance(marks, two, into(&b))
			}
			slices.Sort(a)
			if slices.Sort(b); !slices.Equal(a, b) {
				t.Fatalf("%q, and restored %q", a, b)
			}
			if whole.Len() != len(one) || cut.Len() != len(two) || !slices.Equal(one.rows(), two.rows()) {
				t.Fatalf("%d and %d rows in memory, %d and %d stored", whole.Len(), cut.Len(), len(one), len(two))
			}
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				cut = keyed(t, def)
				for name, row := range two {
					var side int
					var us int64
					var number uint64
					if _, err := fmt.Sscan(name, &side, &us, &number); err != nil {
						t.Fatal(err)
					}
					if err := cut.Restore(side, us, number, row); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// Past its bound a join lets go of the oldest row, and of a LEFT join that row comes with NULLs instead of never.
func TestTheOldestIsShed(t *testing.T) {
	j, store := keyed(t, &plan.StreamJoin{BeforeUs: 100, AfterUs: 100, Outer: true}), shelf{}
	var got []string
	emit := func(us int64, row []value.Value) { got = append(got, fmt.Sprint(us, row[3].IsNull())) }
	marks := [2]int64{Dawn, Dawn}
	j.Take(Left, 7, pair("a", 1), marks, store, emit)
	j.Take(Right, 5, pair("b", 1), marks, store, emit)
	j.Take(Left, 9, pair("b", 1), marks, store, emit)
	for range 2 {
		if !j.Shed(store, emit) {
			t.Fatal("nothing to shed")
		}
	}
	if want := []string{"9 false", "7 true"}; !slices.Equal(got, want) || j.Len() != 1 || len(store) != 1 {
		t.Errorf("%q, want %q; %d kept", got, want, j.Len())
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(0, int64(3), uint64(1), append([]byte{1}, value.AppendRow(nil, pair("a", 1))...))
	f.Fuzz(func(t *testing.T, side int, us int64, number uint64, stored []byte) {
		j := keyed(t, &plan.StreamJoin{BeforeUs: 3, AfterUs: 5})
		if j.Restore(side, us, number, stored) == nil && j.Len() != 1 {
			t.Fatal("a row was restored and is not kept")
		}
	})
}

// nowhere stores nothing.
type nowhere struct{}

func (nowhere) Keep(int, int64, uint64, []byte) {}
func (nowhere) Drop(int, int64, uint64)         {}

// One row that meets one, with 1,000 keys and windows of a minute at 1,000 rows a second of each side.
func BenchmarkWithin(b *testing.B) {
	j := keyed(b, &plan.StreamJoin{BeforeUs: 500_000, AfterUs: 500_000})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("bus-%04d", i)
	}
	met := 0
	emit := func(int64, []value.Value) { met++ }
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		us := int64(i) * 500
		marks := [2]int64{us - 1_000_000, us - 1_000_000}
		j.Take(i%2, us, pair(keys[i/2%1000], int64(i)), marks, nowhere{}, emit)
		if i++; i%1000 == 0 {
			j.Advance(marks, nowhere{}, emit)
		}
	}
	b.ReportMetric(float64(met)/float64(b.N), "rows/op")
}
