package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

const (
	stopWithin  = 10 * time.Second // from the signal to the end of the process
	drainWithin = 3 * time.Second  // for requests in flight, of that
)

// Runtime is what a running program gets.
type Runtime struct {
	Args           []string // positional arguments
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Metrics        *prometheus.Registry
	Ops            *Ops // not ready before Ready was called, nor once the program is stopping

	logger *slog.Logger
	ctx    context.Context // ends at a signal, at Stop, and when a task fails
	stop   context.CancelFunc
	group  *errgroup.Group
	ready  sync.Once

	mu        sync.Mutex
	serves    bool
	interrupt func()   // takes Ctrl-C, if not nil
	running   []string // names of the tasks that have not returned
}

func newRuntime(h host, logger *slog.Logger, args []string) *Runtime {
	rt := &Runtime{Args: args, Stdin: h.stdin, Stdout: h.stdout, Stderr: h.stderr, Metrics: newRegistry(), logger: logger}
	rt.Ops = NewOps(rt.Metrics)
	ctx, stop := context.WithCancel(context.Background())
	rt.stop = stop
	rt.group, rt.ctx = errgroup.WithContext(ctx)
	rt.Ops.Check("service", func(context.Context) error {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		switch {
		case rt.ctx.Err() != nil:
			return errors.New("stopping")
		case !rt.serves:
			return errors.New("starting")
		}
		return nil
	})
	return rt
}

// Log is the logger of one component.
func (rt *Runtime) Log(component string) *slog.Logger { return rt.logger.With("component", component) }

// Go runs a named task. Its context ends when the program is stopping; its error stops the program.
func (rt *Runtime) Go(name string, task func(ctx context.Context) error) {
	rt.enter(name)
	rt.group.Go(func() error {
		defer rt.leave(name)
		err := task(rt.ctx)
		if err == nil || rt.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("%s: %w", name, err)
	})
}

// Wait returns when every task has: after a signal, Stop or a failure, unless they end by themselves.
// What Run closes after it is not in use any more.
func (rt *Runtime) Wait() error { return rt.group.Wait() }

// Stop ends the program as a signal does.
func (rt *Runtime) Stop() { rt.stop() }

// OnInterrupt lets a function take Ctrl-C instead of the program's end, until released: at a prompt it stops a statement.
func (rt *Runtime) OnInterrupt(f func()) (release func()) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.interrupt = f
	return func() {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.interrupt = nil
	}
}

// interrupted tells whether a signal was taken by OnInterrupt's function.
func (rt *Runtime) interrupted(s os.Signal) bool {
	rt.mu.Lock()
	f := rt.interrupt
	rt.mu.Unlock()
	if f == nil || s != os.Interrupt {
		return false
	}
	f()
	return true
}

// Ready prints the line that says where everything is served, once: Ready("http", url, "data", dir).
// An empty value leaves its key out.
func (rt *Runtime) Ready(pairs ...string) {
	rt.ready.Do(func() {
		var line strings.Builder
		line.WriteString("hexpane ready")
		for pair := range slices.Chunk(pairs, 2) {
			if pair[1] != "" {
				fmt.Fprintf(&line, " %s=%s", pair[0], pair[1])
			}
		}
		rt.mu.Lock()
		rt.serves = true
		rt.mu.Unlock()
		fmt.Fprintln(rt.Stdout, line.String())
	})
}

// Serve runs an HTTP server as a task. Stopping, it lets the requests in flight end.
func (rt *Runtime) Serve(name string, l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(rt.Log(name).Handler(), slog.LevelWarn)}
	rt.Go(name, func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- server.Serve(l) }()
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
		defer cancel()
		if server.Shutdown(drain) != nil {
			return server.Close()
		}
		return nil
	})
}

// run calls main and waits until it and all tasks have returned, a bounded time once they should.
func (rt *Runtime) run(main func(context.Context, *Runtime) error, signals <-chan os.Signal) error {
	defer rt.stop()
	ended := make(chan error, 1)
	rt.enter("main")
	go func() {
		err := main(rt.ctx, rt)
		if rt.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil
		}
		rt.leave("main")
		rt.stop()
		if failed := rt.Wait(); err == nil { // a task's failure, unless main passed it on
			err = failed
		}
		ended <- err
	}()

	var late <-chan time.Time
	signalled := false
	stopping := rt.ctx.Done()
	for {
		select {
		case err := <-ended:
			return err
		case s := <-signals:
			if rt.interrupted(s) {
				continue
			}
			if signalled {
				return fmt.Errorf("%s again: left at once", s)
			}
			signalled = true
			rt.logger.Info("stopping", "signal", s.String())
			rt.stop()
		case <-stopping:
			stopping = nil
			timer := time.NewTimer(stopWithin)
			defer timer.Stop()
			late = timer.C
		case <-late:
			return fmt.Errorf("not stopped within %s; still running: %s", stopWithin, strings.Join(rt.names(), ", "))
		}
	}
}

func (rt *Runtime) enter(name string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.running = append(rt.running, name)
}

func (rt *Runtime) leave(name string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	i := slices.Index(rt.running, name)
	rt.running = slices.Delete(rt.running, i, i+1)
}

func (rt *Runtime) names() []string {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Clone(rt.running)
}
