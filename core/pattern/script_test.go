package pattern

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Scripts are paragraphs; testdata/README says how they read.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) < 4 {
		t.Fatal("where are the scripts?", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for _, paragraph := range strings.Split(string(text), "\n\n") {
			s := &script{at: fmt.Sprintf("%s:%d", file, line)}
			s.run(t, paragraph)
			line += strings.Count(paragraph, "\n") + 2
		}
	}
}

type script struct {
	at        string
	p         *plan.Pattern
	names     map[string]uint32
	rows      []string
	want      []string
	wantError string
	until     int64
}

// Columns of a script's rows: a letter, a number, the time.
const (
	letterColumn = iota
	numberColumn
	timeColumn
)

func (s *script) run(t *testing.T, paragraph string) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: %v", s.at, r)
		}
	}()
	s.p = &plan.Pattern{Id: 1, Name: "script", Columns: 3, AllRows: true}
	s.names, s.until = map[string]uint32{}, math.MaxInt64
	for i := range 26 {
		name := string(rune('A' + i))
		s.names[name] = uint32(i)
		letter := call("=", column(letterColumn, aText), literal(value.OfString(strings.ToLower(name))))
		s.p.Variables = append(s.p.Variables, &plan.Variable{Name: name, Define: letter})
	}
	for _, line := range strings.Split(paragraph, "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.line(word, strings.TrimSpace(rest))
	}
	if s.p.Shape == nil {
		return // a comment
	}
	e, err := New(s.p, Limits{})
	if err != nil || s.wantError != "" {
		if s.wantError == "" || err == nil || !strings.Contains(err.Error(), s.wantError) {
			t.Errorf("%s: got error %v, want %q", s.at, err, s.wantError)
		}
		return
	}
	if got := s.match(e); !slices.Equal(got, s.want) {
		t.Errorf("%s: got\n  %s\nwant\n  %s", s.at, strings.Join(got, "\n  "), strings.Join(s.want, "\n  "))
	}
}

func (s *script) line(word, rest string) {
	switch word {
	case "", "#":
	case "pattern":
		s.p.Shape = shapeOf(rest, s.names)
	case "within":
		s.p.WithinUs = int64(number(rest))
	case "skip":
		s.skip(rest)
	case "define":
		name, condition, _ := strings.Cut(rest, " ")
		s.p.Variables[s.names[name]].Define = s.condition(strings.TrimSpace(condition), s.names[name])
	case "measure":
		x := s.measure(rest)
		s.p.Measures = append(s.p.Measures, x)
		s.p.Outputs = append(s.p.Outputs, &plan.Column{Name: rest, Type: x.Type})
	case "one":
		s.p.AllRows = false
	case "rows":
		s.rows = strings.Fields(rest)
	case "watermark":
		s.until = int64(number(rest))
	case "match":
		s.want = append(s.want, rest)
	case "error":
		s.wantError = rest
	default:
		panic("no word " + word)
	}
}

func (s *script) skip(rest string) {
	words := strings.Fields(rest)
	name := words[len(words)-1]
	switch {
	case rest == "to next row":
		s.p.Skip = plan.Skip_TO_NEXT_ROW
	case words[1] == "first":
		s.p.Skip, s.p.SkipTo = plan.Skip_TO_FIRST, []uint32{s.names[name]}
	case words[1] == "last":
		s.p.Skip, s.p.SkipTo = plan.Skip_TO_LAST, []uint32{s.names[name]}
	}
}

// condition knows the few that scripts need; v is the variable defined, L, F and so on stand for the letters of others.
func (s *script) condition(text string, v uint32) *plan.Expr {
	b, n := builder{s.p}, column(numberColumn, aNumber)
	words := strings.Fields(text)
	var other uint32
	if len(words) > 1 {
		other = s.names[words[1]]
	}
	switch words[0] {
	case "anything":
		return nil
	case "rising": // than the row before, in the match or not
		return call(">", n, b.of(plan.Reference_PREV, n))
	case "above": // the last row of a variable
		return call(">", n, b.of(plan.Reference_LAST, n, other))
	case "above-first":
		return call(">", n, b.of(plan.Reference_FIRST, n, other))
	case "above-second": // the last row but one of a variable
		r := &plan.Reference{Kind: plan.Reference_LAST, Argument: n, Variables: []uint32{other}, Offset: 1}
		return call(">", n, b.refer(r, aNumber))
	case "counted": // so many rows of the match, this one among them
		return call(">=", b.aggregate("COUNT", anInt, nil), literal(value.OfInt(int64(number(words[1])))))
	case "at-most": // a sum, over the variable itself
		return call("<=", b.aggregate("SUM", aNumber, n, v), literal(value.OfDouble(float64(number(words[1])))))
	case "letters": // so many different ones in the match
		return call(">=", b.aggregate("COUNT_DISTINCT", anInt, column(letterColumn, aText)), literal(value.OfInt(int64(number(words[1])))))
	case "soon": // after the last row of a variable, by seconds at most
		return call("<=", column(timeColumn, aTime), call("+interval", b.of(plan.Reference_LAST, column(timeColumn, aTime), other), literal(value.OfInt(int64(number(words[2]))))))
	}
	panic("no condition " + text)
}

func (s *script) measure(text string) *plan.Expr {
	b, n := builder{s.p}, column(numberColumn, aNumber)
	text, final := strings.CutPrefix(text, "final ")
	words := append(strings.Fields(text), "")
	var of []uint32
	if words[1] != "" {
		of = []uint32{s.names[words[1]]}
	}
	var x *plan.Expr
	switch words[0] {
	case "classifier":
		x = b.refer(&plan.Reference{Kind: plan.Reference_CLASSIFIER}, aText)
	case "number":
		x = b.refer(&plan.Reference{Kind: plan.Reference_MATCH_NUMBER}, anInt)
	case "first":
		x = b.of(plan.Reference_FIRST, n, of...)
	case "last":
		x = b.of(plan.Reference_LAST, n, of...)
	case "prev":
		x = b.of(plan.Reference_PREV, n)
	case "count":
		x = b.aggregate("COUNT", anInt, nil, of...)
	case "sum", "min", "max", "avg":
		x = b.aggregate(strings.ToUpper(words[0]), aNumber, n, of...)
	case "list":
		x = b.aggregate("COLLECT_LIST", aText, column(letterColumn, aText), of...)
	case "letters":
		x = b.aggregate("COUNT_DISTINCT", anInt, column(letterColumn, aText), of...)
	default:
		panic("no measure " + text)
	}
	s.p.References[len(s.p.References)-1].Final = final
	return x
}

// match gives each match as its rows, "A@0 B@1=measure,measure …".
func (s *script) match(e *Engine) []string {
	k := e.NewKey(nil)
	for i, text := range s.rows {
		text, numeral, _ := strings.Cut(text, ":")
		letter, at, timed := strings.Cut(text, "@")
		us := int64(i)
		if timed {
			us = int64(number(at))
		}
		v := value.Value{}
		if f, err := strconv.ParseFloat(numeral, 64); err == nil {
			v = value.OfDouble(f)
		}
		e.Add(k, us, []value.Value{value.OfString(letter), v, value.OfTime(us)})
	}
	var got []string
	e.Advance(k, s.until, func(m *Match) {
		var rows []string
		for _, r := range m.Rows {
			text := fmt.Sprintf("%s@%d", r.Variable, r.Values[timeColumn].Int())
			for i, v := range r.Measures {
				text += []string{"=", ","}[min(i, 1)] + v.Text()
			}
			rows = append(rows, text)
		}
		if m.Until != m.Last {
			rows = append(rows, fmt.Sprintf("until %d", m.Until))
		}
		got = append(got, strings.Join(rows, " "))
	})
	return got
}
