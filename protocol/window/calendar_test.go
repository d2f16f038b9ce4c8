package window_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/hexpane/hexpane/protocol/window"
)

// Days on which clocks are set, leap days and years before 1970: windows of an hour and of a day stay whole, side by side, aligned to the epoch.
func TestTheCalendarMakesNoDifference(t *testing.T) {
	helsinki, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []time.Time{
		time.Date(2026, 3, 29, 0, 0, 0, 0, helsinki), time.Date(2026, 10, 25, 0, 0, 0, 0, helsinki),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2100, 2, 28, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC),
	} {
		for _, size := range []time.Duration{time.Hour, 24 * time.Hour} {
			last := int64(0)
			for minute := range 50 * 60 {
				us := day.Add(time.Duration(minute) * time.Minute).UnixMicro()
				start := window.Pane(us, size.Microseconds())
				end := window.End(start, size.Microseconds())
				if us < start || us >= end || end-start != size.Microseconds() || start%size.Microseconds() != 0 {
					t.Fatalf("%v is in a window from %d to %d", day, start, end)
				}
				if minute > 0 && start != last && start != last+size.Microseconds() {
					t.Fatalf("%v: a window from %d after one from %d", day, start, last)
				}
				last = start
			}
		}
	}
}
