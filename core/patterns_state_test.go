package core

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

const hour = 3600 * second

// patternField is a field with a stream and a pattern over it; put sends rows by one edge.
func patternField(t *testing.T, partitions uint32, statements string, fences ...*plan.Fence) (f *field, put func(mark int64, rows ...[]value.Value)) {
	t.Helper()
	f = newField(t, partitions)
	for _, st := range mustParse(t, statements) {
		old := proto.CloneOf(f.core.catalog.plan())
		old.Fences = fences
		next, _, err := sql.Apply(old, st)
		check(t, err)
		f.change(next)
	}
	return f, func(mark int64, rows ...[]value.Value) {
		t.Helper()
		stream := f.core.catalog.plan().Streams[0]
		var readings []reading
		for _, r := range rows {
			readings = append(readings, reading{stream, r})
		}
		f.send("north", map[uint32]int64{stream.Id: mark}, readings...)
	}
}

// change puts another plan in force.
func (f *field) change(next *plan.Plan) {
	f.t.Helper()
	old := f.core.catalog.plan()
	next = proto.CloneOf(next)
	next.Fences = nil
	f.core.catalog.current.Store(next)
	f.core.catalog.changed(old, next)
	f.settle()
}

// stored counts what is kept of keys, and of turns that gave them something.
func (f *field) stored(pattern uint32) (keys, logs int) {
	f.t.Helper()
	for id := range f.core.partitions {
		check(f.t, f.core.store.PatternKeys(uint32(id), pattern, func([]byte, []byte) (bool, error) { keys++; return true, nil }))
		check(f.t, f.core.store.PatternLogs(uint32(id), pattern, func([]byte, uint64, []byte) (bool, error) { logs++; return true, nil }))
	}
	return keys, logs
}

func pairRow(k string, us, n int64) []value.Value {
	return []value.Value{value.OfString(k), value.OfTime(us), value.OfInt(n), value.OfInt(0)}
}

// A key whose rows wait writes what is new, not all of them again and again; a restart goes on from both.
func TestPatternKeysGrowByWhatIsNew(t *testing.T) {
	f, put := patternField(t, 1, stepsSQL+`; CREATE PATTERN p AS SELECT rows FROM steps MATCH_RECOGNIZE (PARTITION BY k MEASURES COUNT(*) AS rows PATTERN (A+ B) WITHIN 1 HOUR DEFINE A AS n < 100, B AS n = 100)`)
	defer func() { f.close() }()
	most := 0
	for n := range int64(101) {
		if n == 60 {
			f.crash()
		}
		put(n*second, pairRow("a", n*second, n))
		_, logs := f.stored(f.core.catalog.plan().Patterns[0].Id)
		most = max(most, logs)
	}
	put(200 * second)
	if rows, err := f.ask("SELECT rows FROM p"); err != nil || fmt.Sprint(rows) != "[101]" {
		t.Error(rows, err)
	}
	if keys, logs := f.stored(f.core.catalog.plan().Patterns[0].Id); most < 20 || keys != 1 || logs > 3 {
		t.Errorf("%d keys; %d entries at most, %d in the end", keys, most, logs)
	}
}

// A silent key is forgotten after pattern.max_age, and one of a pattern that is gone at once: nothing of them stays on disk.
func TestPatternKeysAreForgotten(t *testing.T) {
	f, put := patternField(t, 3, stepsSQL+`; CREATE PATTERN p AS SELECT k, before FROM steps MATCH_RECOGNIZE (PARTITION BY k MEASURES PREV(n) AS before PATTERN (A))`)
	defer func() { f.close() }()
	id := f.core.catalog.plan().Patterns[0].Id
	put(hour, pairRow("a", 2*hour, 1), pairRow("b", 2*hour, 2))
	put(3 * hour)
	if keys, _ := f.stored(id); keys != 2 {
		t.Fatal("keys: ", keys)
	}
	put(30*hour, pairRow("b", 30*hour, 3))
	put(31 * hour)
	if keys, logs := f.stored(id); keys != 1 || logs > 1 {
		t.Errorf("%d keys and %d entries are stored of one that is not silent", keys, logs)
	}
	f.crash()
	put(32*hour, pairRow("a", 32*hour, 4), pairRow("b", 32*hour, 5))
	put(33 * hour)
	if rows, err := f.ask("SELECT k, before FROM p ORDER BY match_end, k"); err != nil || fmt.Sprintf("%q", rows) != `["a, " "b, " "b, 2" "a, " "b, 3"]` {
		t.Errorf("%q %v", rows, err)
	}
	_, err := f.do(mustParse(t, "DROP PATTERN p")[0])
	check(t, err)
	if ids, err := f.core.store.Patterns(); err != nil || len(ids) > 0 {
		t.Error("of patterns that are gone there is still: ", ids, err)
	}
}

// Past pattern.max_bytes the keys that were silent for longest go; what is stored is what is in memory.
func TestPatternMemoryIsBounded(t *testing.T) {
	f, put := patternField(t, 1, stepsSQL+`; CREATE PATTERN p AS SELECT k FROM steps MATCH_RECOGNIZE (PARTITION BY k PATTERN (A FOLLOWED BY B) DEFINE A AS n > 0, B AS n = 0)`)
	defer func() { f.close() }()
	f.core.cfg.Pattern.MaxBytes = 50_000
	for n := range int64(1000) {
		put((n-5)*second, pairRow(fmt.Sprint("key", n), n*second, n+1))
	}
	s := f.core.partitions[0].patterns[f.core.catalog.plan().Patterns[0].Id]
	keys, _ := f.stored(s.def.Id)
	if s.bytes > 50_000 || keys != len(s.keys) || keys < 20 {
		t.Errorf("%d bytes, %d keys, %d of them stored", s.bytes, len(s.keys), keys)
	}
	put(1000*second, pairRow("key999", 1000*second, 0), pairRow("key1", 1000*second, 0))
	put(2000 * second)
	if rows, err := f.ask("SELECT k FROM p"); err != nil || fmt.Sprint(rows) != "[key999]" {
		t.Error(rows, err)
	}
}

// A fence that a pattern names has another shape: what is under way goes on.
func TestPatternsGoOnWhenAFenceChanges(t *testing.T) {
	square := func(side float64) string {
		return fmt.Sprintf(`{"type":"Polygon","coordinates":[[[0,0],[%g,0],[%g,%g],[0,%g],[0,0]]]}`, side, side, side, side)
	}
	f, put := patternField(t, 2, `CREATE STREAM at (k STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE) WITH (topic = 'at/{k}', timestamp = 'ts');
		CREATE PATTERN p AS SELECT k, n FROM at MATCH_RECOGNIZE (PARTITION BY k MEASURES COUNT(*) AS n PATTERN (A{2} FOLLOWED BY B) WITHIN 1 HOUR
			DEFINE A AS NOT in_fence(lat, lon, 'yard'), B AS in_fence(lat, lon, 'yard'))`, &plan.Fence{Id: "yard", Shape: square(1)})
	defer func() { f.close() }()
	place := func(us int64, at float64) []value.Value {
		return []value.Value{value.OfString("a"), value.OfTime(us), value.OfDouble(at), value.OfDouble(at)}
	}
	put(10*second, place(10*second, 3), place(11*second, 3.1))
	put(20 * second)
	f.change(sql.Refence(f.core.catalog.plan(), func(string) (string, bool) { return square(2), true }))
	f.crash()
	put(21*second, place(30*second, 1.5))
	put(50 * second)
	if rows, err := f.ask("SELECT k, n FROM p"); err != nil || fmt.Sprint(rows) != "[a, 3]" {
		t.Error(rows, err)
	}
}
