// Package fence tells what devices do at fences: enter, exit, stay, speed and pass through.
//
//	positions of a device, in any order → in event-time order (track.go) → per fence a visit (visit.go) → events
//
// An Engine is pure: its input are positions, watermarks and fences, its output are events. It has no clock and starts nothing.
//
// Events are told at once, and taken back when they prove wrong: a position that comes late, within the stream's disorder, is put where it belongs
// and what followed is done again. What comes out different is told as a correction, with the ID of the event it replaces. So after all
// corrections the events are those of the positions in order, each once, whatever the order they came in.
//
// A device is in a fence from the position at which it is first in it to the position at which it is first out of it; between positions it stays what
// it was. Fences are closed areas (geo/polygon).
package fence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/geo/polygon"
)

// Rule is what to tell of a fence. The zero Rule tells who enters and exits, at the first position in and out.
type Rule struct {
	// Dwell: tell, once a visit, who has been inside for so long. 0: don't.
	Dwell time.Duration
	// SpeedLimit in km/h: tell who is faster inside, for SpeedFor and for SpeedFixes positions on end; once until it is slower or out. 0: don't.
	SpeedLimit float64
	SpeedFor   time.Duration
	SpeedFixes int
	// Cross: tell who was outside at two positions on end, with the fence on the straight line between them; not of who was lost or forgotten between.
	Cross bool
	// MinTime and MinDistance (metres) keep GPS jitter at a border from being told: in and out count once a device has been on the new side for so long,
	// and is so far from its last position on the old one. The event bears the time of the first position on the new side. 0: at once.
	MinTime     time.Duration
	MinDistance float64
}

// Fence is an area and a rule.
type Fence struct {
	ID      string
	Version uint64 // another one for each edit
	Shape   *polygon.Shape
	Rule    Rule
}

// Fix is a position of a device. Speed is in km/h; NaN if it is not known.
type Fix struct {
	Device          string
	At              int64 // event time, ms since 1970
	Lat, Lon, Speed float64
}

// Kind of an event.
type Kind string

// The kinds of events. Lost is told of each fence that a device is in when it falls silent.
const (
	Enter    Kind = "enter"
	Exit     Kind = "exit"
	Dwell    Kind = "dwell"
	Speeding Kind = "speeding"
	Cross    Kind = "cross"
	Lost     Kind = "lost"
)

// Event is what a device did at a fence.
type Event struct {
	ID            string // a function of device, fence, kind and time
	Replaces      string // ID of an event told before, which is wrong, and in whose place this one is
	Withdrawn     bool   // this event was told before, is wrong, and nothing is in its place
	Device, Fence string
	Kind          Kind
	At            int64   // event time, ms since 1970
	Lat, Lon      float64 // of the position at that time, or the last one before
	Speed         float64 // km/h; NaN if not known
	Inside        time.Duration

	zone *zone
}

// String gives an event for people to read.
func (e Event) String() string {
	s := fmt.Sprintf("%s %s %s %s", time.UnixMilli(e.At).UTC().Format("15:04:05"), e.Device, e.Kind, e.Fence)
	if e.Inside > 0 {
		s += " after " + e.Inside.String()
	}
	return s
}

func id(device, fence string, kind Kind, at int64) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %s %d", len(device), device, len(fence), fence, kind, at))
	return hex.EncodeToString(h[:12])
}
