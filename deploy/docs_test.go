package deploy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
)

// The pages say what is so: each check gives what it finds wrong in one page's text.

var pages = []string{"README.md", ".github/DESIGN.md", ".github/LIFE-OF-A-READING.md", ".github/SQL.md", ".github/OPERATING.md", ".github/EVENT-TIME.md", ".github/HISTORY.md", ".github/ALERTS.md"}

// operating is the page that lists every metric.
const operating = ".github/OPERATING.md"

func TestDocs(t *testing.T) {
	metrics := metricsInSource(t)
	for _, page := range pages {
		text := readPage(t, page)
		var wrong []string
		wrong = append(wrong, wrongPaths(text)...)
		wrong = append(wrong, wrongLinks(page, text)...)
		wrong = append(wrong, wrongFunctions(text)...)
		wrong = append(wrong, wrongMetrics(text, metrics, page == operating)...)
		wrong = append(wrong, wrongSQL(text)...)
		for _, w := range wrong {
			t.Errorf("%s: %s", page, w)
		}
	}
}

// TestDocsChecks plants one mistake of each kind.
func TestDocsChecks(t *testing.T) {
	metrics := map[string]bool{"hexpane_edge_a_total": true, "hexpane_edge_b_seconds": true}
	sqlBlock := func(s string) string { return "```sql\n" + s + "\n```\n" }
	stream := "CREATE STREAM s (a STRING KEY, b DOUBLE) WITH (topic = 't/{a}');"
	for name, c := range map[string]struct {
		wrong []string
		part  string // of the one finding; "" where nothing is wrong
	}{
		"path":                  {wrongPaths("see `deploy/docs_test.go` and `core/*`, `city/{device}/env`, `application/json`"), ""},
		"path that is not":      {wrongPaths("see `deploy/docs_tset.go`"), "deploy/docs_tset.go"},
		"room that is not":      {wrongPaths("see `core/fence-of-old`"), "core/fence-of-old"},
		"path in a code block":  {wrongPaths("```text\n`core/none`\n```\n"), ""},
		"file at the top":       {wrongPaths("see `Makefile`, `READYOU.md`"), "READYOU.md"},
		"link":                  {wrongLinks(".github/X.md", "[a](DESIGN.md) [b](../README.md#numbers) [c](https://example.org)"), ""},
		"link to nothing":       {wrongLinks("README.md", "[a](DESIGN.md)"), "DESIGN.md"},
		"link to no heading":    {wrongLinks("README.md", "## What is `it`?\n[a](#what-is-it) [b](#what-was)"), "#what-was"},
		"link to a far heading": {wrongLinks(".github/X.md", "[a](../README.md#no-such-thing)"), "#no-such-thing"},
		"function":              {wrongFunctions("`deploy/layout_test.go: forbidden`, `edge/line.go: line.turn`"), ""},
		"function that is not":  {wrongFunctions("`deploy/layout_test.go: forgiven`"), "forgiven"},
		"method of another":     {wrongFunctions("`edge/line.go: source.turn`"), "source.turn"},
		"function of no file":   {wrongFunctions("`edge/lime.go: line.turn`"), "edge/lime.go"},
		"function of the page":  {wrongFunctions("`dashboard/src/data/frame.ts: decodeFrames`, `dashboard/src/data/frame.ts: encode`"), "encode"},
		"metrics":               {wrongMetrics("hexpane_edge_a_total hexpane_edge_b_seconds_bucket", metrics, true), ""},
		"metric that is not":    {wrongMetrics("hexpane_edge_c_total", metrics, false), "hexpane_edge_c_total"},
		"metric not listed":     {wrongMetrics("hexpane_edge_a_total", metrics, true), "hexpane_edge_b_seconds"},
		"SQL":                   {wrongSQL(sqlBlock(stream) + sqlBlock("SELECT b FROM s; CREATE VIEW v AS SELECT a, MAX(b) AS m FROM s GROUP BY a; EXPLAIN v")), "keeps no rows"},
		"SQL that runs":         {wrongSQL(sqlBlock(stream + "CREATE VIEW v AS SELECT a, MAX(b) AS m FROM s GROUP BY a; SELECT m FROM v; EXPLAIN v; DESCRIBE late")), ""},
		"SQL that is not":       {wrongSQL(sqlBlock("SELEKT 1")), "SELEKT"},
		"SQL not built":         {wrongSQL(sqlBlock(stream + "CREATE VIEW v AS SELECT SUM(DISTINCT b) AS p FROM s GROUP BY a")), "not supported yet"},
		"SQL of other columns":  {wrongSQL(sqlBlock(stream + "CREATE VIEW v AS SELECT a, MAX(c) AS m FROM s GROUP BY a")), "no column"},
		"SQL in a text block":   {wrongSQL("```text\nSELEKT 1\n```\n"), ""},
	} {
		switch {
		case c.part == "" && len(c.wrong) > 0:
			t.Errorf("%s: nothing is wrong, found %q", name, c.wrong)
		case c.part != "" && (len(c.wrong) != 1 || !strings.Contains(c.wrong[0], c.part)):
			t.Errorf("%s: want one finding with %q, found %q", name, c.part, c.wrong)
		}
	}
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```[ \t]*$")
	spans   = regexp.MustCompile("`([^`\n]+)`")
	place   = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?$`)
	fileEnd = regexp.MustCompile(`\.(go|ts|tsx|md|sql|proto|sh|yaml|conf|png|mod)$`)
)

// spansOf gives what stands in backticks, outside of code blocks.
func spansOf(text string) []string {
	var list []string
	for _, m := range spans.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		list = append(list, m[1])
	}
	return list
}

// wrongPaths finds paths of the repository that are not there: what begins with a room, and files at the top.
func wrongPaths(text string) (wrong []string) {
	for _, s := range spansOf(text) {
		s, _, _ = strings.Cut(s, ": ")
		first, _, nested := strings.Cut(s, "/")
		if !place.MatchString(s) || !slices.Contains(append(topLevel, ".github", ".ci"), first) && (nested || !fileEnd.MatchString(s)) {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, s)); err != nil && !exampleFiles[s] {
			wrong = append(wrong, "no "+s+" in the repository")
		}
	}
	return wrong
}

// exampleFiles are a reader's own.
var exampleFiles = map[string]bool{"kiosk.sql": true, "site.sql": true}

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// wrongLinks finds relative links to files and headings that are not there.
func wrongLinks(page, text string) (wrong []string) {
	for _, m := range links.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		target, anchor, anchored := strings.Cut(m[1], "#")
		if strings.Contains(target, "://") {
			continue
		}
		there := text
		if target != "" {
			linked, err := os.ReadFile(filepath.Join(root, path.Join(path.Dir(page), target)))
			if err != nil {
				wrong = append(wrong, "the link to "+m[1]+" leads nowhere")
				continue
			}
			there = string(linked)
		}
		if anchored && !slices.Contains(anchorsOf(there), anchor) {
			wrong = append(wrong, "no heading for the link to "+m[1])
		}
	}
	return wrong
}

func anchorsOf(text string) []string {
	var list []string
	for _, m := range headings.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		list = append(list, strings.ReplaceAll(strings.ToLower(noAnchor.ReplaceAllString(m[1], "")), " ", "-"))
	}
	return list
}

var mention = regexp.MustCompile(`^([A-Za-z0-9_./-]+\.(?:go|ts)): ([A-Za-z0-9_.]+)$`)

// wrongFunctions finds mentions like `edge/line.go: line.turn` of functions that the file has not.
func wrongFunctions(text string) (wrong []string) {
	for _, s := range spansOf(text) {
		m := mention.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, m[1]))
		if err != nil {
			wrong = append(wrong, "no "+m[1]+" for "+m[2])
			continue
		}
		has := func() bool { return slices.Contains(functionsOf(src), m[2]) }
		if strings.HasSuffix(m[1], ".ts") {
			has = func() bool { // a function, a method, or an arrow that is kept
				return regexp.MustCompile(`(?m)^\s*(export |private |readonly |async |function )*` + regexp.QuoteMeta(m[2]) + `( = )?\(`).Match(src)
			}
		}
		if !has() {
			wrong = append(wrong, m[1]+" has no "+m[2])
		}
	}
	return wrong
}

// functionsOf a Go file: "New" and "Type.Method".
func functionsOf(src []byte) []string {
	f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	var list []string
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			on := fn.Recv.List[0].Type
			if star, ok := on.(*ast.StarExpr); ok {
				on = star.X
			}
			if id, ok := on.(*ast.Ident); ok {
				name = id.Name + "." + name
			}
		}
		list = append(list, name)
	}
	return list
}

var metric = regexp.MustCompile(`\bhexpane_(?:edge|core|end)_[a-z_]+[a-z]\b`)

// wrongMetrics finds metrics that the source has not, and for a page that lists all, those that it lacks.
func wrongMetrics(text string, source map[string]bool, all bool) (wrong []string) {
	named := map[string]bool{}
	for _, name := range metric.FindAllString(text, -1) {
		for _, end := range []string{"_bucket", "_sum", "_count"} { // a histogram's series
			if base := strings.TrimSuffix(name, end); source[base] {
				name = base
			}
		}
		if named[name] = true; !source[name] {
			wrong = append(wrong, "no metric "+name+" in the source")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(source)) {
		if all && !named[name] {
			wrong = append(wrong, "does not list the metric "+name)
		}
	}
	return wrong
}

// metricsInSource gives every metric's name that stands as a whole string in the product's source.
func metricsInSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, f.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && s != "" && metric.FindString(s) == s {
					names[s] = true
				}
			}
			return true
		})
	}
	if len(names) < 20 {
		t.Fatalf("found only %d metrics: looked in the wrong place", len(names))
	}
	return names
}

var sqlFence = regexp.MustCompile("(?ms)^```sql\n(.*?)^```")

// wrongSQL parses a page's SQL blocks and plans them, one after the other on one catalogue.
func wrongSQL(text string) (wrong []string) {
	catalogue := &plan.Plan{Version: 1, Partitions: 4, NextId: 1}
	for i, m := range sqlFence.FindAllStringSubmatch(text, -1) {
		statements, err := sql.Parse(m[1])
		for _, st := range statements {
			if err == nil {
				catalogue, err = try(catalogue, st)
			}
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("SQL block %d: %v", i+1, err))
		}
	}
	return wrong
}

// try does with a statement what the core does, as far as it takes no state.
func try(p *plan.Plan, st sql.Statement) (*plan.Plan, error) {
	var tables []sql.Relation
	for _, name := range sql.BuiltInTables {
		tables = append(tables, sql.Relation{Name: name})
	}
	for _, s := range p.Streams {
		if s.Position != nil || s.Table {
			tables = append(tables, sql.StreamRelation(s))
		}
	}
	var err error
	switch x := st.(type) {
	case *sql.Select:
		if x.Emit != sql.EmitUnsaid {
			_, _, _, err = sql.CompilePush(p, x, 0)
			break
		}
		var from sql.Relation
		if from, err = sql.Resolve(p, x, tables...); err == nil {
			var joined []sql.Relation
			if joined, err = sql.ResolveJoins(p, x, tables...); err == nil {
				_, err = sql.CompileSelect(x, from, 0, joined...)
			}
		}
	case *sql.Insert:
		_, _, err = sql.InsertRows(p, x, 0)
	case *sql.DescribeStatement:
		_, err = sql.Describe(p, x.Name, tables...)
	case *sql.Explain:
		_, err = sql.ExplainText(p, x, tables...)
	case *sql.Show:
	default:
		var next *plan.Plan
		if next, _, err = sql.Apply(p, st); err == nil {
			p = next
		}
	}
	return p, err
}
