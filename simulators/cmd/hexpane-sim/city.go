package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/hexpane/hexpane/simulators/city"
	"github.com/hexpane/hexpane/simulators/citypub"
)

type cityCmd struct {
	Vehicles    int           `help:"Vehicles, each publishing once a second." default:"2000"`
	Sensors     int           `help:"Fixed sensors, each publishing every ten seconds." default:"200"`
	Purchases   rate          `help:"Card purchases, a second." default:"20/s" placeholder:"N/s"`
	Cards       int           `help:"Cards that buy." default:"2000"`
	Seed        int64         `help:"Who lives in the city; the map is always the same." default:"1"`
	For         time.Duration `help:"Stop after so long; 0: never." default:"0"`
	Connections int           `help:"MQTT connections that the devices share." default:"8"`
	QoS         byte          `help:"QoS of positions and readings, 0 or 1; purchases have 1." default:"0" name:"qos"`
	Basemap     string        `help:"Write the map as GeoJSON to this file, publish nothing." placeholder:"FILE"`
}

// Help tells what arrives.
func (cityCmd) Help() string {
	return `Vehicles drive the roads of the map; event time is the wall clock.

  city/{device}/position    {"ts","lat","lon","speed","heading","kind"}   km/h, degrees
  city/{device}/env         {"ts","lat","lon","temperature","pm25","noise_db"}
  city/pos/{card}/purchase  {"ts","amount","city","merchant","lat","lon"}

Examples:
  hexpane-sim city --broker tcp://edge-3:1883 --vehicles 5000 --seed 7
  hexpane-sim city --basemap meridian.geojson`
}

// Validate the numbers.
func (c *cityCmd) Validate() error {
	if c.Vehicles < 0 || c.Sensors < 0 || c.Cards < 0 || c.QoS > 1 || c.Connections < 1 {
		return fmt.Errorf("counts cannot be negative, there is at least 1 connection, QoS is 0 or 1")
	}
	return nil
}

// Run the city.
func (c *cityCmd) Run(ctx context.Context, log *slog.Logger, b *broker) error {
	if c.Basemap != "" {
		return os.WriteFile(c.Basemap, city.Basemap(), 0o644)
	}
	p := b.config("hexpane-city", log)
	live := citypub.New(citypub.Config{
		Broker: p.Broker, Username: p.Username, Password: p.Password, ClientID: p.ClientID,
		Connections: c.Connections, QoS: c.QoS, Purchases: float64(c.Purchases), For: c.For, Log: log,
		City: city.Config{Seed: c.Seed, Vehicles: c.Vehicles, Sensors: c.Sensors, Cards: c.Cards},
	})
	done := make(chan error, 1)
	go func() { done <- live.Run(ctx) }()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			n := live.Counts()
			fmt.Printf("city published=%d acked=%d resent=%d reconnects=%d\n", n.Published, n.Acked, n.Resent, n.Reconnects)
			return err
		case <-tick.C:
			n := live.Counts()
			log.Info("publishing", "component", "city", "published", n.Published, "reconnects", n.Reconnects)
		}
	}
}
