// Package peers starts, for tests, the real servers that an edge talks to: the core's NATS server and an MQTT broker. Each can be
// stopped and started again at its address, and is stopped with the test.
package peers

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen.
const Patience = 20 * time.Second

// Eventually waits for something to become true, and fails the test if it does not.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, Patience)
		}
	}
}
