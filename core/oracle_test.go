package core

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/hexpane/hexpane/simulators/oracle"
)

const minute = 60 * second

// everything is all aggregates; a speed of 7 stands for NULL.
const everything = `device, COUNT(*) AS n, COUNT(NULLIF(speed, 7)) AS some, SUM(NULLIF(speed, 7)) AS total, MIN(NULLIF(speed, 7)) AS low, MAX(NULLIF(speed, 7)) AS top,
	COUNT(DISTINCT NULLIF(speed, 7)) AS kinds, FIRST(NULLIF(speed, 7)) AS opened, LAST(NULLIF(speed, 7)) AS closed, COLLECT_LIST(NULLIF(speed, 7)) AS list,
	TOPK(NULLIF(speed, 7), 3) AS largest, SUM(CAST(lat AS DECIMAL(9,3))) AS fare, SUM(lat) AS lats, AVG(lat) AS mean, STDDEV(lat) AS spread, PERCENTILE(lat, 0.9) AS p90`

// oracleViews are the windows that are compared, each told as it changes and, the same, once at its end.
var oracleViews = []struct {
	name, window  string
	size, advance int64
	gap           int64
}{
	{"tumbling", "TUMBLING (SIZE 10 MINUTES, GRACE PERIOD 3 HOURS)", 10 * minute, 10 * minute, 0},
	{"hopping", "HOPPING (SIZE 15 MINUTES, ADVANCE BY 6 MINUTES, GRACE PERIOD 3 HOURS)", 15 * minute, 6 * minute, 0},
	{"sessions", "SESSION (2 MINUTES, GRACE PERIOD 3 HOURS)", 0, 0, 2 * minute},
}

func oracleSQL() string {
	text := fleetSQL[:strings.Index(fleetSQL, "CREATE VIEW speeds")]
	for _, v := range oracleViews {
		text += fmt.Sprintf("CREATE VIEW %s AS SELECT %s FROM vehicles WINDOW %s GROUP BY device EMIT CHANGES;\n", v.name, everything, v.window)
		text += fmt.Sprintf("CREATE VIEW %s_once AS SELECT %s FROM vehicles WINDOW %s GROUP BY device EMIT FINAL;\n", v.name, everything, v.window)
	}
	return text
}

// delivery is a batch of an edge, and when it comes at the core in a run without delays.
type delivery struct {
	at    int64
	edge  int
	batch *wire.Batch
}

// workload is what edges send in two hours: readings of devices that wander from edge to edge, out of order; clocks that are wrong by up to a minute; one
// edge without a link for an hour.
type workload struct {
	rides []ride
	edges [][]delivery // each edge's in its order
}

const workloadStart = 1_700_000_000 * second / minute * minute

func newWorkload(t tester, r *rand.Rand, p *plan.Plan) (w workload) {
	for e := range 4 {
		edge := newHandEdge(fmt.Sprint("edge-", e), p)
		skew := (r.Int64N(121) - 60) * second
		away := int64(-1)
		if e == 3 {
			away = r.Int64N(50) * minute
		}
		var list []delivery
		for at := int64(0); at < 120*minute; at += 4 * minute {
			var rides []ride
			for range r.IntN(5) {
				us := workloadStart + at + skew + r.Int64N(4*minute/1000)*1000 - r.Int64N(2)*r.Int64N(3*minute/1000)*1000
				rides = append(rides, ride{fmt.Sprint("bus-", r.IntN(4)), us, float64(r.Int64N(90_000)) / 1000, 10, r.Int64N(12)})
			}
			w.rides = append(w.rides, rides...)
			d := delivery{at: at + 4*minute, edge: e}
			if away >= 0 && at >= away && at < away+60*minute {
				d.at = away + 64*minute
			}
			d.batch = edge.cut(t, workloadStart+at+4*minute+skew-5*second, rides...)[0]
			list = append(list, d)
		}
		w.edges = append(w.edges, list)
	}
	return w
}

// order is one way for it to come: every batch late by up to 20 minutes, each edge's in their order as JetStream keeps them, some of them again.
func (w workload) order(r *rand.Rand) (list []delivery) {
	for _, edge := range w.edges {
		last := int64(0)
		for i, d := range edge {
			last = max(last, d.at+r.Int64N(20)*r.Int64N(2)*minute)
			list = append(list, delivery{last, d.edge, d.batch})
			for r.IntN(8) == 0 { // a re-delivery, of this one or an older one
				list = append(list, delivery{last + r.Int64N(10)*minute, d.edge, edge[r.IntN(i+1)].batch})
			}
		}
	}
	turn := r.Perm(len(w.edges)) // who is first of those that come at one time
	slices.SortFunc(list, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(turn[a.edge], turn[b.edge]), cmp.Compare(a.batch.Seq, b.batch.Seq))
	})
	return list
}

// farewell is the end of all edges: all windows are final.
func (w workload) farewell() (batches []*wire.Batch) {
	for _, edge := range w.edges {
		last := edge[len(edge)-1].batch
		batches = append(batches, &wire.Batch{Edge: last.Edge, Epoch: 1, Seq: last.Seq + 1, PlanVersion: last.PlanVersion,
			Watermarks: []*wire.Watermark{{Stream: last.Watermarks[0].Stream, Us: workloadStart + 24*3600*second}}})
	}
	return batches
}

// Generated workloads, in seeded permutations of how they reach the core, cut into turns at random, with restarts and re-deliveries: every window of
// every kind and every aggregate is what the oracle computes of the readings at once; doubles but for the last bits, percentiles within 1 %.
// 1,000 permutations with HEXPANE_SOAK=1.
func TestAnyPermutationGivesTheOraclesResults(t *testing.T) {
	workloads, permutations := 2, 4
	if os.Getenv("HEXPANE_SOAK") != "" {
		workloads, permutations = 20, 50
	}
	p := planOf(t, oracleSQL())
	windows, restarts, again, left := 0, 0, uint64(0), int64(0)
	for seed := range uint64(workloads) {
		w := newWorkload(t, rand.New(rand.NewPCG(seed, 1)), p)
		want := oracleRows(w.rides)
		for permutation := range uint64(permutations) {
			r := rand.New(rand.NewPCG(seed, 100+permutation))
			rig := newRigWithin(t, p, []int64{1, 0, 100_000}[permutation%3]) // bytes: nothing stays in memory, all of it, some
			now := int64(0)
			for list := w.order(r); len(list) > 0; {
				n := min(len(list), 1+r.IntN(9))
				var batches []*wire.Batch
				for _, d := range list[:n] {
					batches = append(batches, d.batch)
				}
				now = workloadStart + list[n-1].at
				rig.turn(now, batches...)
				list = list[n:]
				if r.IntN(12) == 0 {
					left += evicted(rig)
					rig.restart(now)
					restarts++
				}
			}
			rig.turn(now, w.farewell()...)
			if late := rig.ask("SELECT * FROM late"); len(late) > 0 {
				t.Fatalf("workload %d, permutation %d: late within the grace: %q", seed, permutation, late)
			}
			points := map[string]int{}
			for _, line := range rig.effects() {
				name, _, _ := strings.Cut(line, ",")
				points[name]++
			}
			for _, v := range oracleViews {
				for _, name := range []string{v.name, v.name + "_once"} {
					if wrong := differs(rig.rows("SELECT * FROM "+name), want[v.name]); wrong != "" {
						t.Fatalf("workload %d, permutation %d, view %s: %s", seed, permutation, name, wrong)
					}
				}
				if points[v.name+"_once"] != len(want[v.name]) || points[v.name] < len(want[v.name]) {
					t.Fatalf("workload %d, permutation %d: %d points of EMIT FINAL and %d of EMIT CHANGES of %d windows of view %s", seed, permutation,
						points[v.name+"_once"], points[v.name], len(want[v.name]), v.name)
				}
				windows += 2 * len(want[v.name])
			}
			again += uint64(len(w.rides))
			left += evicted(rig)
			rig.close()
		}
	}
	if left == 0 {
		t.Error("nothing ever left memory")
	}
	t.Logf("soak: order-independence workloads=%d permutations=%d readings=%d windows=%d restarts=%d left-memory=%d different=0", workloads, workloads*permutations,
		again, windows, restarts, left)
}

// evicted counts what left memory since the partition started.
func evicted(r *rig) int64 {
	_, _, n, _ := r.p.memory.Usage()
	return n
}

// rows gives a SELECT's rows as they are.
func (r *rig) rows(query string) [][]value.Value {
	r.t.Helper()
	a, err := r.core.Execute(r.t.(*testing.T).Context(), query)
	check(r.t, err)
	return a.Rows
}

// truth is a window's row by the oracle: text, or a double and how far it may be off.
type truth struct {
	text  []string
	float []float64
	off   []float64
}

// oracleRows gives by view and by "key start end" what a row has to hold.
func oracleRows(rides []ride) map[string]map[string]truth {
	var readings []oracle.WindowReading
	for _, r := range rides {
		readings = append(readings, oracle.WindowReading{Key: r.device, Us: r.us, Int: r.speed, Null: r.speed == 7, Float: r.lat})
	}
	all := map[string]map[string]truth{}
	for _, v := range oracleViews {
		var list []oracle.WindowOf
		if v.gap > 0 {
			list = oracle.SessionWindows(readings, v.gap)
		} else {
			list = oracle.HoppingWindows(readings, v.size, v.advance)
		}
		all[v.name] = map[string]truth{}
		for _, w := range list {
			ints, floats := w.Ints(), w.Floats()
			var t truth
			exact := func(v any) { t.text = append(t.text, fmt.Sprint(v)) }
			exact(len(w.Readings))
			exact(len(ints))
			if len(ints) == 0 {
				for range 8 {
					exact("NULL")
				}
				t.text[5-0] = "0" // of DISTINCT
			} else {
				exact(oracle.SumInts(ints))
				exact(slices.Min(ints))
				exact(slices.Max(ints))
				exact(oracle.DistinctInts(ints))
				exact(ints[0])
				exact(ints[len(ints)-1])
				exact(oracle.ListInts(ints))
				exact(oracle.LargestInts(ints, 3))
			}
			var thousandths []int64
			for _, f := range floats {
				thousandths = append(thousandths, int64(math.Round(f*1000)))
			}
			fare := oracle.SumInts(thousandths).Int64()
			exact(value.OfDecimal(fare, 3).Text())
			spread, ok := oracle.DeviationFloats(floats)
			if !ok {
				spread = math.NaN()
			}
			t.float = []float64{oracle.SumFloats(floats), oracle.MeanFloats(floats), spread, oracle.QuantileFloats(floats, 0.9)}
			t.off = []float64{1e-14, 1e-14, 1e-9, 0.01}
			all[v.name][fmt.Sprint(w.Key, " ", w.Start, " ", w.End)] = t
		}
	}
	return all
}

// differs compares a view's rows with the truth.
func differs(rows [][]value.Value, want map[string]truth) string {
	if len(rows) != len(want) {
		return fmt.Sprintf("%d windows, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		end := len(row) - 4
		at := fmt.Sprint(row[0].Text(), " ", row[end].Int(), " ", row[end+1].Int())
		w, ok := want[at]
		if !ok {
			return "no window " + at + " is expected"
		}
		if !row[end+3].Bool() {
			return "window " + at + " is not final"
		}
		for i, text := range w.text {
			if got := textOrNull(row[1+i]); got != text {
				return fmt.Sprintf("window %s, column %d: %s, want %s", at, 1+i, got, text)
			}
		}
		for i, f := range w.float {
			got := row[1+len(w.text)+i]
			if math.IsNaN(f) != got.IsNull() || !got.IsNull() && math.Abs(got.Float()-f) > w.off[i]*math.Abs(f)+1e-9*float64(i/2) {
				return fmt.Sprintf("window %s, double %d: %s, want %v", at, i, textOrNull(got), f)
			}
		}
	}
	return ""
}

func textOrNull(v value.Value) string {
	if v.IsNull() {
		return "NULL"
	}
	return v.Text()
}
