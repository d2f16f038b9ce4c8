package core

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
)

// change makes the next plan, as the catalogue does.
func (r *rig) change(text string) *plan.Plan {
	r.t.Helper()
	old := r.core.catalog.plan()
	next := old
	statements, err := sql.Parse(text)
	check(r.t, err)
	for _, st := range statements {
		next, _, err = sql.Apply(next, st)
		check(r.t, err)
	}
	r.core.catalog.current.Store(next)
	r.core.catalog.changed(old, next)
	return next
}

var oneRide = ride{"bus-1", 5 * second, 60, 24, 30}

func TestEmitFinalResultsWakeTheSink(t *testing.T) {
	p := planOf(t, fleetSQL[:strings.Index(fleetSQL, "CREATE VIEW speeds")]+fleetSQL[strings.Index(fleetSQL, "CREATE VIEW settled"):])
	r := newRig(t, p)
	defer r.close()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 0, oneRide)...)
	r.turn(0, e.cut(t, 29*second)...)
	if r.woken != 0 || len(r.effects()) != 0 {
		t.Fatalf("told %d times before the grace ended", r.woken)
	}
	r.turn(0, e.cut(t, 30*second)...)
	if got := r.effects(); r.woken != 1 || len(got) != 1 || !strings.HasPrefix(got[0], "settled,device=bus-1 n=1i,mean=30") {
		t.Fatalf("told %d times of %q", r.woken, got)
	}
	r.restart(0)
	r.turn(0, e.cut(t, 60*second)...)
	if got := r.effects(); r.woken != 1 || len(got) != 1 {
		t.Fatalf("after a restart: told %d times of %q", r.woken, got)
	}
}

func TestNoEffectsBeforeAWindowFires(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 9*second, oneRide)...)
	if got := r.effects(); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	r.turn(0, e.cut(t, 10*second)...)
	r.turn(0, e.cut(t, 11*second, oneRide)...)
	want := []string{"speeds,device=bus-1 n=1i,total=30i,low=30i,top=30i,revision=0i,retracted=false 0",
		"speeds,device=bus-1 n=2i,total=60i,low=30i,top=30i,revision=1i,retracted=false 0"}
	if got := r.effects(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%q", got)
	}
}

// What was written of a stream in the very turn that learns of its end goes too.
func TestDroppedStreamLeavesNothing(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 12*second, oneRide)...)
	ctx, turn := context.Background(), &turn{tx: r.core.store.Begin()}
	for _, b := range e.cut(t, 15*second, ride{"bus-2", 14 * second, 60, 24, 30}) {
		check(t, r.p.apply(ctx, turn, intake.Message{Sequence: 2, Batch: b}))
	}
	next := r.change("DROP VIEW speeds; DROP VIEW settled; DROP STREAM vehicles; CREATE STREAM other (a STRING KEY) WITH (topic = 'o/{a}', format = 'json')")
	e.plan = &plan.Plan{Version: next.Version, Partitions: 1, Streams: p.Streams}
	for _, b := range e.cut(t, 16*second) {
		check(t, r.p.apply(ctx, turn, intake.Message{Sequence: 3, Batch: b}))
	}
	r.p.advance(turn)
	check(t, r.p.flush(turn))
	check(t, turn.tx.Commit())
	for k, v := range r.facts() {
		if !strings.HasPrefix(k, "applied") && k != "effects" && !strings.HasSuffix(v, "false") {
			t.Errorf("left behind: %s = %s", k, v)
		}
	}
}

func TestNewViewStartsEmptyBesideTheOld(t *testing.T) {
	r := newRig(t, planOf(t, fleetSQL))
	defer r.close()
	e := newHandEdge("north", r.core.catalog.plan())
	r.turn(0, e.cut(t, 0, oneRide)...)
	e.plan = r.change("CREATE VIEW more AS SELECT COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS) EMIT CHANGES")
	r.turn(0, e.cut(t, 1*second, oneRide)...)
	if got := r.ask("SELECT n FROM speeds"); len(got) != 1 || got[0] != "2" {
		t.Errorf("the old view has %q", got)
	}
	if got := r.ask("SELECT n FROM more"); len(got) != 1 || got[0] != "1" {
		t.Errorf("the new view has %q", got)
	}
}

// A partition that has not heard of a new plan yet brings no dropped topic back, and viewers of a view defined anew see nothing
// of the old one.
func TestViewersSeeNothingOfWhatIsGone(t *testing.T) {
	r := newRig(t, planOf(t, fleetSQL))
	defer r.close()
	e := newHandEdge("north", r.core.catalog.plan())
	r.turn(0, e.cut(t, 0, oneRide)...)
	topic := r.core.hub.Lookup("view:speeds")
	if topic == nil || topic.Len() != 1 {
		t.Fatal("no row for viewers")
	}
	old := r.p.plan
	r.change("CREATE OR REPLACE VIEW speeds AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MIN(speed) AS low, MAX(speed) AS top" +
		" FROM vehicles WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY device; DROP VIEW settled")
	if n := r.core.hub.Lookup("view:speeds").Len(); n != 0 {
		t.Errorf("the new view shows %d rows of the old", n)
	}
	var stale []result
	for _, v := range old.Views {
		stale = append(stale, result{view: v, key: "k"})
	}
	r.core.live.publish(&turn{results: stale})
	if n := r.core.hub.Lookup("view:speeds").Len(); n != 0 || r.core.hub.Lookup("view:settled") != nil {
		t.Error("a dropped view came back")
	}
}

func TestBatchOfANewerPlanWaitsForIt(t *testing.T) {
	r := newRig(t, planOf(t, fleetSQL))
	defer r.close()
	e := newHandEdge("north", planOf(t, fleetSQL+"CREATE VIEW more AS SELECT COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS) EMIT CHANGES"))
	done := make(chan error)
	go func() {
		done <- r.p.turn(context.Background(), []intake.Message{{Sequence: 1, Batch: e.cut(r.t, 0, oneRide)[0]}}, 0)
	}()
	select {
	case err := <-done:
		t.Fatal("did not wait", err)
	case <-time.After(30 * time.Millisecond):
	}
	old := r.core.catalog.plan()
	r.core.catalog.current.Store(e.plan)
	r.core.catalog.changed(old, e.plan)
	check(t, <-done)
	if got := r.ask("SELECT n FROM more"); len(got) != 1 || got[0] != "1" {
		t.Errorf("the new view has %q", got)
	}
}
