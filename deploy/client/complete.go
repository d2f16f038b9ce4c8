package client

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// token is a word of the statement that is being typed, a quoted name with its quotes, or one mark.
type token struct {
	text string
	open bool // a quoted name without its end
}

var tokens = regexp.MustCompile("[\\pL_][\\pL\\p{Nd}_]*|\\d[\\w.]*|\"[^\"]*\"?|`[^`]*`?|'(?:[^']|'')*'?|--[^\n]*\n?|/\\*(?s:.*?)(?:\\*/|$)|[^\\s]")

// tokenize leaves comments out. Inside tells that the end is within a string or a comment: nothing is to be completed there.
func tokenize(text string) (list []token, inside bool) {
	for _, t := range tokens.FindAllString(text, -1) {
		switch {
		case strings.HasPrefix(t, "--"):
			inside = !strings.HasSuffix(t, "\n")
		case strings.HasPrefix(t, "/*"):
			inside = !strings.HasSuffix(t, "*/") || len(t) < 4
		case t[0] == '\'':
			inside = len(t) < 2 || strings.Count(t, "'")%2 == 1
			list = append(list, token{text: t})
		default:
			inside = false
			open := (t[0] == '"' || t[0] == '`') && (len(t) < 2 || t[len(t)-1] != t[0])
			list = append(list, token{t, open})
		}
	}
	return list, inside
}

func isName(t token) bool {
	r, _ := utf8.DecodeRuneInString(t.text)
	return t.text[0] == '"' || t.text[0] == '`' || bareName.MatchString(string(r))
}

// unquoted is the name that a token writes.
func unquoted(t token) string { return strings.Trim(t.text, "\"`") }

// complete is the editor's question at Tab.
func (s *session) complete(line string, at int) (head string, list []string, tail string) {
	runes := []rune(line)
	before, after := string(runes[:at]), string(runes[at:])
	if strings.HasPrefix(strings.TrimSpace(line), `\`) && s.typed == "" {
		return s.completeCommand(before, after)
	}
	typed, inside := tokenize(s.typed + before)
	if inside {
		return before, nil, after
	}
	if s.typed != "" && strings.TrimSpace(before) == "" {
		return before, []string{"  "}, after // Tab at a line's beginning indents, as in pasted statements
	}
	word := token{}
	if n := len(typed); n > 0 && strings.HasSuffix(before, typed[n-1].text) && isName(typed[n-1]) {
		word, typed = typed[n-1], typed[:n-1]
	}
	head = strings.TrimSuffix(before, word.text)
	all, _ := tokenize(s.typed + head + " " + after) // not the word itself, which would be taken for an alias
	found := s.candidates(word, typed, mentioned(all))
	return head, matching(word.text, found), after
}

// candidate is a word that could be meant.
type candidate struct {
	text string
	name bool // of a relation or a column, whose letters stay as they are
}

func keywords(list ...string) (c []candidate) {
	for _, w := range list {
		c = append(c, candidate{text: w})
	}
	return c
}

func names(list ...string) (c []candidate) {
	for _, n := range list {
		c = append(c, candidate{quoted(n), true})
	}
	return c
}

// candidates of what can stand after the words before it; sources are the relations that the statement names, by alias.
func (s *session) candidates(word token, before []token, sources map[string]string) []candidate {
	ctx := context.Background()
	if len(before) == 0 {
		return keywords(beginnings...)
	}
	last := strings.ToUpper(before[len(before)-1].text)
	switch last {
	case ".":
		if len(before) > 1 {
			return names(s.catalog.columnsOf(ctx, sources[strings.ToLower(unquoted(before[len(before)-2]))])...)
		}
	case "FROM", "JOIN", "DESCRIBE":
		return s.relations(ctx, "")
	case "INTO":
		return s.relations(ctx, "stream")
	case "EXPLAIN":
		return append(s.relations(ctx, ""), keywords("SELECT", "CREATE")...)
	case "STREAM", "VIEW", "TABLE", "EXISTS":
		if strings.EqualFold(before[0].text, "DROP") && len(before) > 1 {
			return append(s.relations(ctx, strings.ToLower(before[1].text)), keywords("IF EXISTS")...)
		}
		if strings.EqualFold(before[0].text, "CREATE") {
			return nil // a new name
		}
	}
	if next := follows[last]; next != nil {
		return keywords(next...)
	}
	var columns []string
	for name, of := range sources {
		if name != strings.ToLower(of) {
			columns = append(columns, name)
		}
		columns = append(columns, s.catalog.columnsOf(ctx, of)...)
	}
	if len(sources) == 0 {
		columns = s.catalog.allColumns(ctx)
	}
	found := names(columns...)
	if word.text == "" && len(columns) > 0 {
		return found
	}
	for _, f := range functions {
		found = append(found, candidate{text: f + "("})
	}
	return append(found, keywords(words...)...)
}

func (s *session) relations(ctx context.Context, kind string) (found []candidate) {
	list, err := s.catalog.relations(ctx)
	if err != nil {
		return nil
	}
	for _, r := range list {
		if kind == "" || r.kind == kind {
			found = append(found, names(r.name)...)
		}
	}
	return found
}

// mentioned finds what a statement reads: FROM s AS a and JOIN t give a → s and t → t.
func mentioned(all []token) map[string]string {
	sources := map[string]string{}
	for i, t := range all {
		if w := strings.ToUpper(t.text); (w != "FROM" && w != "JOIN" && w != "INTO") || i+1 >= len(all) || !isName(all[i+1]) {
			continue
		}
		of := unquoted(all[i+1])
		alias := i + 2
		if alias < len(all) && strings.EqualFold(all[alias].text, "AS") {
			alias++
		}
		if alias < len(all) && isName(all[alias]) && !slices.Contains(words, strings.ToUpper(all[alias].text)) {
			sources[strings.ToLower(unquoted(all[alias]))] = of
		} else {
			sources[strings.ToLower(of)] = of
		}
	}
	return sources
}

// matching keeps what the word may become. All of it begins as the word does, letter for letter: the editor goes on from what
// they share. A lone one has its own letters.
func matching(word string, found []candidate) (list []string) {
	lower := word != "" && word == strings.ToLower(word)
	lone := ""
	for _, c := range found {
		text := c.text
		if !c.name && lower {
			text = strings.ToLower(text)
		}
		switch {
		case strings.HasPrefix(text, word):
		case strings.HasPrefix(word, `"`) && strings.HasPrefix(`"`+text+`"`, word):
			text = `"` + text + `"`
		case text[0] != '"' && len(text) >= len(word) && strings.EqualFold(text[:len(word)], word):
			lone, text = text, word+text[len(word):]
		default:
			continue
		}
		list = append(list, text)
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 1 && lone != "" {
		list[0] = lone
	}
	return list
}

func (s *session) completeCommand(before, after string) (string, []string, string) {
	var found []candidate
	head, word := "", before
	if i := strings.LastIndexByte(before, ' '); i >= 0 {
		head, word = before[:i+1], before[i+1:]
		switch command, _, _ := strings.Cut(strings.TrimSpace(before), " "); command {
		case `\d`:
			found = s.relations(context.Background(), "")
		case `\f`:
			found = keywords(forms...)
		}
	} else {
		for _, c := range commands {
			name, _, _ := strings.Cut(c.name, " ")
			found = append(found, candidate{name, true})
		}
	}
	return head, matching(word, found), after
}
