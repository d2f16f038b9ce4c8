package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/sql"
)

// With an interval a push query gets the newest result of an open window once it passed, and what fired or was revised at once.
func TestEarlyResultsWaitForTheirInterval(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	statements, err := sql.Parse("SELECT device, n, revision FROM speeds EMIT CHANGES")
	check(t, err)
	query, _, _, err := sql.CompilePush(p, statements[0].(*sql.Select), 0)
	check(t, err)
	passed := make(chan time.Time, 1)
	l := newListener(time.Hour, 3)
	l.query = query
	l.early.due = passed
	r.core.pushes.add(l)
	stream := &pushStream{core: r.core, listener: l, left: -1}
	defer stream.Close()
	e := newHandEdge("north", p)
	for _, step := range []struct {
		why       string
		watermark int64
		rides     []ride
		passes    bool
		want      string
	}{
		{"early", 0, []ride{{"bus", second, 1, 2, 3}}, false, ""},
		{"early again", 0, []ride{{"bus", 2 * second, 1, 2, 3}, {"tram", second, 1, 2, 3}}, false, ""},
		{"the interval passes", 0, nil, true, "bus 2 0, tram 1 0"},
		{"it passes again", 0, nil, true, ""},
		{"early, and then on time", 0, []ride{{"bus", 3 * second, 1, 2, 3}}, false, ""},
		{"on time", 10 * second, nil, false, "bus 3 0, tram 1 0"},
		{"a revision", 10 * second, []ride{{"tram", 3 * second, 1, 2, 3}}, false, "tram 2 1"},
		{"nothing old comes behind", 10 * second, nil, true, ""},
	} {
		r.turn(0, e.cut(t, step.watermark, step.rides...)...)
		if step.passes {
			passed <- time.Time{}
		}
		if got := heard(t, stream, passed); got != step.want {
			t.Fatalf("%s: %q, want %q", step.why, got, step.want)
		}
	}
	r.turn(0, e.cut(t, 10*second, ride{"a", 11 * second, 1, 2, 3}, ride{"b", 11 * second, 1, 2, 3}, ride{"c", 11 * second, 1, 2, 3}, ride{"d", 11 * second, 1, 2, 3})...)
	if _, err := stream.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "query.push_interval") {
		t.Errorf("four windows wait where three may: %v", err)
	}
}

// heard gives the rows that are there, in the order of their text, and lets the interval pass if it has to.
func heard(t *testing.T, s *pushStream, passed chan time.Time) string {
	t.Helper()
	var rows []string
	switch {
	case len(passed) == 0:
	case len(s.listener.early.waiting) == 0: // Next would wait
		<-passed
		s.listener.release()
	default:
		row, err := s.Next(t.Context())
		check(t, err)
		rows = append(rows, row[0].Text()+" "+row[1].Text()+" "+row[2].Text())
	}
	for len(s.listener.rows) > 0 {
		row, err := s.Next(t.Context())
		check(t, err)
		rows = append(rows, row[0].Text()+" "+row[1].Text()+" "+row[2].Text())
	}
	slices.Sort(rows)
	return strings.Join(rows, ", ")
}
