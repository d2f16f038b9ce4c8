// Package store says what a question wants of the history of a view: the words that the core, which asks, and the stores, which answer, share.
//
//	local/   rollups: windows merged into larger ones, in the core's own database
//	influx/  InfluxDB: results as points, which carry their windows
package store

import (
	"math"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Question is what is wanted of a view's windows. Who answers may give more rows than From, To and Keys say, since the query's WHERE comes after, but
// never leaves one out, nor gives the readings of one twice.
type Question struct {
	View *plan.View

	// From and To bound the starts of the windows, µs, in event time: [From, To). math.MinInt64 and math.MaxInt64 are no bound.
	From, To int64

	// Keys are the values that the view's key columns have in all windows wanted, in the order of View.Keys; NULL: any.
	Keys []value.Value

	// Step says how far windows may come merged with their neighbours, µs. A row may then be of any larger window whose size divides Step, which is
	// aligned to 1970 and lies within [From, To); only its keys, its bounds and its States are looked at. Own: only windows as the view has them.
	// Any: of any size.
	Step int64

	// States are the view's aggregates whose encoded states follow a row's columns, as STRINGs, in this order.
	States []int
}

// Steps that are no length of time.
const (
	Own int64 = 0
	Any int64 = math.MaxInt64
)
