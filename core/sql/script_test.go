package sql

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "write what happened into testdata/*.sql")

// TestScripts runs testdata/*.sql: blocks of statements with a blank line between, each followed by what must come
// of it in lines that begin with "-->". Errors say line:column, counted from the block's start. Lines that begin with
// "--|" are a view's rows for SELECTs below: "--| view" names it, "--| a, b, c" is a row. A file begins with
// an empty catalogue of 8 partitions. After a change made on purpose: go test ./core/sql -run Scripts -update
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{plan: &plan.Plan{Partitions: 8, NextId: 1}, rows: map[string][][]value.Value{}}
	blocks := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
	for i, block := range blocks {
		var text, want []string
		for _, line := range strings.Split(block, "\n") {
			if out, ok := strings.CutPrefix(line, "-->"); ok {
				want = append(want, strings.TrimPrefix(out, " "))
			} else {
				text = append(text, line)
			}
		}
		got := s.run(strings.Join(text, "\n"))
		if !slices.Equal(got, want) && !*update {
			t.Errorf("%s\n  gives\n%s\n  not\n%s", strings.Join(text, "\n"), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, line := range got {
			text = append(text, strings.TrimRight("--> "+line, " "))
		}
		blocks[i] = strings.Join(text, "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// session is a catalogue, and rows of views that somebody would have stored.
type session struct {
	plan *plan.Plan
	rows map[string][][]value.Value
	view string
}

// now is NOW() in scripts: 2026-01-01T12:00:00Z.
const now = 1767268800_000_000

func (s *session) run(src string) []string {
	var out []string
	for _, line := range strings.Split(src, "\n") {
		if data, ok := strings.CutPrefix(line, "--| "); ok {
			s.load(data)
		}
	}
	list, err := Parse(src)
	for _, st := range list {
		var lines []string
		if lines, err = s.execute(st); err != nil {
			break
		}
		out = append(out, lines...)
	}
	if err == nil {
		return out
	}
	var e *Error
	if !errors.As(err, &e) {
		return append(out, "error without a place: "+err.Error())
	}
	return append(out, fmt.Sprintf("error %d:%d: %s", e.Line, e.Column, e.Message))
}

func (s *session) load(data string) {
	v, ok := findNamed(s.plan.Views, Ident{Name: data})
	if ok {
		s.view = v.Name
		return
	}
	v, _ = findNamed(s.plan.Views, Ident{Name: s.view})
	fields := strings.Split(data, ",")
	var row []value.Value
	for i, c := range ViewRelation(v).Columns {
		field := strings.TrimSpace(fields[i])
		if field == "" {
			row = append(row, value.Value{})
			continue
		}
		val, err := value.Parse(c.Type, field)
		if err != nil {
			panic(err)
		}
		row = append(row, val)
	}
	s.rows[s.view] = append(s.rows[s.view], row)
}

func (s *session) execute(st Statement) ([]string, error) {
	switch x := st.(type) {
	case *Show:
		r, _ := List(s.plan, x)
		return tableLines(r), nil
	case *DescribeStatement:
		r, err := Describe(s.plan, x.Name)
		return tableLines(r), err
	case *Explain:
		text, err := ExplainText(s.plan, x)
		return strings.Split(strings.TrimSpace(text), "\n"), err
	case *Insert:
		_, rows, err := InsertRows(s.plan, x, now)
		return tableLines(Result{Rows: rows}), err
	case *Select:
		rel, err := Resolve(s.plan, x)
		if err != nil {
			return nil, err
		}
		others, err := ResolveJoins(s.plan, x)
		if err != nil {
			return nil, err
		}
		q, err := CompileSelect(x, rel, now, others...)
		if err != nil {
			return nil, err
		}
		var joined []iter.Seq[[]value.Value]
		for _, o := range others {
			joined = append(joined, reusing(s.rows[o.Name]))
		}
		r, err := q.Run(context.Background(), reusing(s.rows[rel.Name]), joined...)
		return tableLines(r), err
	}
	before := proto.CloneOf(s.plan)
	next, message, err := Apply(s.plan, st)
	if err != nil {
		return nil, err
	}
	if !proto.Equal(before, s.plan) {
		return nil, errors.New("Apply changed the plan it was given")
	}
	if next.Version == s.plan.Version {
		message += " (no change)"
	}
	s.plan = next
	return []string{message}, nil
}

// reusing gives rows in one slice that is overwritten, as a store would.
func reusing(rows [][]value.Value) iter.Seq[[]value.Value] {
	return func(yield func([]value.Value) bool) {
		var row []value.Value
		for _, r := range rows {
			row = append(row[:0], r...)
			if !yield(row) {
				return
			}
			clear(row)
		}
	}
}

func tableLines(r Result) []string {
	var lines, names []string
	for _, c := range r.Columns {
		names = append(names, c.Name)
	}
	if names != nil {
		lines = append(lines, strings.Join(names, " | "))
	}
	for _, row := range r.Rows {
		var cells []string
		for _, v := range row {
			text := strings.ReplaceAll(v.Text(), "\n", "⏎")
			if v.IsNull() {
				text = "NULL"
			}
			cells = append(cells, text)
		}
		lines = append(lines, strings.TrimRight(strings.Join(cells, " | "), " "))
	}
	return lines
}
