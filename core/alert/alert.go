// Package alert judges rows by an operator's rule and follows each alert through its life.
//
//	rows of a key, judged → runs of rows that hold (engine.go) → pending → firing → acknowledged → resolved
//
// An Engine is pure: its input are judged rows, watermarks and acknowledgements, its output are transitions. It has no clock and starts
// nothing. All times are event times in µs.
//
// There is one alert per rule and key. What is decided about rows:
//
//   - A row is known by its time: a second row of that time is a revision of the first and takes its place.
//   - A window without readings is no row. It neither adds to a run nor ends it.
//   - A row that holds never recovers, whatever RECOVER WHEN says of it.
//   - A revision may end an alert that it takes the ground from: one of the rows that it fired on holds no more, and the newest rows alone
//     would not make it fire. It is resolved, with Revised.
//   - A key of which no row comes for Rule.StaleUs is stale: what it had is over, and older rows that come after that begin nothing.
//   - What time brings, such as that, comes before a row of that time or later, so it does not matter which rows a turn holds.
//   - A row older than all that is kept of a key (Rule.Windows, at least 8) changes nothing.
//   - Of a key without an alert nothing is kept, but for Rule.KeepUs after its last row if that was an alert's: so that a revision of an
//     older row does not begin it again.
package alert

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Rule says when rows of a key are an alert.
type Rule struct {
	ID      uint32
	Windows int   // fires once so many rows on end hold; 0 and 1: at the first
	ForUs   int64 // fires once rows have held for so long; 0: by Windows
	// QuietUs makes each row an instant, such as a pattern's match: there is no row that says it is over, so the alert is resolved so long
	// after its last one. 0: rows are states.
	QuietUs int64
	// StaleUs ends what a key has once no row of a later time came for so long after the time of its newest. 0: nothing does.
	StaleUs int64
	KeepUs  int64 // of a key whose alert is over its rows are kept for so long after the last
	// MaxLive bounds the alerts that are pending, firing or acknowledged at a time, and the keys kept besides: past it rows that would begin
	// one are refused, and counted. 0: no bound.
	MaxLive int
}

// MaxWindows is the longest run that a rule may ask for.
const MaxWindows = 64

// State is where in its life an alert is.
type State byte

// States. None is a key without an alert.
const (
	None State = iota
	Pending
	Firing
	Acknowledged
	Resolved
)

func (s State) String() string {
	if s > Resolved {
		return "unknown"
	}
	return [...]string{"none", "pending", "firing", "acknowledged", "resolved"}[s]
}

// Row is what a rule's conditions say of a row.
type Row struct {
	Us       int64
	Holds    bool // WHEN
	Recovers bool // RECOVER WHEN, or else NOT Holds
	Gone     bool // there is no such row any more
	Value    float64
}

// Transition is a step in the life of an alert. One from Pending to None was never told to anybody as an alert.
type Transition struct {
	ID       string // empty until it fires
	Key      string
	From, To State
	Us       int64 // when
	Since    int64 // when what it is about began
	Fired    int64 // when it fired, if it did
	Value    float64
	By       string // who acknowledged it
	Count    uint64 // of instants: so many
	Revised  bool   // resolved since a revision took its ground away
	Stale    bool   // resolved since no rows of its key came any more
}

// ID is the name of an alert: the same rule, key and time of firing always give the same.
func ID(rule uint32, key string, firedUs int64) string {
	b := binary.BigEndian.AppendUint32(nil, rule)
	b = binary.BigEndian.AppendUint64(b, uint64(firedUs))
	sum := sha256.Sum256(append(b, key...))
	return hex.EncodeToString(sum[:12])
}
