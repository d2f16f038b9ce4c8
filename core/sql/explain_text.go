package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// The wording that EXPLAIN and SHOW share.

func namesAsExprs(columns []*plan.Column) []Expr {
	list := make([]Expr, len(columns))
	for i, c := range columns {
		list[i] = &Name{Ident: Ident{Name: c.Name}}
	}
	return list
}

func keysText(v *plan.View, columns []Expr) string {
	var keys []string
	for i, e := range v.KeyExprs {
		keys = append(keys, definition(v.Keys[i].Name, Format(written(e, columns))))
	}
	if len(keys) == 0 {
		return "none: one group of all"
	}
	return strings.Join(keys, ", ")
}

// definition is "name = formula", or the name alone where that is the formula.
func definition(name, formula string) string {
	if name = quoteName(Ident{Name: name}); name != formula {
		return name + " = " + formula
	}
	return name
}

func lateText(grace int64) string {
	if grace == 0 {
		return "what comes after the watermark goes to the table late"
	}
	return "revised for " + spanText(grace) + " after the window, then to the table late"
}

func aggregateTexts(v *plan.View, columns []Expr) []string {
	var list []string
	for _, a := range v.Aggregates {
		if a.Function == "SPAN" {
			list = append(list, "first and last event time")
			continue
		}
		list = append(list, Format(aggregateCall(a, columns)))
	}
	return list
}

// afterGrouping names what outputs and HAVING are evaluated over.
func afterGrouping(v *plan.View, columns []Expr) []Expr {
	list := namesAsExprs(v.Keys)
	for _, a := range v.Aggregates {
		list = append(list, aggregateCall(a, columns))
	}
	return append(list, &Name{Ident: Ident{Name: "window_start"}}, &Name{Ident: Ident{Name: "window_end"}})
}

func windowText(v *plan.View) string {
	switch {
	case v.GapUs > 0:
		return "sessions with gaps of up to " + spanText(v.GapUs)
	case v.WindowUs == 0:
		return "one window for ever"
	case v.AdvanceUs > 0:
		return "windows of " + spanText(v.WindowUs) + " every " + spanText(v.AdvanceUs)
	}
	return "windows of " + spanText(v.WindowUs)
}

// unitOf gives the largest unit that divides us.
func unitOf(us int64) struct {
	name   string
	micros int64
} {
	best := units[0]
	for _, u := range units {
		if us%u.micros == 0 && us >= u.micros {
			best = u
		}
	}
	return best
}

func spanText(us int64) string {
	u := unitOf(us)
	if us%u.micros != 0 {
		return fmt.Sprintf("%d µs", us)
	}
	n, plural := us/u.micros, "s"
	if n == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d %s%s", n, strings.ToLower(u.name), plural)
}
