package core

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

// naive is view speeds, computed at once from all readings: device, window_start, n, total, low, top, final.
func naive(rides []ride) (rows []string) {
	type group struct {
		device string
		start  int64
	}
	byGroup := map[group][]int64{}
	for _, r := range rides {
		g := group{r.device, window.Pane(r.us, 10*second)}
		byGroup[g] = append(byGroup[g], r.speed)
	}
	groups := make([]group, 0, len(byGroup))
	for g := range byGroup {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int {
		if a.device != b.device {
			return bytes.Compare([]byte(a.device), []byte(b.device))
		}
		return int(a.start/second - b.start/second)
	})
	for _, g := range groups {
		speeds, total := byGroup[g], int64(0)
		for _, s := range speeds {
			total += s
		}
		rows = append(rows, fmt.Sprintf("%s %s %d %d %d %d true", g.device, value.OfTime(g.start).Text(), len(speeds), total, slices.Min(speeds), slices.Max(speeds)))
	}
	return rows
}

// newestRides is the stream's table: of each device the newest row; of two at one time the one with the greater bytes.
func newestRides(rides []ride) (rows []string) {
	newest := map[string]ride{}
	for _, r := range rides {
		old, known := newest[r.device]
		if !known || r.us > old.us || r.us == old.us && bytes.Compare(value.AppendRow(nil, r.row()), value.AppendRow(nil, old.row())) > 0 {
			newest[r.device] = r
		}
	}
	for _, r := range newest {
		text := r.device
		for _, v := range r.row()[1:] {
			text += " " + v.Text()
		}
		rows = append(rows, text)
	}
	slices.Sort(rows)
	return rows
}
