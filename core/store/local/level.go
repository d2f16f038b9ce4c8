package local

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
)

// Level is a size of windows that is kept, and for how long: counted back from the watermark, like RETENTION. All µs.
type Level struct {
	Size int64
	Keep int64 // 0: for good
}

const (
	second = int64(time.Second / time.Microsecond)
	hour   = 3600 * second
	day    = 24 * hour
)

// ParseLevels reads levels such as "1m:30d, 1h:365d, 1d": sizes, and behind a colon how long each is kept. Each is made of the one before, so its size is a
// multiple of it, and it is kept for as long at least.
func ParseLevels(text string) ([]Level, error) {
	var levels []Level
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		size, keep, limited := strings.Cut(part, ":")
		var l Level
		var err error
		if l.Size, err = span(size); err == nil && limited {
			l.Keep, err = span(keep)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q: %w", part, err)
		case l.Size%second != 0 || l.Size > math.MaxInt32*second:
			return nil, fmt.Errorf("%q: a size is whole seconds", part)
		case limited && l.Keep < l.Size:
			return nil, fmt.Errorf("%q: it is kept for less than one window", part)
		}
		if n := len(levels); n > 0 {
			switch before := levels[n-1]; {
			case l.Size <= before.Size || l.Size%before.Size != 0:
				return nil, fmt.Errorf("%q: its size is no multiple of the one before, of which it is made", part)
			case l.Keep > 0 && (before.Keep == 0 || l.Keep < before.Keep):
				return nil, fmt.Errorf("%q: it is kept for less time than the finer one before", part)
			}
		}
		levels = append(levels, l)
	}
	return levels, nil
}

// units are those that Go's durations lack: rollups are kept for days and years.
var units = map[byte]int64{'d': day, 'w': 7 * day, 'y': 365 * day}

func span(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text != "" && units[text[len(text)-1]] > 0 {
		unit := units[text[len(text)-1]]
		n, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/4/unit {
			return 0, fmt.Errorf("%q is no length of time like 90s, 10m, 1h, 30d, 2w or 1y", text)
		}
		return n * unit, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Microsecond {
		return 0, fmt.Errorf("%q is no length of time like 90s, 10m, 1h, 30d, 2w or 1y", text)
	}
	return d.Microseconds(), nil
}

// chunk is how much time is rolled up at once: windows enough for columns to be worth it, and little enough that questions need not wait long for them.
func (l Level) chunk() int64 {
	for _, size := range []int64{600 * second, hour, 6 * hour, day} {
		if size%l.Size == 0 && size >= 20*l.Size {
			return size
		}
	}
	return l.Size
}

// Name is a level's size for people: 1m, 1h, 1d.
func Name(size int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{day, "d"}, {hour, "h"}, {60 * second, "m"}, {second, "s"}} {
		if size%unit.size == 0 {
			return strconv.FormatInt(size/unit.size, 10) + unit.name
		}
	}
	return time.Duration(size * int64(time.Microsecond)).String()
}

// Of gives the levels that a view is rolled up into: those that its windows make up. Windows that overlap or that are of no one length are not rolled up.
// Of a view with HAVING a larger window would hold readings that HAVING hides, so only its own windows are kept.
func Of(levels []Level, v *plan.View) []Level {
	if v.WindowUs <= 0 || v.AdvanceUs > 0 || v.GapUs > 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(levels), func(l Level) bool {
		return l.Size%v.WindowUs != 0 || v.Having != nil && l.Size != v.WindowUs
	})
}
