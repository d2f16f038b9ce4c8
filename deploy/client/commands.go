package client

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// commands are what the prompt does itself.
var commands = []struct{ name, does string }{
	{`\d`, "streams, views and tables"},
	{`\d NAME`, "the columns of one"},
	{`\f [table|csv|json]`, "the form of the rows"},
	{`\i FILE`, "run a file, up to the first error"},
	{`\?`, "this"},
	{`\q`, "leave; so does Ctrl-D"},
}

var forms = []string{"table", "csv", "json"}

// isCommand: what begins with a backslash, and what people type who want to leave, or don't know.
func isCommand(words []string) bool {
	if strings.HasPrefix(words[0], `\`) {
		return true
	}
	return len(words) == 1 && slices.Contains([]string{"exit", "quit", "help"}, strings.ToLower(strings.TrimRight(words[0], ";")))
}

func (s *session) command(ctx context.Context, words []string) {
	argument := strings.TrimRight(strings.Join(words[1:], " "), ";")
	switch strings.ToLower(strings.TrimRight(words[0], ";")) {
	case `\q`, "exit", "quit":
		s.leave()
	case `\?`, `\h`, "help":
		s.help()
	case `\d`:
		if argument == "" {
			s.names(ctx)
		} else {
			s.statement(ctx, statement{text: "DESCRIBE " + argument, line: 1, column: 1})
		}
	case `\f`:
		s.form(argument)
	case `\i`:
		s.include(ctx, argument)
	default:
		fmt.Fprintf(s.out, "error: there is no %s; \\? lists what there is\n", printable(words[0]))
	}
}

func (s *session) help() {
	fmt.Fprint(s.out, "A statement ends in ; and may have several lines. SHOW VIEWS; EXPLAIN a_view; SELECT * FROM a_view LIMIT 10;\n\n")
	for _, c := range commands {
		fmt.Fprintf(s.out, "  %-21s %s\n", c.name, c.does)
	}
	for _, k := range []struct{ key, does string }{
		{"Tab", "completes keywords, names and columns; twice lists them"},
		{"Up, Ctrl-R", "earlier statements; search in them"},
		{"Ctrl-C", "clears what is typed; stops a statement that runs"},
	} {
		fmt.Fprintf(s.out, "  %-21s %s\n", k.key, k.does)
	}
}

func (s *session) form(argument string) {
	switch {
	case argument == "":
		fmt.Fprintln(s.out, "rows are printed as", s.out.format)
	case slices.Contains(forms, argument):
		s.out.format = argument
	default:
		fmt.Fprintf(s.out, "error: rows are printed as %s, not as %s\n", strings.Join(forms, ", "), printable(argument))
	}
}

// names lists what can be selected from.
func (s *session) names(ctx context.Context) {
	ctx, done := s.stoppable(ctx)
	defer done()
	s.catalog.forget()
	list, err := s.catalog.relations(ctx)
	if err != nil {
		fmt.Fprintln(s.out, "error:", err)
		return
	}
	g := newGrid(s.out.Writer, []column{{Name: "name"}, {Name: "kind"}, {Name: "of"}})
	rows := [][]string{{"name", "kind", "of"}}
	for _, r := range list {
		rows = append(rows, []string{printable(r.name), r.kind, printable(r.of)})
	}
	for _, row := range rows {
		g.fit(row)
	}
	for _, row := range rows {
		g.row(row)
	}
}

// include runs a file's statements with the prompt's manners.
func (s *session) include(ctx context.Context, name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		fmt.Fprintln(s.out, "error:", err)
		return
	}
	s.catalog.forget()
	s.out.quiet = false
	defer func() { s.out.quiet = true }()
	ctx, done := s.stoppable(ctx)
	defer done()
	if err := s.run(ctx, name, strings.NewReader(string(text))); err != nil {
		fmt.Fprintln(s.out, "error:", err)
	}
}
