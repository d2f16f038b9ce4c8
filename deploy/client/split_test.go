package client

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"pgregory.net/rapid"
)

func split(text string) []statement {
	var s splitter
	var all []statement
	for line := range strings.Lines(text) {
		all = append(all, s.add(line)...)
	}
	if st, ok := s.rest(); ok {
		all = append(all, st)
	}
	return all
}

func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []statement
	}{
		"nothing":                   {" \n;;\n -- x;\n /* ; */ ;", nil},
		"two":                       {"a; b\n;c", []statement{{"a", 1, 1}, {"b", 1, 4}, {"c", 2, 2}}},
		"comment at a line's end":   {"a -- not yet;\nb;", []statement{{"a -- not yet;\nb", 1, 1}}},
		"comment before":            {"-- x\n/* y; */ a;", []statement{{"a", 2, 10}}},
		"comment of many lines":     {"a /* ;\n; */ b;\nc", []statement{{"a /* ;\n; */ b", 1, 1}, {"c", 3, 1}}},
		"comment that is no end":    {"/*/ ; */ a;b", []statement{{"a", 1, 10}, {"b", 1, 12}}},
		"string":                    {"a ';--'; b ''';'''; c '/*'; d", []statement{{"a ';--'", 1, 1}, {"b ''';'''", 1, 10}, {"c '/*'", 1, 21}, {"d", 1, 29}}},
		"string of many lines":      {"a '\n;\n'; b", []statement{{"a '\n;\n'", 1, 1}, {"b", 3, 4}}},
		"names in quotes":           {"a \";'\"; b `;\"`; c", []statement{{"a \";'\"", 1, 1}, {"b `;\"`", 1, 9}, {"c", 1, 17}}},
		"characters, not bytes":     {"é'ü'; ß", []statement{{"é'ü'", 1, 1}, {"ß", 1, 7}}},
		"string without an end":     {"a; b ';\nc;", []statement{{"a", 1, 1}, {"b ';\nc;", 1, 4}}},
		"comment without an end":    {"a;\n /* b; c", []statement{{"a", 1, 1}, {"/*", 2, 2}}},
		"Windows, byte order mark":  {"\ufeffa\r\n;\r\nb\r\n", []statement{{"a", 1, 2}, {"b", 3, 1}}},
		"minus and slash are marks": {"a - b / c; d", []statement{{"a - b / c", 1, 1}, {"d", 1, 12}}},
	} {
		if got := split(c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q is\n%+v, want\n%+v", name, c.text, got, c.want)
		}
	}
}

// The core, given the whole text, finds the same statements in the same places.
func TestSplitsAsTheCoreDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap := rapid.SampledFrom([]string{" ", "\n", "\t", " -- it's; a \"note\n", " /* one; 'more */ ", "/**/", "\r\n"})
		name := rapid.SampledFrom([]string{"v", `"a;b"`, "`c--d`", `"é''x"`, "größe", `"/*"`})
		text := rapid.SampledFrom([]string{"''", "';'", "'it''s;'", "'--'", "'/*'", "'\n;\n'", "'ü\"'"})
		var b strings.Builder
		for range rapid.IntRange(0, 5).Draw(t, "statements") {
			fmt.Fprint(&b, gap.Draw(t, "gap"), "SELECT", gap.Draw(t, "gap"), " ", text.Draw(t, "text"), gap.Draw(t, "gap"), "AS", gap.Draw(t, "gap"),
				name.Draw(t, "alias"), gap.Draw(t, "gap"), "FROM ", gap.Draw(t, "gap"), name.Draw(t, "from"), gap.Draw(t, "gap"), ";")
		}
		source := b.String()
		want, err := sql.Parse(source)
		if err != nil {
			t.Fatalf("%q: %v", source, err)
		}
		got := split(source)
		if len(got) != len(want) {
			t.Fatalf("%q: %d statements, the core has %d", source, len(got), len(want))
		}
		for i, st := range got {
			if at := want[i].Place(); at.Line != st.line || at.Column != st.column {
				t.Fatalf("%q: %q begins at %d:%d, for the core at %+v", source, st.text, st.line, st.column, at)
			}
			one, ok := oneLine(st.text)
			if ok == strings.Contains(st.text, "'\n;\n'") {
				t.Fatalf("%q in one line: %q, %v", st.text, one, ok)
			}
			if !ok {
				continue
			}
			if a, b := parsed(t, st.text), parsed(t, one); strings.Contains(one, "\n") || a != b {
				t.Fatalf("%q in one line is %q: %s is not %s", st.text, one, b, a)
			}
		}
	})
}

// parsed is what the core reads, without its places.
func parsed(t *rapid.T, text string) string {
	list, err := sql.Parse(text)
	if err != nil || len(list) != 1 {
		t.Fatalf("%q: %d statements, %v", text, len(list), err)
	}
	s := list[0].(*sql.Select)
	return sql.Format(s.Items[0].Expr) + "|" + s.Items[0].Alias.Name
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT a, -- the first\n\t b\nFROM v": "SELECT a, b FROM v",
		"a /* x\ny */b":                        "a b",
		"a  'b  -- c'  d":                      "a 'b  -- c' d",
		"a 'b\nc'":                             "",
		"a -- b":                               "a",
	} {
		if got, ok := oneLine(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("a; b ';' -- ;\n c /* ; */; \"d\nd\"")
	f.Fuzz(func(t *testing.T, text string) {
		var s splitter
		whole := s.add(text)
		if st, ok := s.rest(); ok {
			whole = append(whole, st)
		}
		if lines := split(text); !reflect.DeepEqual(lines, whole) {
			t.Errorf("line by line %+v, at once %+v", lines, whole)
		}
		for _, st := range whole {
			if oneLine, ok := oneLine(st.text); ok && strings.ContainsAny(oneLine, "\n") {
				t.Errorf("%q has more than one line", oneLine)
			}
			_ = st.caret(&refusal{Line: 1, Column: len(st.text)}, 1)
			tokenize(st.text)
		}
	})
}
