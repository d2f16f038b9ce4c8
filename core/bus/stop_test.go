package bus

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A server that does not stop keeps nobody waiting, and one that does is waited for.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		if err := within(6*time.Second, func() { time.Sleep(5 * time.Second); stopped = true }); err != nil || !stopped {
			t.Error(err, stopped)
		}
		never := make(chan struct{})
		if err := within(6*time.Second, func() { <-never }); !errors.Is(err, ErrStuck) {
			t.Error(err)
		}
		close(never)
	})
}
