package client

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
)

// Names are written so that the core takes them: in quotes where they must be, and not where they need not.
func TestNamesTheCoreTakes(t *testing.T) {
	for _, w := range append(words, `a "b"`, "größe", "7up", "a;b", "H3") {
		if _, err := sql.Parse("DESCRIBE " + quoted(w)); err != nil {
			t.Errorf("DESCRIBE %s: %v (a word that is reserved now belongs into reserved, words.go)", quoted(w), err)
		}
	}
	for _, w := range reserved {
		if _, err := sql.Parse("DESCRIBE " + w); err == nil {
			t.Errorf("%s needs no quotes", w)
		}
	}
}

// What Tab offers, the core has.
func TestWordsTheCoreKnows(t *testing.T) {
	rel := sql.Relation{Name: "v", Columns: []sql.Column{{Name: "a", Type: value.Type{Kind: value.Int}}}}
	for _, f := range functions {
		if f == "TUMBLE" || f == "HOP" || f == "CAST" || f == "NOW" { // forms of their own
			continue
		}
		list, err := sql.Parse("SELECT " + f + "(a) AS x FROM v")
		if err == nil {
			_, err = sql.CompileSelect(list[0].(*sql.Select), rel, 0)
		}
		if err != nil && strings.Contains(err.Error(), "no function") {
			t.Error(err)
		}
	}
	if _, err := sql.CompileSelect(must(t, "SELECT nothing_such(a) AS x FROM v").(*sql.Select), rel, 0); err == nil || !strings.Contains(err.Error(), "no function") {
		t.Errorf("a function that is not: %v", err)
	}
	for _, what := range follows["SHOW"] {
		must(t, "SHOW "+what)
	}
	for _, kind := range follows["DROP"] {
		must(t, "DROP "+kind+" IF EXISTS x")
	}
	for _, w := range beginnings {
		if _, err := sql.Parse(w); err == nil || strings.Contains(err.Error(), "expected a statement") {
			t.Errorf("%s begins no statement: %v", w, err)
		}
	}
}

func must(t *testing.T, text string) sql.Statement {
	t.Helper()
	list, err := sql.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list[0]
}
