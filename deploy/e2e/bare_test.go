package e2e

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The broker alone, as what an edge's cost is measured against: it takes messages, acknowledges them and forgets them. It is a
// process of its own, which this test binary becomes when bareEnv is set.

const bareEnv = "HEXPANE_BARE_BROKER"

type nothing struct{ mqtt.HookBase }

func (nothing) ID() string { return "nothing" }

func (nothing) Provides(b byte) bool { return b == mqtt.OnPublish }

func (nothing) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) { return pk, nil }

// serveBare runs until it is killed.
func serveBare(address string) error {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	for _, h := range []mqtt.Hook{new(auth.AllowHook), new(nothing)} {
		if err := server.AddHook(h, nil); err != nil {
			return err
		}
	}
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: address})); err != nil {
		return err
	}
	if err := server.Serve(); err != nil {
		return err
	}
	fmt.Println("bare broker ready")
	select {}
}

func startBare(t testing.TB) (*process, string) {
	t.Helper()
	address := freeAddress(t)
	t.Setenv(bareEnv, address)
	p := launch(t, os.Args[0])
	p.line(t, "bare broker ready")
	return p, "tcp://" + address
}
