package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peterh/liner"
)

// errCleared is what Ctrl-C at the prompt gives.
var errCleared = errors.New("cleared")

// editor reads the prompt's lines; io.EOF is Ctrl-D.
type editor interface {
	read(prompt string) (string, error)
	remember(line string)
	close() error
}

// completer gives what the word before the cursor may become. Head and tail are what is around it.
type completer func(line string, at int) (head string, words []string, tail string)

// newEditor edits lines on a terminal that can, and reads plain lines from one that can't: prompts then go to stderr. Liner is what edits:
// it asks the terminal nothing, so that no slow or simple one makes it wait (reeflective/readline asks where the cursor is), it is kept
// (chzyer/readline is not), and it searches its history and tells Ctrl-C from Ctrl-D (golang.org/x/term does not).
func newEditor(p Process, complete completer) editor {
	if p.Stdin == os.Stdin && p.Stdout == os.Stdout && isTerminal(os.Stdin) && isTerminal(os.Stdout) && liner.TerminalSupported() {
		release, err := filterPastes(os.Stdin)
		if err != nil {
			return plainLines{bufio.NewReader(p.Stdin), p.Stderr}
		}
		l := liner.NewLiner()
		l.SetCtrlCAborts(true)
		l.SetMultiLineMode(true) // a line longer than the terminal is wide is wrapped
		l.SetTabCompletionStyle(liner.TabPrints)
		l.SetBeep(false)
		l.SetWordCompleter(liner.WordCompleter(complete))
		fmt.Fprint(os.Stdout, markPastes)
		return lineEditor{l, release}
	}
	return plainLines{bufio.NewReader(p.Stdin), p.Stderr}
}

type lineEditor struct {
	*liner.State
	release func()
}

func (e lineEditor) read(prompt string) (string, error) {
	line, err := e.Prompt(prompt)
	if errors.Is(err, liner.ErrPromptAborted) {
		return "", errCleared
	}
	return line, err
}

func (e lineEditor) remember(line string) { e.AppendHistory(line) }

func (e lineEditor) close() error {
	fmt.Fprint(os.Stdout, unmarkPastes)
	e.release()
	return e.Close()
}

type plainLines struct {
	in  *bufio.Reader
	out io.Writer
}

func (e plainLines) read(prompt string) (string, error) {
	fmt.Fprint(e.out, prompt)
	line, err := e.in.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (plainLines) remember(string) {}
func (plainLines) close() error    { return nil }
