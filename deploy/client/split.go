package client

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// statement is a part of a text that ends at a semicolon, or at the text's end.
type statement struct {
	text         string // from its first word, without the semicolon
	line, column int    // of its beginning; from 1, columns in characters
}

// splitter cuts a text into statements as it comes, line by line. It knows no more of the language than where a semicolon
// ends no statement: in strings, in quoted names and in comments.
type splitter struct {
	text    []byte // of the statement that has begun
	open    byte   // what has begun and not ended: a quote, '-' or '*' for a comment, 0 for nothing
	line    int    // lines before the next byte
	column  int    // characters before it in its line
	start   statement
	comment statement // where the open comment began
}

// begun tells whether a statement has.
func (s *splitter) begun() bool { return s.text != nil }

// add takes whole lines, and gives the statements that end in them.
func (s *splitter) add(lines string) (ended []statement) {
	for i := 0; i < len(lines); {
		n, part := s.step(lines[i:])
		here := statement{line: s.line + 1, column: s.column + 1}
		switch {
		case part == endPart:
			if s.begun() {
				ended = append(ended, s.take())
			}
		case part == wordPart && !s.begun():
			s.start, s.text = here, []byte{}
		case part == commentPart:
			s.comment = here
		}
		if s.begun() {
			s.text = append(s.text, lines[i:i+n]...)
		}
		s.pass(lines[i : i+n])
		i += n
	}
	return ended
}

type part uint8

const (
	blankPart   part = iota // between words, or the inside of a quote or a comment
	wordPart                // part of a statement
	commentPart             // the opening of a comment
	endPart                 // the semicolon
)

// step looks at what comes next, and gives its length.
func (s *splitter) step(rest string) (int, part) {
	end := ""
	switch s.open {
	case 0:
		return s.outside(rest)
	case '-':
		end = "\n"
	case '*':
		end = "*/"
	default:
		end = string(s.open)
	}
	i := strings.Index(rest, end)
	if i < 0 {
		return len(rest), blankPart
	}
	s.open = 0
	return i + len(end), blankPart
}

func (s *splitter) outside(rest string) (int, part) {
	switch {
	case strings.HasPrefix(rest, "--"):
		s.open = '-'
		return 2, commentPart
	case strings.HasPrefix(rest, "/*"):
		s.open = '*'
		return 2, commentPart
	case rest[0] == ';':
		return 1, endPart
	case strings.IndexByte("'\"`", rest[0]) >= 0:
		s.open = rest[0]
		return 1, wordPart
	}
	r, n := utf8.DecodeRuneInString(rest)
	if unicode.IsSpace(r) || r == '\ufeff' {
		return n, blankPart
	}
	return n, wordPart
}

func (s *splitter) pass(text string) {
	for _, r := range text {
		if s.column++; r == '\n' {
			s.line, s.column = s.line+1, 0
		}
	}
}

func (s *splitter) take() statement {
	st := s.start
	st.text = strings.TrimRightFunc(string(s.text), unicode.IsSpace)
	s.text = nil
	return st
}

// rest gives the last statement, which nothing ended. A comment without an end is one too: the core refuses it.
func (s *splitter) rest() (statement, bool) {
	switch {
	case s.begun():
		return s.take(), true
	case s.open == '*':
		st := s.comment
		st.text = "/*"
		return st, true
	}
	return statement{}, false
}

// oneLine writes a statement in one line, without comments, as the history keeps it; ok is false if it can't be, for a line
// break within quotes.
func oneLine(text string) (line string, ok bool) {
	var s splitter
	var b strings.Builder
	gap := false
	for i := 0; i < len(text); {
		inQuotes := s.open != 0 && s.open != '-' && s.open != '*'
		n, part := s.step(text[i:])
		switch piece := text[i : i+n]; {
		case inQuotes && strings.ContainsAny(piece, "\r\n"):
			return "", false
		case inQuotes || part == wordPart:
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(piece)
			gap = false
		default:
			gap = true
		}
		i += n
	}
	return b.String(), b.Len() > 0
}
