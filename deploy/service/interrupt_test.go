package service

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"testing"
)

// Ctrl-C goes to who asked for it, and ends the program again once released; SIGTERM always ends it.
func TestOnInterrupt(t *testing.T) {
	for _, last := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		signals, taken := make(chan os.Signal), make(chan bool)
		rt := newRuntime(host{}, slog.New(slog.DiscardHandler), nil)
		ended := make(chan error, 1)
		release := rt.OnInterrupt(func() { taken <- true })
		go func() { ended <- rt.run(func(ctx context.Context, _ *Runtime) error { return until(ctx) }, signals) }()
		for range 3 {
			signals <- os.Interrupt
			<-taken
		}
		if rt.ctx.Err() != nil {
			t.Fatal("Ctrl-C ended a program that takes it")
		}
		if last == os.Interrupt {
			release()
		}
		signals <- last
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", last, err)
		}
	}
}
