package core

import (
	"cmp"
	"context"
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
	question := c.question(def, q)
	if question.From >= question.To {
		return []string{"nothing: no time is within the range"}
	}
	if def.Having != nil {
		question.Step = store.Own
	}
	now := c.moment(def)
	defer now.store.Close()
	if c.reader != nil && ends(def) {
		since, _, err := kept{now}.Since(context.Background(), question)
		if err != nil {
			return []string{err.Error()}
		}
		if since > question.From {
			lines = append(lines, "windows in InfluxDB"+bounds(question.From, min(since, question.To)))
			question.From = since
		}
	}
	if !tumbling(def) || question.From >= question.To {
		return lines
	}
	var all []part
	partitions := c.partitionsOf(question)
	for _, p := range partitions {
		list, err := c.rollups.Pieces(now.store, question, p.id)
		if err != nil {
			return []string{err.Error()}
		}
		nth := map[int64]int{}
		for _, piece := range slices.Backward(list) { // the last, last but one … of each size are of the same part of the range
			n := nth[piece.Size]
			nth[piece.Size]++
			if piece.Size == 0 {
				first, ok, err := c.store.FirstWindow(p.id, def.Id, piece.From, piece.To)
				if err != nil {
					return []string{err.Error()}
				}
				if !ok {
					continue
				}
				piece.From = max(piece.From, first)
			}
			all = joinPiece(all, piece, n)
		}
	}
	slices.SortStableFunc(all, func(a, b part) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	if len(partitions) < len(c.partitions) {
		lines = append(lines, fmt.Sprintf("in one partition of %d, since the key is known", len(c.partitions)))
	}
	if len(all) == 0 {
		lines = append(lines, "no windows: there are none in the range")
	}
	for _, piece := range all {
		what := "windows of " + local.Name(def.WindowUs) + ", as they are kept"
		if piece.Size > 0 {
			what = "windows of " + local.Name(piece.Size) + ", rolled up"
		}
		lines = append(lines, what+bounds(piece.From, piece.To))
	}
	return lines
}

func bounds(from, to int64) (text string) {
	if from != math.MinInt64 {
		text = ", from " + value.FormatTime(from)
	}
	if to != math.MaxInt64 {
		text += ", before " + value.FormatTime(to)
	}
	return text
}

// part is a run of time at one level, the nth from the end of its size, as far as any partition goes.
type part struct {
	local.Piece
	nth int
}

// joinPiece widens it.
func joinPiece(all []part, piece local.Piece, nth int) []part {
	for i, a := range all {
		if a.Size == piece.Size && a.nth == nth {
			all[i].From, all[i].To = min(a.From, piece.From), max(a.To, piece.To)
			return all
		}
	}
	return append(all, part{piece, nth})
}
