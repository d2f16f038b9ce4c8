package sql

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// scores are the calls in an alert's conditions that look back over the windows of a key: core/alert/score knows what they say.
type scores struct {
	def   *plan.Alert
	view  *plan.View // nil: the alert is on something else
	on    string
	width int // of the source's rows
	nodes *work
	row   func(Expr) *plan.Expr // the leaf of their arguments
}

// scoreForms says how each is called.
var scoreForms = map[string]string{
	"ANOMALY":         "ANOMALY(x) or ANOMALY(x, 'week')",
	"ZSCORE":          "ZSCORE(x) or ZSCORE(x, 30), with 8 to 240 windows",
	"EWMA_ZSCORE":     "EWMA_ZSCORE(x), EWMA_ZSCORE(x, 0.1) or EWMA_ZSCORE(x, '30m')",
	"SEASONAL_ZSCORE": "SEASONAL_ZSCORE(x) or SEASONAL_ZSCORE(x, 'week')",
}

var scoreNames = []string{"ANOMALY", "ZSCORE", "EWMA_ZSCORE", "SEASONAL_ZSCORE"}

// maxScores bounds the scores of an alert: each keeps its own of every key.
const maxScores = 8

// leaf knows the calls, and what rows know.
func (s *scores) leaf(e Expr) *plan.Expr {
	c, ok := e.(*Call)
	if !ok {
		return s.row(e)
	}
	kind := strings.ToUpper(c.Function)
	form, ok := scoreForms[kind]
	if !ok {
		return s.row(e)
	}
	if s.view == nil {
		fail(c.Pos, "%s looks back over the windows of a view, and %s has none", kind, s.on)
	}
	if c.Star || c.Distinct || len(c.Args) < 1 || len(c.Args) > 2 {
		fail(c.Pos, "%s is called %s", kind, form)
	}
	score := &plan.Score{Kind: kind, Argument: s.argument(c.Args[0], kind), Parameters: s.parameters(kind, form, c)}
	i := slices.IndexFunc(s.def.Scores, func(o *plan.Score) bool { return proto.Equal(o, score) })
	if i < 0 {
		if i = len(s.def.Scores); i == maxScores {
			fail(c.Pos, "an alert has at most %d different scores", maxScores)
		}
		s.def.Scores = append(s.def.Scores, score)
	}
	return columnExpr(s.width+i, value.Type{Kind: value.Double})
}

func (s *scores) argument(e Expr, kind string) *plan.Expr {
	bound := (&binder{leaf: func(e Expr) *plan.Expr {
		if c, ok := e.(*Call); ok && scoreForms[strings.ToUpper(c.Function)] != "" {
			fail(c.Pos, "a score of a score: %s takes a number of the window", kind)
		}
		return s.row(e)
	}, nodes: s.nodes}).bind(e)
	if !typeOf(bound).Kind.Numeric() {
		fail(e.position(), "%s takes a number, not %s", kind, typeOf(bound))
	}
	return bound
}

// parameters are what stands behind the argument, as numbers, or what holds if nothing does.
func (s *scores) parameters(kind, form string, c *Call) []float64 {
	if len(c.Args) == 1 {
		if kind == "SEASONAL_ZSCORE" {
			s.period(c.Pos, 1)
		}
		return nil
	}
	at := c.Args[1].position()
	lit, ok := c.Args[1].(*Literal)
	if !ok {
		fail(at, "the second argument is a number or text that stands there: %s", form)
	}
	text := strings.ToLower(strings.TrimSpace(lit.Text))
	number, err := strconv.ParseFloat(text, 64)
	isNumber := lit.Kind == NumberLiteral && err == nil
	switch {
	case kind == "ZSCORE" && isNumber && number == float64(int(number)) && number >= 8 && number <= 240:
		return []float64{number}
	case kind == "EWMA_ZSCORE" && isNumber && number > 0 && number < 1:
		return []float64{number}
	case kind == "EWMA_ZSCORE" && lit.Kind == StringLiteral:
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil || d <= 0 || d.Microseconds() > maxAlertSpan {
			fail(at, "a half-life is a length of time up to 30 days like '30m' or '6h', not '%s'", shorten(text))
		}
		return []float64{0, float64(d.Microseconds())}
	case (kind == "ANOMALY" || kind == "SEASONAL_ZSCORE") && lit.Kind == StringLiteral && text == "day":
		s.period(at, 1)
		return nil
	case (kind == "ANOMALY" || kind == "SEASONAL_ZSCORE") && lit.Kind == StringLiteral && text == "week":
		s.period(at, 7)
		return []float64{7}
	}
	fail(at, "%s is called %s", kind, form)
	return nil
}

// period refuses windows of which too few make a period.
func (s *scores) period(at Pos, days int64) {
	each := s.view.AdvanceUs
	if each == 0 {
		each = s.view.WindowUs
	}
	if each*4 > days*86400_000_000 {
		fail(at, "%s has windows of %s: a profile of %s needs at least 4", s.view.Name, spanText(each), spanText(days*86400_000_000))
	}
}

// scoreIn finds the first score in an expression over rows of so many columns, with scores behind; −1: it has none.
func scoreIn(e *plan.Expr, width int) int {
	if c, ok := e.Node.(*plan.Expr_Column); ok {
		return max(int(c.Column)-width, -1)
	}
	for _, a := range e.GetCall().GetArguments() {
		if i := scoreIn(a, width); i >= 0 {
			return i
		}
	}
	return -1
}

// scoreCalls gives the calls as they are written, for what stands for them in conditions.
func scoreCalls(a *plan.Alert, columns []Expr) []Expr {
	var calls []Expr
	for _, s := range a.Scores {
		c := &Call{Function: s.Kind, Args: []Expr{written(s.Argument, columns)}}
		switch p := s.Parameters; {
		case len(p) == 2:
			c.Args = append(c.Args, &Literal{Kind: StringLiteral, Text: (time.Duration(p[1]) * time.Microsecond).String()})
		case len(p) == 1 && p[0] == 7:
			c.Args = append(c.Args, &Literal{Kind: StringLiteral, Text: "week"})
		case len(p) == 1:
			c.Args = append(c.Args, &Literal{Kind: NumberLiteral, Text: strconv.FormatFloat(p[0], 'g', -1, 64)})
		}
		calls = append(calls, c)
	}
	return calls
}

// scoreWarmUp says from when on there is a score.
func scoreWarmUp(s *plan.Score) string {
	period, twice := "day", "2 days"
	if len(s.Parameters) == 1 && s.Parameters[0] == 7 {
		period, twice = "week", "2 weeks"
	}
	switch s.Kind {
	case "ANOMALY":
		return "0 to 1, of each key; spikes from its 33rd window on, all else after " + twice
	case "ZSCORE":
		n := 60
		if len(s.Parameters) == 1 {
			n = int(s.Parameters[0])
		}
		return "deviations from the median of its last " + strconv.Itoa(n) + " windows, once half of them are there"
	case "EWMA_ZSCORE":
		return "deviations from its average that forgets, from the 33rd window on"
	}
	return "deviations from its profile of a " + period + ", after " + twice
}
