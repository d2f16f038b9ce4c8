package window

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPaneHoldsItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-1e17, 1e17).Draw(t, "us")
		size := rapid.Int64Range(1, 1e14).Draw(t, "size")
		start := Pane(us, size)
		if start > us || us >= End(start, size) || start%size != 0 {
			t.Fatalf("pane [%d,%d) of %d", start, End(start, size), us)
		}
		if Pane(us+size, size) != start+size {
			t.Fatalf("panes are not next to each other")
		}
	})
}

func TestClassify(t *testing.T) {
	const end, grace = 100, 50
	for _, c := range []struct {
		watermark int64
		want      Class
	}{{99, OnTime}, {100, Late}, {149, Late}, {150, TooLate}} {
		if got := Classify(end, grace, c.watermark); got != c.want {
			t.Errorf("watermark %d: %s, want %s", c.watermark, got, c.want)
		}
	}
	if Classify(Forever, grace, Forever) != OnTime {
		t.Error("the endless window was late")
	}
}
