package client

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	historyLines = 1000    // kept; what the editor can go back to as well
	historyLine  = 8 << 10 // bytes of the longest that is kept
)

// history is a file of statements, one a line, the newest last. Prompts that run at the same time add to it in turn.
type history struct{ path string }

// userHistory finds the file by the XDG convention; without a home there is none, and nothing is kept.
func userHistory() history {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // relative ones are to be ignored, the convention says
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return history{}
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return history{filepath.Join(dir, "hexpane", "sql_history")}
}

// load gives what is to be gone back to. A file that has grown to twice of it is cut.
func (h history) load() ([]string, error) {
	if h.path == "" {
		return nil, nil
	}
	f, err := os.Open(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	n := 0
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		n++
		if line := in.Text(); keepable(line) {
			lines = append(lines, line)
		}
		if len(lines) > historyLines {
			lines = lines[1:]
		}
	}
	if err := in.Err(); err != nil {
		return lines, fmt.Errorf("read %s: %w", h.path, err)
	}
	if n < 2*historyLines {
		return lines, nil
	}
	return lines, h.rewrite(lines)
}

func (h history) rewrite(lines []string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(h.path), "sql_history-") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), h.path)
}

// add appends a line; one write, so that two prompts do not mix theirs.
func (h history) add(line string) error {
	if h.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// keepable lines can be shown by the editor again.
func keepable(line string) bool {
	return line != "" && len(line) <= historyLine && utf8.ValidString(line) && !strings.ContainsFunc(line, unicode.IsControl)
}
