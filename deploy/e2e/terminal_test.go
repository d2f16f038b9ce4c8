package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is a program at a real pseudo-terminal, with a user who reads what it prints, in turn.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mode *term.State   // before the program
	done chan struct{} // closed when all was read

	gate sync.Mutex // held: the user reads nothing, and the program has to wait
	mu   sync.Mutex
	text string
	seen int // bytes of text that were expected
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

const (
	up    = "\x1b[A"
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlR = "\x12"
	enter = "\r"
	tab   = "\t"
)

// atTerminal starts hexpane sql as a user would; state is where its history goes.
func atTerminal(t *testing.T, server, state string, env ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "hexpane"), "sql", "--server", server)
	cmd.Env = append(append(os.Environ(), "TERM=xterm", "LANG=C.UTF-8", "XDG_STATE_HOME="+state, "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0"), env...)
	tty, stream, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	mode, err := term.GetState(int(tty.Fd()))
	if err == nil {
		err = pty.Setsize(tty, &pty.Winsize{Rows: 40, Cols: 120})
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stream, stream, stream
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, cmd: cmd, mode: mode, done: make(chan struct{})}
	go func() {
		defer close(x.done)
		buffer := make([]byte, 64<<10)
		for {
			x.gate.Lock()
			n, err := tty.Read(buffer)
			x.gate.Unlock()
			x.mu.Lock()
			x.text += string(buffer[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		_ = tty.Close()
		<-x.done
		if t.Failed() {
			t.Logf("the terminal:\n%s", escapes.ReplaceAllString(x.text, ""))
		}
	})
	return x
}

func (x *terminal) send(keys string) {
	x.t.Helper()
	if _, err := x.tty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// abort sends keys and Ctrl-C once the prompt takes them: it is printed a moment before, and until then Ctrl-C is a signal that ends a statement.
func (x *terminal) abort(keys string) {
	x.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		mode, err := unix.IoctlGetTermios(int(x.tty.Fd()), unix.TCGETS)
		switch {
		case err != nil:
			x.t.Fatal(err)
		case mode.Lflag&unix.ISIG == 0:
			x.send(keys + ctrlC)
			return
		case time.Now().After(end):
			x.t.Fatal("the prompt takes no keys")
		}
	}
}

// expect waits for a text, after those that were expected before.
func (x *terminal) expect(want string) {
	x.t.Helper()
	want = strings.ReplaceAll(want, "\n", "\r\n")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		x.mu.Lock()
		text := escapes.ReplaceAllString(x.text, "")
		i := strings.Index(text[min(x.seen, len(text)):], want)
		if i >= 0 {
			x.seen += i + len(want)
		}
		x.mu.Unlock()
		switch {
		case i >= 0:
			return
		case time.Now().After(end):
			x.t.Fatalf("not seen: %q; after what was:\n%s", want, text[min(x.seen, len(text)):])
		}
	}
}

func (x *terminal) seenText() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.ReplaceAll(escapes.ReplaceAllString(x.text, ""), "\r\n", "\n")
}

// ends waits for the program's end, with exit code 0.
func (x *terminal) ends() {
	x.t.Helper()
	select {
	case <-x.done:
	case <-time.After(time.Minute):
		x.t.Fatal("the program has not ended")
	}
	if err := x.cmd.Wait(); err != nil {
		x.t.Fatal(err)
	}
	if mode, err := term.GetState(int(x.tty.Fd())); err != nil || !reflect.DeepEqual(mode, x.mode) {
		x.t.Errorf("the terminal is not left as it was: %+v, %v; before: %+v", mode, err, x.mode)
	}
}
