package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
	"google.golang.org/protobuf/proto"
)

// remote is InfluxDB as a history: the results that left, for as long as the bucket keeps them. What has not fired has not left either, so the newest
// windows come from the core's own store.
type remote struct {
	core   *Core
	reader *influx.Reader
}

// Since is always: how long a bucket keeps its points is the server's business, and this is the last store asked.
func (r remote) Since(context.Context, *store.Question) (int64, bool, error) {
	return math.MinInt64, true, nil
}

// Rows gives, of each partition, what has fired from InfluxDB, and what has not from the core's own store.
func (r remote) Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (bool, error)) error {
	def := q.View
	switch {
	case def.GapUs > 0:
		return fmt.Errorf("%s has sessions, whose ends InfluxDB does not have: they are answered as long as its RETENTION keeps them", def.Name)
	case def.WindowUs == 0:
		return kept{r.core}.Rows(ctx, q, f)
	}
	shape, err := newPointShape(def, q.States)
	if err != nil {
		return err
	}
	own := kept{r.core}
	watermarks := make([]int64, len(r.core.partitions))
	for _, p := range own.partitions(q) {
		if us, ok := p.output(def.Id); ok {
			watermarks[p.id] = us
		} else {
			watermarks[p.id] = dawn
		}
	}
	if err := r.arrived(ctx, own.partitions(q), q); err != nil {
		return err
	}
	give, ended := heeding(f)
	for _, p := range own.partitions(q) {
		open := *q
		if watermarks[p.id] > dawn {
			open.From = max(q.From, watermarks[p.id]-def.WindowUs+1)
		}
		if open.From >= open.To {
			continue
		}
		if err := own.some(ctx, p, &open, give); err != nil || *ended {
			return err
		}
	}
	err = r.reader.Points(ctx, shape.wanted(q), func(us int64, tags []string, fields []any) (bool, error) {
		row, partition, shown, err := shape.row(us, tags, fields, watermarks)
		if err != nil {
			return false, fmt.Errorf("view %s: a point of %s: %w", def.Name, value.FormatTime(us), err)
		}
		if !shown || us+def.WindowUs > watermarks[partition] || def.EmitFinal && !row[len(def.Outputs)+3].Bool() {
			return true, nil
		}
		return give(row)
	})
	if errors.Is(err, influx.ErrAsk) && q.To < math.MaxInt64 {
		err = fmt.Errorf("%w; these are windows older than %s keeps (influx.history): ask for those with window_start >= '%s' to do without", err, def.Name, value.FormatTime(q.To))
	}
	return err
}

// some is Rows of one partition.
func (k kept) some(ctx context.Context, p *partition, q *store.Question, f func(row []value.Value) (bool, error)) error {
	v, err := merge.NewView(q.View)
	if err != nil {
		return err
	}
	return k.windows(ctx, v, p, q, f)
}

// patience is how long a question waits for points that are on their way to InfluxDB.
const patience = 10 * time.Second

// arrived waits until no point that a question wants waits for InfluxDB: it would be missing from the answer.
func (r remote) arrived(ctx context.Context, partitions []*partition, q *store.Question) error {
	if r.core.sink == nil {
		return nil
	}
	series := influx.Series(q.View.Name)
	for deadline := time.Now().Add(patience); ; {
		waits := false
		for _, p := range partitions {
			if err := r.core.store.Effects(p.id, 0, maxScanned, func(_ uint64, line []byte) {
				us := timeOfLine(line)
				waits = waits || series(line) && us >= q.From && us < q.To
			}); err != nil {
				return err
			}
		}
		if !waits {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("results of %s still wait for InfluxDB (hexpane_core_store_waiting_points), and the answer would lack them: ask again, or of later windows", q.View.Name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// maxScanned is how many points that wait are looked at, of each partition: the oldest ones, which an old range is about.
const maxScanned = 100_000

func timeOfLine(line []byte) int64 {
	ns, _ := strconv.ParseInt(string(line[strings.LastIndexByte(string(line), ' ')+1:]), 10, 64)
	return ns / 1000
}

// pointShape makes rows of points.
type pointShape struct {
	def    *plan.View
	tags   []string
	fields []string
	from   []int // by output: the index of its key, or −1 less the index of its field
	states []func(row []value.Value, us int64) ([]byte, error)
	key    []byte
	last   []value.Value
}

const (
	fieldRevision = iota
	fieldRetracted
	fieldOutputs
)

func newPointShape(def *plan.View, states []int) (*pointShape, error) {
	s := &pointShape{def: def, tags: tagNames(def), fields: []string{"revision", "retracted"}}
	for o, c := range def.Outputs {
		if n, ok := keyShown(def, o); ok {
			s.from = append(s.from, n)
			continue
		}
		s.from = append(s.from, -1-len(s.fields))
		s.fields = append(s.fields, c.Name)
	}
	for _, n := range states {
		state, err := stateOfResults(def, n)
		if err != nil {
			return nil, err
		}
		s.states = append(s.states, state)
	}
	return s, nil
}

func (s *pointShape) wanted(q *store.Question) influx.Wanted {
	w := influx.Wanted{Measurement: s.def.Name, Tags: s.tags, Fields: s.fields, From: q.From, To: q.To}
	for i, k := range q.Keys {
		if !k.IsNull() && influx.IsPlain(k.Text()) {
			w.Equal = append(w.Equal, influx.Pair{Name: s.tags[i], Value: tagged(k)})
		}
	}
	return w
}

// row makes a row of a point; shown is false for one that was retracted.
func (s *pointShape) row(us int64, tags []string, fields []any, watermarks []int64) (row []value.Value, partition uint32, shown bool, err error) {
	s.key = s.key[:0]
	keys := make([]value.Value, len(tags))
	for i, text := range tags {
		if text == "" {
			s.key = value.Append(s.key, value.Value{})
			continue
		}
		if keys[i], err = untagged(s.def.Keys[i].Type.Value(), influx.TagValue(text)); err != nil {
			return nil, 0, false, err
		}
		s.key = value.Append(s.key, keys[i])
	}
	partition = wire.Partition(s.key, uint32(len(watermarks)))
	if fields[fieldRetracted] == true {
		return nil, partition, false, nil
	}
	row = s.last[:0]
	for o, c := range s.def.Outputs {
		if n := s.from[o]; n >= 0 {
			row = append(row, keys[n])
			continue
		}
		v, err := valueOfField(c.Type.Value(), fields[-1-s.from[o]])
		if err != nil {
			return nil, 0, false, fmt.Errorf("column %s: %w", c.Name, err)
		}
		row = append(row, v)
	}
	revision, err := valueOfField(value.Type{Kind: value.Int}, fields[fieldRevision])
	if err != nil {
		return nil, 0, false, fmt.Errorf("revision: %w", err)
	}
	end := window.End(us, s.def.WindowUs)
	row = append(row, value.OfTime(us), value.OfTime(end), revision, value.OfBool(window.Final(end, s.def.GraceUs, watermarks[partition])))
	for _, state := range s.states {
		encoded, err := state(row, us)
		if err != nil {
			return nil, 0, false, err
		}
		row = append(row, value.OfString(string(encoded)))
	}
	s.last = row
	return row, partition, true, nil
}

// valueOfField reads what InfluxDB gives of a field; nil is NULL.
func valueOfField(t value.Type, field any) (value.Value, error) {
	switch x := field.(type) {
	case nil:
		return value.Value{}, nil
	case bool:
		if t.Kind == value.Bool {
			return value.OfBool(x), nil
		}
	case string:
		return value.Parse(t, x)
	case json.Number:
		if t.Kind == value.Decimal {
			f, err := x.Float64()
			if err != nil {
				return value.Value{}, err
			}
			return value.Parse(t, strconv.FormatFloat(f, 'f', int(t.Scale), 64))
		}
		return value.Parse(t, x.String())
	}
	return value.Value{}, fmt.Errorf("%v is no %s", field, t)
}

// stateOfResults makes an aggregate's state of the results in a row, where they say all that it holds.
func stateOfResults(def *plan.View, n int) (func(row []value.Value, us int64) ([]byte, error), error) {
	a := def.Aggregates[n]
	maker, err := plan.State(a)
	if err != nil {
		return nil, err
	}
	own := columnOf(def, func(i int) bool { return i == n })
	observed := func(row []value.Value, us int64) []byte {
		state := maker()
		state.Observe(row[own], us)
		return state.Append(nil)
	}
	same := func(function string) int {
		return columnOf(def, func(i int) bool {
			b := def.Aggregates[i]
			return b.Function == function && proto.Equal(a.Argument, b.Argument)
		})
	}
	switch {
	case own >= 0 && (a.Function == "SUM" || a.Function == "MIN" || a.Function == "MAX"):
		return func(row []value.Value, us int64) ([]byte, error) { return observed(row, us), nil }, nil
	case own >= 0 && a.Function == "COUNT":
		return func(row []value.Value, _ int64) ([]byte, error) {
			return aggregate.AppendCount(nil, row[own].Int()), nil
		}, nil
	case a.Function == "AVG" && same("SUM") >= 0 && same("COUNT") >= 0:
		sum, count := same("SUM"), same("COUNT")
		sums, err := plan.State(&plan.Aggregate{Function: "SUM", ArgumentType: a.ArgumentType})
		if err != nil {
			return nil, err
		}
		return func(row []value.Value, us int64) ([]byte, error) {
			state := sums()
			state.Observe(row[sum], us)
			return aggregate.AppendCount(state.Append(nil), row[count].Int()), nil
		}, nil
	}
	what := strings.ReplaceAll(a.Function, "_", " ")
	if a.Function == "AVG" {
		what += " without SUM and COUNT of the same beside it"
	}
	return nil, fmt.Errorf("InfluxDB has the results of %s, and %s can't be put together of results: ask for its windows as they are, or of a range that RETENTION keeps", def.Name, what)
}

// columnOf is the column that shows an aggregate as it is; −1 for none.
func columnOf(def *plan.View, of func(aggregate int) bool) int {
	for o, e := range def.OutputExprs {
		if at, ok := e.Node.(*plan.Expr_Column); ok {
			if n := int(at.Column) - len(def.Keys); n >= 0 && n < len(def.Aggregates) && of(n) {
				return o
			}
		}
	}
	return -1
}
