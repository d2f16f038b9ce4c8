package rounds

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const patience = 30 * time.Second

// process is a running program, and the end of its log.
type process struct {
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

type tail struct {
	mu   sync.Mutex
	text []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text = append(l.text, p...); len(l.text) > 64<<10 {
		l.text = bytes.Clone(l.text[len(l.text)-32<<10:])
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func start(t testing.TB, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), log: &tail{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }() // how it ended is told by its state
	return p
}

// says waits for the program to print one of several texts; it reports false if the program ends before.
func (p *process) says(t testing.TB, what ...string) bool {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		dead := p.dead(0) // before its last words are looked at
		said := p.log.String()
		if slices.ContainsFunc(what, func(w string) bool { return strings.Contains(said, w) }) {
			return true
		}
		if dead {
			return false
		}
	}
	t.Fatalf("%s does not say %q within %s:\n%s", p.cmd.Path, what, patience, p.log)
	return false
}

// dead waits for the program's end.
func (p *process) dead(within time.Duration) bool {
	timeout := time.NewTimer(max(within, time.Millisecond))
	defer timeout.Stop()
	select {
	case <-p.done:
		return true
	case <-timeout.C:
		return false
	}
}

// kill is kill -9. The program may have ended by itself.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// freeze stops all of the program's threads; one that is in the kernel for its disk does not come back from there.
func (p *process) freeze(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("stop %s: %v", p.cmd.Path, err)
	}
	running := func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("no threads of %s: %v", p.cmd.Path, err)
		}
		for _, path := range threads {
			text, _ := os.ReadFile(path) // a thread may have ended
			_, state, _ := strings.Cut(string(text), ") ")
			if state != "" && !strings.ContainsRune("TD", rune(state[0])) {
				return true
			}
		}
		return false
	}
	for end := time.Now().Add(patience); running(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not stop", p.cmd.Path)
		}
	}
}

// killed reports whether the program died of a kill -9.
func (p *process) killed() bool {
	s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// program finds nats-server. Under CI it must be there.
func program(t testing.TB, name string) string {
	t.Helper()
	home, _ := os.UserHomeDir()
	for _, p := range []string{name, "/usr/sbin/" + name, filepath.Join(home, "go", "bin", name)} {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	missing(t, name+" is not installed: .ci/run does it")
	return ""
}

// missing skips a test for what this machine lacks; under CI it fails.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
