package deploy_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module       = "github.com/hexpane/hexpane/"
	root         = ".."
	mainMaxLines = 60
)

// exceptions are imports that the rules forbid and that are right all the same: "from → to": "why".
// A line here is a change of the design, and needs its reason.
var exceptions = map[string]string{
	"edge/ingest → edge/crash": "a place to die at, in tests; empty in what is delivered",
	"edge/store → edge/crash":  "the same",
	"core → edge/crash":        "the same",
	"edge/uplink → edge/crash": "the same",
	"edge/store → edge/space":  "the guard of a disk, which edge and core keep alike",
	"core → edge/space":        "the same",
	"edge/ingest → edge/peers": "real servers, for tests",
	"edge/uplink → edge/peers": "the same",
	"core → simulators/oracle": "the truth, for tests",
}

// topLevel is everything that may lie at the top, aside from dot-files and what .gitignore names there.
var topLevel = []string{
	"edge", "core", "protocol", "geo", "dashboard", "simulators", "deploy",
	"go.mod", "go.sum", "README.md", "Makefile", "LICENSE",
}

// leaves are imported by everything and import only one another.
var leaves = []string{"geo", "protocol/value", "protocol/window", "protocol/aggregate"}

// forbidden tells why package from may not import package to, or "". Both are paths below the module.
// The package of external tests, "x_test", counts as x.
func forbidden(from, to string) string {
	fromRoom, toRoom := room(from), room(to)
	switch {
	case from == to:
		return ""
	case isCommand(to):
		return "nothing imports a command"
	case to == "deploy/service" && !isCommand(from) && fromRoom != "deploy":
		return "only commands know about flags, configuration files and signals"
	case isLeaf(from) && !isLeaf(to):
		return "a leaf imports only leaves"
	case fromRoom == "protocol" && toRoom != "protocol" && toRoom != "geo":
		return "protocol is below edge and core"
	case fromRoom == "simulators" && from != "simulators/oracle" && (toRoom == "edge" || toRoom == "core"):
		return "a simulator knows the truth, not the program it judges"
	case fromRoom == "edge" && toRoom == "core" || fromRoom == "core" && toRoom == "edge":
		return "edge and core meet only in protocol"
	case fromRoom == "dashboard":
		return "dashboard is embedded, and imports nothing"
	case (fromRoom == "edge" || fromRoom == "core") && (toRoom == "simulators" || toRoom == "deploy" && to != "deploy/service"):
		return "the product does not need its simulators or its deployment"
	case (fromRoom == "edge" || fromRoom == "core") && !isCommand(from) && from != fromRoom:
		return betweenStages(from, to)
	}
	return ""
}

// betweenStages: the assembly (package edge, package core) joins the stages, and they don't know one another.
func betweenStages(from, to string) string {
	switch {
	case to == room(from):
		return "the assembly imports the stages, not the other way round"
	case room(to) == room(from) && stage(to) != stage(from):
		return "sibling stages never import one another: let the assembly join them"
	}
	return ""
}

func room(pkg string) string { r, _, _ := strings.Cut(pkg, "/"); return r }

// stage is the second part of a path: "edge/store" for "edge/store/journal".
func stage(pkg string) string {
	return strings.Join(strings.SplitN(pkg+"//", "/", 3)[:2], "/")
}

func isCommand(pkg string) bool { return strings.Contains("/"+pkg+"/", "/cmd/") }

func isLeaf(pkg string) bool {
	return slices.ContainsFunc(leaves, func(l string) bool { return pkg == l || strings.HasPrefix(pkg, l+"/") })
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, to string
		part     string // of the reason; "" where the import is fine
	}{
		{"protocol/aggregate", "protocol/value", ""},
		{"geo/index", "geo/cell", ""},
		{"protocol/wire", "protocol/plan", ""},
		{"protocol/expr", "geo/cell", ""},
		{"edge/store", "protocol/wire", ""},
		{"edge/store", "edge/store/journal", ""},
		{"edge/store/journal", "edge/store", ""},
		{"edge", "edge/store", ""},
		{"core/store/influx", "core/store/local", ""},
		{"core/fence", "geo/index", ""},
		{"edge/cmd/hexpane-edge", "edge", ""},
		{"edge/cmd/hexpane-edge", "deploy/service", ""},
		{"simulators/cmd/hexpane-sim", "deploy/service", ""},
		{"deploy/cmd/hexpane", "edge", ""},
		{"deploy/cmd/hexpane", "core", ""},
		{"deploy/cmd/hexpane", "dashboard", ""},
		{"deploy/endtoend", "simulators/oracle", ""},
		{"deploy/endtoend", "deploy/service", ""},
		{"simulators/oracle", "core/sql", ""},
		{"simulators/city", "protocol/payload", ""},
		{"core", "dashboard", ""},

		{"protocol/window", "protocol/plan", "leaf"},
		{"protocol/value", "edge", "leaf"},
		{"geo", "protocol/wire", "leaf"},
		{"geo/cell", "core/fence", "leaf"},
		{"protocol/wire", "edge/store", "below"},
		{"protocol/plan", "simulators/city", "below"},
		{"edge/ingest", "edge/store", "sibling"},
		{"edge/ingest/mqtt", "edge/store", "sibling"},
		{"edge/ingest", "edge/ingester", "sibling"},
		{"core/merge", "core/state", "sibling"},
		{"core/store/influx", "core/state", "sibling"},
		{"edge/store", "edge", "assembly"},
		{"core/api", "core", "assembly"},
		{"edge/store", "core/store", "meet only"},
		{"edge", "core", "meet only"},
		{"core", "edge/pane", "meet only"},
		{"edge/cmd/hexpane-edge", "core", "meet only"},
		{"simulators/city", "edge/ingest", "truth"},
		{"simulators/load", "core", "truth"},
		{"simulators/oracles", "core", "truth"},
		{"simulators/cmd/hexpane-sim", "edge", "truth"},
		{"edge", "deploy/service", "only commands"},
		{"core/api", "deploy/service", "only commands"},
		{"simulators/city", "deploy/service", "only commands"},
		{"core", "simulators/city", "simulators"},
		{"edge/ingest", "deploy/endtoend", "deployment"},
		{"dashboard", "core/live", "embedded"},
		{"deploy/endtoend", "edge/cmd/hexpane-edge", "command"},
	} {
		got := forbidden(c.from, c.to)
		if c.part == "" && got != "" || !strings.Contains(got, c.part) {
			t.Errorf("%s → %s: got %q, want %q", c.from, c.to, got, c.part)
		}
	}
}

func TestImportsPointOneWay(t *testing.T) {
	unused := map[string]bool{}
	for e := range exceptions {
		unused[e] = true
	}
	for _, f := range goFiles(t) {
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, ours := strings.CutPrefix(imported, module)
			reason := forbidden(f.pkg, to)
			if !ours || reason == "" {
				continue
			}
			edge := f.pkg + " → " + to
			delete(unused, edge)
			if _, ok := exceptions[edge]; !ok {
				t.Errorf("%s imports %s: %s", f.path, to, reason)
			}
		}
	}
	for e := range unused {
		t.Errorf("exception %s is not needed any more", e)
	}
}

func TestPackages(t *testing.T) {
	documented, where := map[string]bool{}, map[string]string{}
	for _, f := range goFiles(t) {
		if reason := badName(f.ast.Name.Name); reason != "" {
			t.Errorf("%s: %s", f.path, reason)
		}
		if f.ast.Name.Name == "main" && path.Base(f.path) == "main.go" && f.lines > mainMaxLines {
			t.Errorf("%s has %d lines, of %d: a main only calls", f.path, f.lines, mainMaxLines)
		}
		if !strings.HasSuffix(f.path, "_test.go") {
			where[f.pkg] = f.path
			documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		}
	}
	for pkg := range where {
		if !documented[pkg] {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

func badName(pkg string) string {
	for _, word := range []string{"util", "utils", "common", "helper", "helpers", "misc", "shared"} {
		if strings.TrimSuffix(pkg, "_test") == word {
			return fmt.Sprintf("package %s says nothing of what it is for", pkg)
		}
	}
	return ""
}

func TestBadName(t *testing.T) {
	for name, bad := range map[string]bool{"util": true, "helpers": true, "common_test": true, "store": false, "commons": false} {
		if (badName(name) != "") != bad {
			t.Errorf("%s: %q", name, badName(name))
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(string(ignored), "\n/"+e.Name()+"/\n") {
			continue
		}
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s: no room of that name; see the design for which one this belongs to", e.Name())
		}
	}
}

type goFile struct {
	path, pkg string // "edge/store/journal.go", "edge/store"
	ast       *ast.File
	lines     int
}

// goFiles parses every Go file of the tree, up to its imports. It asks no tool, so a cached answer of go
// test is a true one: the files read are part of what the cache looks at.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var out []goFile
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "dist") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, goFile{path: rel, pkg: path.Dir(rel), ast: f, lines: bytes.Count(src, []byte("\n"))})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("found only %d Go files: looked in the wrong place", len(out))
	}
	return out
}
