package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func testRuntime(out io.Writer) *Runtime {
	return newRuntime(host{stdout: out}, slog.New(slog.DiscardHandler), nil)
}

func until(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestHowItEnds(t *testing.T) {
	lost := errors.New("lost")
	for _, c := range []struct {
		name    string
		signals []os.Signal
		run     func(stuck <-chan bool) func(context.Context, *Runtime) error
		takes   time.Duration
		want    string
	}{
		{"main returns", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(context.Context, *Runtime) error { return nil }
		}, 0, ""},
		{"main returns, a task is told to stop", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(_ context.Context, rt *Runtime) error { rt.Go("t", until); return nil }
		}, 0, ""},
		{"main fails", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(_ context.Context, rt *Runtime) error { rt.Go("t", until); return lost }
		}, 0, "lost"},
		{"a task fails", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(_ context.Context, rt *Runtime) error {
				rt.Go("other", until)
				rt.Go("uplink", func(context.Context) error { return lost })
				return rt.Wait()
			}
		}, 0, "uplink: lost"},
		{"a task fails, main does not ask", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error {
				rt.Go("uplink", func(context.Context) error { return lost })
				return until(ctx)
			}
		}, 0, "uplink: lost"},
		{"Stop", nil, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(_ context.Context, rt *Runtime) error {
				rt.Go("t", until)
				rt.Go("timer", func(context.Context) error { <-time.After(time.Hour); rt.Stop(); return nil })
				return rt.Wait()
			}
		}, time.Hour, ""},
		{"signal", []os.Signal{syscall.SIGTERM}, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error { rt.Go("t", until); return rt.Wait() }
		}, 0, ""},
		{"a drain fails after the signal", []os.Signal{syscall.SIGTERM}, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error { <-ctx.Done(); return lost }
		}, 0, "lost"},
		{"signal, a slow drain", []os.Signal{syscall.SIGTERM}, func(<-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error { <-ctx.Done(); <-time.After(9 * time.Second); return nil }
		}, 9 * time.Second, ""},
		{"signal, stuck", []os.Signal{syscall.SIGTERM}, func(stuck <-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error {
				rt.Go("good", until)
				rt.Go("uplink", func(context.Context) error { <-stuck; return nil })
				return rt.Wait()
			}
		}, 10 * time.Second, "not stopped within 10s; still running: main, uplink"},
		{"a task fails, stuck", nil, func(stuck <-chan bool) func(context.Context, *Runtime) error {
			return func(ctx context.Context, rt *Runtime) error {
				rt.Go("uplink", func(context.Context) error { return lost })
				<-stuck
				return nil
			}
		}, 10 * time.Second, "not stopped within 10s; still running: main"},
		{"second signal", []os.Signal{syscall.SIGINT, syscall.SIGINT}, func(stuck <-chan bool) func(context.Context, *Runtime) error {
			return func(context.Context, *Runtime) error { <-stuck; return nil }
		}, 0, "interrupt again: left at once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				for _, s := range c.signals {
					signals <- s
				}
				stuck := make(chan bool)
				start := time.Now()
				err := testRuntime(nil).run(c.run(stuck), signals)
				if took := time.Since(start); took != c.takes {
					t.Errorf("took %s, want %s", took, c.takes)
				}
				if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
					t.Errorf("got %q, want %q", got, c.want)
				}
				close(stuck)
			})
		})
	}
}

func TestReadyLine(t *testing.T) {
	var out bytes.Buffer
	rt := testRuntime(&out)
	rt.Ready("http", "http://127.0.0.1:8080", "mqtt", "tcp://127.0.0.1:1883", "nats", "", "data", "/path")
	rt.Ready("http", "again")
	if want := "hexpane ready http=http://127.0.0.1:8080 mqtt=tcp://127.0.0.1:1883 data=/path\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestOps(t *testing.T) {
	rt := testRuntime(io.Discard)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	rt.Ops.Mount(mux)
	var broker error
	rt.Ops.Check("mqtt", func(context.Context) error { return broker })

	expect := func(path string, code int, part string) {
		t.Helper()
		if c, body := get(mux, path); c != code || !strings.Contains(body, part) {
			t.Errorf("%s: %d %s, want %d with %s", path, c, body, code, part)
		}
	}
	expect("/", http.StatusTeapot, "")
	expect("/healthz", 200, "true")
	expect("/metrics", 200, "go_goroutines")
	expect("/readyz", 503, `"not_ready":[{"check":"service","reason":"starting"}]`)
	rt.Ready()
	expect("/readyz", 200, `{"ready":true}`)
	broker = errors.New("not listening yet")
	expect("/readyz", 503, `"not_ready":[{"check":"mqtt","reason":"not listening yet"}]`)
	broker = nil
	rt.Stop()
	expect("/readyz", 503, `"reason":"stopping"`)
	expect("/healthz", 200, "true")
}

func TestServeDrains(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rt := testRuntime(io.Discard)
	rt.Serve("http", l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rt.Stop() // stopping begins while this request is in flight
		_, _ = io.WriteString(w, "done")
	}))
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "done" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := rt.Wait(); err != nil {
		t.Error(err)
	}
}

func TestServeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	rt := testRuntime(io.Discard)
	rt.Serve("http", l, http.NotFoundHandler())
	if err := rt.Wait(); err == nil || !strings.HasPrefix(err.Error(), "http: ") {
		t.Errorf("got %v", err)
	}
}
