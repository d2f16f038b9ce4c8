// Package fraud makes readings in which somebody cheats, or something breaks, and says where: the truth that patterns are held against.
//
// One seed, one run. Each kind of entity (cards, devices, trucks, sensors) has its own file, which knows what is normal, what comes close to the
// rule without breaking it, and what breaks it; deploy/examples/patterns has the rules. Entities are at several edges; times of one entity are
// never equal.
package fraud

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// Reading is what a device publishes, at the edge that it is near.
type Reading struct {
	At      time.Time
	Edge    int
	Topic   string
	Payload string
}

// Planted is one case that a pattern has to find: of which key, and when it is complete in event time.
type Planted struct {
	Pattern, Key string
	End          time.Time
}

// Run is all that happens, by time.
type Run struct {
	Readings []Reading
	Planted  []Planted
	End      time.Time // of the last reading, and of what follows from it
	Near     int       // cases that come close, and are none
}

// Start of every run.
var Start = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)

// Make draws a run of about so many readings at a number of edges.
func Make(seed uint64, readings, edges int) *Run {
	r := &Run{}
	for i, draw := range []func(*actor){card, device, truck, sensor} {
		for n, made := 0, len(r.Readings); len(r.Readings)-made < readings/4; n++ {
			a := &actor{Rand: rand.New(rand.NewPCG(seed, uint64(i)<<32|uint64(n))), run: r, number: n, edges: edges, now: Start}
			a.wait(0, 600)
			draw(a)
		}
	}
	slices.SortStableFunc(r.Readings, func(a, b Reading) int { return a.At.Compare(b.At) })
	for _, e := range r.Readings {
		if e.At.After(r.End) {
			r.End = e.At
		}
	}
	for _, p := range r.Planted {
		if p.End.After(r.End) {
			r.End = p.End
		}
	}
	return r
}

// Write writes the readings of one edge as hexpane-sim replay reads them, each hundredth twice.
func (r *Run) Write(w io.Writer, edge int) error {
	n := 0
	for _, e := range r.Readings {
		if e.Edge != edge {
			continue
		}
		n++
		for range 1 + n%100/99 {
			if _, err := fmt.Fprintf(w, "%s %s %s\n", e.At.Format(time.RFC3339Nano), e.Topic, e.Payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// hours is how long each entity is followed.
const hours = 24

// actor is one entity, going through its day.
type actor struct {
	*rand.Rand
	run    *Run
	number int
	edges  int
	now    time.Time
}

// going reports that the day is not over.
func (a *actor) going() bool { return a.now.Before(Start.Add(hours * time.Hour)) }

// wait lets so many seconds go by, to the millisecond, at least one.
func (a *actor) wait(from, to float64) {
	a.now = a.now.Add(time.Duration(1+int64(1000*(from+a.Float64()*(to-from)))) * time.Millisecond)
}

func (a *actor) send(edge int, topic, format string, args ...any) {
	payload := fmt.Sprintf(`{"ts":"%s",`+format+`}`, append([]any{a.now.Format("2006-01-02T15:04:05.000Z07:00")}, args...)...)
	a.run.Readings = append(a.run.Readings, Reading{a.now, edge % a.edges, topic, payload})
}

// plant notes that a pattern has a case here, complete after a time.
func (a *actor) plant(pattern, key string, after time.Duration) {
	a.run.Planted = append(a.run.Planted, Planted{pattern, key, a.now.Add(after)})
}
