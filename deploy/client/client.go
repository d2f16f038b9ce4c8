// Package client is hexpane's SQL client: it splits a text into statements, sends them to a core one by one, and prints what
// comes back.
//
//	client.go    Config, Run: a statement, a file, or the prompt
//	split.go     a text → statements, with their places
//	ask.go       one statement → an answer, over HTTP
//	show.go      an answer → table, CSV or JSON
//	save.go      an answer of any length → CSV, NDJSON or Parquet, in a file perhaps
//	table.go     aligned columns
//	push.go      rows that keep coming, until Ctrl-C
//	archive.go   hexpane export: whole days of views into a directory or a bucket; archive_manifest.go, archive_target.go
//	place.go     an error → its line, with a caret
//	prompt.go    the prompt; commands.go: what begins with \ there
//	edit.go      the line editor, or plain lines
//	paste.go     what is pasted into the editor
//	history.go   what was typed, in the user's state directory
//	complete.go  what Tab offers; words.go, catalog.go: from what
//
// It knows the core by its HTTP API alone, so it may be older or newer than the core.
package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Config says which core is asked, what, and how answers look.
type Config struct {
	Server string `yaml:"server" default:"http://127.0.0.1:8080" help:"address of a core"`
	Token  string `yaml:"token" secret:"true" help:"the core's http.token"`
	File   string `yaml:"file" flag:"f" help:"run the statements of this file, - for stdin, up to the first error"`
	Output string `yaml:"output" flag:"format" default:"table" enum:"table,csv,json,ndjson,parquet" help:"form of the rows: csv, ndjson and parquet may be of any length"`
	Save   string `yaml:"save" flag:"o" help:"file that the rows are written into; it has its name once it is complete"`
}

// Process is what the client takes from its process.
type Process struct {
	Args           []string // a statement's words; none: Config.File, stdin, or the prompt if stdin is a terminal
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	OnInterrupt    func(func()) (release func()) // until released, Ctrl-C calls the function instead of ending the process
}

// Run does what it was started for. Its error names the place of the statement that failed.
func Run(ctx context.Context, cfg *Config, p Process) error {
	c := &client{server: newServer(cfg), out: &output{Writer: bufio.NewWriter(p.Stdout), notes: p.Stderr, format: cfg.Output}}
	asks := cfg.File == "" && len(p.Args) == 0 && isTerminal(p.Stdin)
	switch {
	case asks && (cfg.Save != "" || cfg.Output == "parquet" || cfg.Output == "ndjson"):
		return errors.New("-o and the forms ndjson and parquet are for a statement or a file of them; the prompt has table, csv and json")
	case asks:
		return c.prompt(ctx, p)
	case cfg.Save == "" && cfg.Output == "parquet" && isTerminal(p.Stdout):
		return errors.New("the form parquet is nothing to look at: give -o FILE, or lead the output into one")
	case cfg.Save != "":
		return whole(cfg.Save, func(w io.Writer) error {
			c.out.Writer = bufio.NewWriter(w)
			if err := errors.Join(c.all(ctx, cfg, p), c.out.Flush()); err != nil {
				return err
			}
			if c.saved != "" {
				fmt.Fprintln(p.Stderr, c.saved)
			}
			return nil
		})
	}
	return c.all(ctx, cfg, p)
}

// all runs what it was started for, without a prompt.
func (c *client) all(ctx context.Context, cfg *Config, p Process) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer p.OnInterrupt(stop)()
	switch {
	case cfg.File != "" && len(p.Args) > 0:
		return errors.New("give a statement or --file, not both")
	case len(p.Args) > 0:
		return c.run(ctx, "", strings.NewReader(strings.Join(p.Args, " ")))
	case cfg.File != "" && cfg.File != "-":
		return c.runFile(ctx, cfg.File)
	}
	return c.run(ctx, "", p.Stdin)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

type client struct {
	server *server
	out    *output
	saved  string // what was, for who asked for a file
}

func (c *client) runFile(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.run(ctx, name, f)
}

// run runs the statements of a text as they come, up to the first error. Name is the text's, for errors.
func (c *client) run(ctx context.Context, name string, text io.Reader) error {
	var s splitter
	for line := range linesOf(ctx, text) {
		if line.err != nil {
			return line.err
		}
		for _, st := range s.add(line.text) {
			if stopped, err := c.runAt(ctx, name, st); err != nil || stopped {
				return err
			}
		}
	}
	if st, ok := s.rest(); ok {
		_, err := c.runAt(ctx, name, st)
		return err
	}
	return nil
}

// runAt runs a statement of a text. The end of a push query by Ctrl-C is no error, and ends the text; that of another statement is one.
func (c *client) runAt(ctx context.Context, name string, st statement) (stopped bool, err error) {
	d, err := c.ask(ctx, st)
	switch {
	case err == nil:
		return d.stopped, nil
	case ctx.Err() != nil:
		err = st.interrupted()
	}
	return false, st.locate(name, err)
}

type textLine struct {
	text string // with its end
	err  error
}

// linesOf reads lines, the last of which may lack its end. It gives no more once ctx has ended, but for the error that it did.
func linesOf(ctx context.Context, r io.Reader) iter.Seq[textLine] {
	lines := make(chan textLine)
	go func() { // reading goes on when nobody waits for it any more
		defer close(lines)
		in := bufio.NewReader(r)
		for number := 1; ; number++ {
			text, err := in.ReadString('\n')
			last := errors.Is(err, io.EOF)
			switch {
			case err != nil && !last:
				err = fmt.Errorf("read line %d: %w", number, err)
			case !utf8.ValidString(text):
				err = fmt.Errorf("line %d is not UTF-8", number)
			default:
				err = nil
			}
			select {
			case lines <- textLine{text, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || last {
				return
			}
		}
	}()
	return func(yield func(textLine) bool) {
		for {
			select {
			case <-ctx.Done():
				yield(textLine{err: errors.New("interrupted")})
				return
			case line, ok := <-lines:
				if !ok || !yield(line) {
					return
				}
			}
		}
	}
}
