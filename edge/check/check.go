// Package check tests what an edge needs before it runs, or when it does not: disk, addresses, the way to the core, the clock.
//
//	check.go    Result, and the order of the checks
//	disk.go     writable? how fast? how much room?
//	address.go  can the addresses be listened on; is the existing broker reached
//	nats.go     the way to the core
//	clock.go    this clock against the NATS server's
//
// It changes nothing: what it writes it removes, and what it publishes JetStream refuses. It does not know of stores or plans.
package check

import (
	"context"
	"fmt"
	"time"
)

// Status of a check.
const (
	OK   = "ok"
	Warn = "warn" // the edge will run; look at it
	Fail = "fail" // it will not, or not as it should
)

// Result of one check, without secrets.
type Result struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"` // what to do
}

func ok(check, format string, args ...any) Result {
	return Result{Check: check, Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func (r Result) warn(advice string) Result { r.Status, r.Advice = Warn, advice; return r }
func (r Result) fail(advice string) Result { r.Status, r.Advice = Fail, advice; return r }

// Config says what to check.
type Config struct {
	ID           string
	Dir          string
	HTTP         string        // address to listen on
	MQTT         string        // address to listen on; empty: the broker below is read from
	Broker       Broker        // an existing one
	NATSURL      string        // may hold a password
	Credentials  string        // file
	Linger       time.Duration // of a commit
	Batch        int           // most messages in a commit
	ReserveBytes int64         // below this free space the edge takes nothing in
	BudgetBytes  int64         // what an outage may put on the disk
	MaxFuture    time.Duration
	DiskFor      time.Duration // how long to measure the disk
}

// Run does all checks, one after another, and hands each result to report.
func Run(ctx context.Context, c Config, report func(Result)) {
	disk(c, report)
	report(listen("http address", "http.listen", c.HTTP))
	if c.MQTT != "" {
		report(listen("mqtt address", "mqtt.listen", c.MQTT))
	} else {
		report(c.Broker.reach(c.ID))
	}
	link(ctx, c, report)
}
