package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// prompt reads statements that end in ; until Ctrl-D.
func (c *client) prompt(ctx context.Context, p Process) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	s := &session{client: c, stderr: p.Stderr, history: userHistory(), catalog: &catalog{server: c.server}, leave: leave}
	c.out.quiet = true
	s.editor = newEditor(p, s.complete)
	defer s.editor.close()
	release := p.OnInterrupt(s.interrupt)
	defer release()
	s.recall()
	fmt.Fprintf(p.Stderr, "%s · statements end in ; · Tab completes · \\? helps · Ctrl-D leaves\n", c.server.address)
	for ctx.Err() == nil {
		if err := c.out.Flush(); err != nil {
			return err
		}
		line, err := s.read(ctx)
		switch {
		case errors.Is(err, errCleared):
			s.splitter = splitter{}
			s.typed = ""
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.out)
			return c.out.Flush()
		case ctx.Err() != nil:
			fmt.Fprintln(c.out)
			return c.out.Flush()
		case err != nil:
			return fmt.Errorf("read the prompt: %w", err)
		default:
			s.line(ctx, line)
		}
	}
	return c.out.Flush()
}

// session is a prompt at work.
type session struct {
	*client
	editor   editor
	stderr   io.Writer
	history  history
	catalog  *catalog
	splitter splitter
	kept     string // the last line that went into the history
	typed    string // the lines of the statement that has begun, for completion
	running  atomic.Pointer[context.CancelFunc]
	leave    context.CancelFunc
}

// interrupt is Ctrl-C while a statement runs; otherwise the editor takes it, or there is none and it ends the prompt.
func (s *session) interrupt() {
	if stop := s.running.Load(); stop != nil {
		(*stop)()
		return
	}
	s.leave()
}

func (s *session) recall() {
	lines, err := s.history.load()
	for _, line := range lines {
		s.editor.remember(line)
	}
	if err != nil {
		fmt.Fprintln(s.stderr, "the history is not as it should be:", err)
	}
}

// read waits for a line, or for the end of ctx.
func (s *session) read(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		line, err := s.editor.read(s.mark())
		got <- result{line, err}
	}()
	select {
	case r := <-got:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// mark is the prompt: the second one says what is open.
func (s *session) mark() string {
	switch open := s.splitter.open; {
	case open == '*':
		return "      *> "
	case open != 0 && open != '-':
		return "      " + string(open) + "> "
	case s.splitter.begun():
		return "      -> "
	}
	return "hexpane> "
}

// line takes one that was typed, and runs the statements that it ends.
func (s *session) line(ctx context.Context, line string) {
	if fresh := !s.splitter.begun() && s.splitter.open == 0; fresh {
		s.splitter = splitter{}
		s.typed = ""
		if words := strings.Fields(line); len(words) > 0 && isCommand(words) {
			s.keep(strings.TrimSpace(line))
			s.command(ctx, words)
			return
		}
	}
	ended := s.splitter.add(line + "\n")
	s.typed += line + "\n"
	for _, st := range ended {
		if one, ok := oneLine(st.text); ok {
			s.keep(one + ";")
		}
	}
	if len(ended) > 0 {
		s.typed = string(s.splitter.text)
	}
	for _, st := range ended {
		if !s.statement(ctx, st) {
			return
		}
	}
}

func (s *session) keep(line string) {
	if line == s.kept || !keepable(line) {
		return
	}
	s.kept = line
	s.editor.remember(line)
	if err := s.history.add(line); err != nil {
		fmt.Fprintln(s.stderr, "nothing is kept in the history:", err)
		s.history = history{}
	}
}

// stoppable is what Ctrl-C stops, until done.
func (s *session) stoppable(ctx context.Context) (stops context.Context, done func()) {
	ctx, stop := context.WithCancel(ctx)
	s.running.Store(&stop)
	return ctx, func() {
		s.running.Store(nil)
		stop()
	}
}

// statement runs one and says how it went; Ctrl-C stops it, and not the prompt.
func (s *session) statement(ctx context.Context, st statement) (ok bool) {
	ctx, done := s.stoppable(ctx)
	defer done()
	if changes(st.text) {
		defer s.catalog.forget()
	}
	began := time.Now()
	d, err := s.ask(ctx, st)
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(s.out, st.interrupted())
		return false
	case err != nil:
		fmt.Fprintln(s.out, "error:", st.promptError(err))
		return false
	case d.table && s.out.format == "table":
		fmt.Fprintln(s.out, d.summary(time.Since(began)))
	}
	return s.out.Flush() == nil
}

// promptError always has the line, so that errors at the prompt look alike.
func (st statement) promptError(err error) error {
	var r *refusal
	if errors.As(err, &r) && r.Line > 0 {
		return st.locate("", err)
	}
	return err
}

// summary is what stands below a table.
func (d done) summary(took time.Duration) string {
	parts := []string{count(d.rows), fmt.Sprintf("%d ms", took.Milliseconds())}
	if d.watermark != "" {
		parts = append(parts, "watermark "+d.watermark)
	}
	if d.stopped {
		parts = append(parts, "stopped")
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// changes tells whether names may be others after a statement.
func changes(text string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(text), " ")
	word, _, _ = strings.Cut(word, "\n")
	return word == "CREATE" || word == "DROP" || word == "ALTER"
}
