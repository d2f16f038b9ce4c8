//go:build crashpoints

package crash

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	at     string
	left   atomic.Int64
	linger time.Duration
)

func init() {
	name, rest, _ := strings.Cut(os.Getenv("HEXPANE_CRASH"), ":")
	times, late, _ := strings.Cut(rest, ":")
	at = name
	n, err := strconv.ParseInt(times, 10, 64)
	if times != "" && err != nil {
		panic("HEXPANE_CRASH: " + err.Error())
	}
	left.Store(max(n, 1))
	if late == "" {
		return
	}
	if linger, err = time.ParseDuration(late); err != nil {
		panic("HEXPANE_CRASH: " + err.Error())
	}
}

// Here dies, if this is the place and the time.
func Here(name string) {
	if name != at || left.Add(-1) != 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "crash point", name)
	time.Sleep(linger)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // no further, until the signal arrives
}
