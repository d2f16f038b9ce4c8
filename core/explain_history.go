package core

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/core/store/local"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// explainScan says of which windows a SELECT over a view would be answered now. Where partitions differ, since each rolls up by itself, a range is as far as
// any of them goes.
func (c *Core) explainScan(def *plan.View, q *sql.Query) (lines []string) {
	if !tumbling(def) {
		return nil
	}
	question := c.question(def, q)
	if question.From >= question.To {
		return []string{"nothing: no time is within the range"}
	}
	if def.Having != nil {
		question.Step = store.Own
	}
	now := c.store.Snapshot()
	defer now.Close()
	var all []local.Piece
	partitions := c.partitionsOf(question)
	for _, p := range partitions {
		list, err := c.rollups.Pieces(now, question, p.id)
		if err != nil {
			return []string{err.Error()}
		}
		for n, piece := range list { // the first, second … of each size are of the same part of the range
			nth := 0
			for _, before := range list[:n] {
				if before.Size == piece.Size {
					nth++
				}
			}
			all = joinPiece(all, piece, nth)
		}
	}
	slices.SortStableFunc(all, func(a, b local.Piece) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	if len(partitions) < len(c.partitions) {
		lines = append(lines, fmt.Sprintf("in one partition of %d, since the key is known", len(c.partitions)))
	}
	for _, piece := range all {
		what := "windows of " + local.Name(def.WindowUs) + ", as they are kept"
		if piece.Size > 0 {
			what = "windows of " + local.Name(piece.Size) + ", rolled up"
		}
		if piece.From != math.MinInt64 {
			what += ", from " + value.FormatTime(piece.From)
		}
		if piece.To != math.MaxInt64 {
			what += ", before " + value.FormatTime(piece.To)
		}
		lines = append(lines, what)
	}
	return lines
}

// joinPiece widens the nth piece of a size.
func joinPiece(all []local.Piece, piece local.Piece, nth int) []local.Piece {
	for i := range all {
		if all[i].Size != piece.Size {
			continue
		}
		if nth == 0 {
			all[i].From, all[i].To = min(all[i].From, piece.From), max(all[i].To, piece.To)
			return all
		}
		nth--
	}
	return append(all, piece)
}
