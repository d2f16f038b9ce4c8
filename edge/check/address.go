package check

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// dialWithin bounds one connection. A test shortens it.
var dialWithin = 5 * time.Second

// listen binds an address and lets it go.
func listen(check, key, address string) Result {
	l, err := net.Listen("tcp", address)
	if err != nil {
		r := ok(check, "%v", err)
		if errors.Is(err, syscall.EADDRINUSE) {
			return r.fail("another program listens there, or this edge runs already: stop it, or set " + key)
		}
		return r.fail("set " + key + " to an address of this machine")
	}
	_ = l.Close() // nobody connected
	return ok(check, "%s can be listened on", address)
}

// Broker is an existing MQTT broker.
type Broker struct{ Address, Username, Password string }

// reach connects to it, under a name that no running edge has.
func (b Broker) reach(id string) Result {
	const check = "mqtt broker"
	shown := withoutPassword(b.Address)
	c := paho.NewClient(paho.NewClientOptions().AddBroker(b.Address).SetClientID("hexpane-check-" + id).SetUsername(b.Username).SetPassword(b.Password).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(dialWithin))
	token := c.Connect()
	if !token.WaitTimeout(dialWithin + time.Second) {
		return ok(check, "%s does not answer within %s", shown, dialWithin).fail("is it a broker, and running? See subscribe.broker")
	}
	if err := token.Error(); err != nil {
		return ok(check, "%s: %s", shown, strings.ReplaceAll(err.Error(), b.Address, shown)).fail("see subscribe.broker, subscribe.username and subscribe.password")
	}
	c.Disconnect(100)
	return ok(check, "%s is reached", shown)
}

func size(n int64) string {
	f, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, next
	}
	return fmt.Sprintf("%.4g %s", f, unit)
}
