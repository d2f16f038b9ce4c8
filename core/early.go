package core

import (
	"fmt"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
)

// early is results of open windows that a push query is to get when its interval has passed: of each window the newest. Viewers of the dashboard
// have live.tick for that, and stores get no early ones.
type early struct {
	limit   int
	waiting map[earlyWindow][]value.Value // nil: nothing waits, each goes out at once
	due     <-chan time.Time              // nil: never
	stop    func()
}

type earlyWindow struct {
	view  uint32
	start int64
	key   string
}

func newEarly(every time.Duration, limit int) early {
	if every <= 0 {
		return early{stop: func() {}}
	}
	tick := time.NewTicker(every)
	return early{limit, map[earlyWindow][]value.Value{}, tick.C, tick.Stop}
}

// told takes a window's result: one of an open window waits, and takes the place of the one before. One that fired goes out at once, and
// none before it does later.
func (l *listener) told(from *sql.PushSource, r result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	at := earlyWindow{r.view.Id, r.start, r.key}
	out, ok := from.Row(r.row)
	switch {
	case !ok || !r.early || l.early.waiting == nil:
		delete(l.early.waiting, at)
		if ok {
			l.send(out)
		}
	case l.early.waiting[at] == nil && len(l.early.waiting) == l.early.limit:
		l.endLocked(fmt.Errorf("more than %d windows changed within query.push_interval, and some would have been left out (query.push_rows)", l.early.limit))
	default:
		l.early.waiting[at] = out
	}
}

// release hands out what waits.
func (l *listener) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, row := range l.early.waiting {
		if !l.over {
			l.send(row)
		}
		delete(l.early.waiting, at)
	}
}
