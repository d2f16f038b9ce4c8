// Package citypub publishes the simulated city as it lives: every vehicle once a second with the vehicles spread evenly
// over it, every sensor each ten seconds, and card purchases as they are made. Event time is the wall clock.
//
//	city/{device}/position    {"ts","lat","lon","speed","heading","kind"}
//	city/{device}/env         {"ts","lat","lon","temperature","pm25","noise_db"}
//	city/pos/{card}/purchase  {"ts","amount","city","merchant","lat","lon"}
//
// Purchases go out at QoS 1 and are published again until they are acknowledged; positions and readings at QoS 0 unless
// told otherwise. When the broker is away the city stands still for it: what would have been published meanwhile is not.
package citypub

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/hexpane/hexpane/simulators/city"
	"github.com/hexpane/hexpane/simulators/publish"
)

// Config of the live city.
type Config struct {
	Broker      string // tcp://host:port; required
	Username    string
	Password    string
	ClientID    string        // default "hexpane-city"; connections are numbered behind it
	Connections int           // default 8
	City        city.Config   // who lives there
	Purchases   float64       // a second, on average; 0: none
	QoS         byte          // of positions and sensor readings, 0 or 1
	For         time.Duration // 0: until the context ends
	Log         *slog.Logger  // default: slog.Default
}

// Times between two messages of one device, and between two moves of the city.
const (
	positionEvery = time.Second
	sensorEvery   = 10 * time.Second
	moveEvery     = 50 * time.Millisecond
	grace         = 3 * time.Second // for acknowledgements when the context ends
)

// City is a city on its way to a broker.
type City struct {
	cfg   Config
	truth *city.City
	fleet *publish.Fleet

	positions, sensors rota
	positionTopic      []string
	sensorTopic        []string
	bought             []city.Purchase
}

// New makes the city; nothing connects before Run.
func New(cfg Config) *City {
	cfg.ClientID = cmp.Or(cfg.ClientID, "hexpane-city")
	if cfg.City.Cards == 0 {
		cfg.City.Cards = 2000
	}
	c := &City{cfg: cfg, truth: city.New(cfg.City)}
	c.fleet = publish.NewFleet(publish.Config{Broker: cfg.Broker, ClientID: cfg.ClientID, Username: cfg.Username,
		Password: cfg.Password, Log: cfg.Log}, cmp.Or(cfg.Connections, 8))
	c.positions = rota{size: c.truth.Vehicles(), every: positionEvery}
	c.sensors = rota{size: c.truth.Sensors(), every: sensorEvery}
	for i := range c.truth.Vehicles() {
		c.positionTopic = append(c.positionTopic, string(c.truth.Position(i).AppendTopic(nil)))
	}
	for i := range c.truth.Sensors() {
		c.sensorTopic = append(c.sensorTopic, string(c.truth.Sensor(i, time.Time{}).AppendTopic(nil)))
	}
	return c
}

// Run publishes the city of a Config until For has passed or ctx ends; both are no error.
func Run(ctx context.Context, cfg Config) error { return New(cfg).Run(ctx) }

// Run publishes until For has passed or ctx ends; both are no error. It dials again for as long as the broker is away.
func (c *City) Run(ctx context.Context) error { return publish.Drive(ctx, c.fleet, grace, c.live) }

// Counts so far; safe at any time.
func (c *City) Counts() publish.Counts { return c.fleet.Counts() }

// Published messages so far; safe at any time.
func (c *City) Published() int64 { return c.fleet.Counts().Published }

func (c *City) live(ctx context.Context) error {
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	began := time.Now()
	for last := began; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := time.Now()
		if c.cfg.For > 0 && now.Sub(began) >= c.cfg.For {
			return nil
		}
		from := last
		if now.Sub(from) > time.Second { // it was held up
			from = now.Add(-time.Second)
		}
		if err := c.tick(ctx, from, now, now.Sub(began)); err != nil {
			return err
		}
		last = now
	}
}

// tick moves the city from one time to another and publishes what falls due.
func (c *City) tick(ctx context.Context, from, to time.Time, elapsed time.Duration) error {
	c.truth.Step(to.Sub(from))
	for i := range c.positions.due(elapsed) {
		payload := c.truth.Position(i).AppendJSON(make([]byte, 0, 128), to)
		if err := c.put(ctx, c.positionTopic[i], payload, c.cfg.QoS); err != nil {
			return err
		}
	}
	for i := range c.sensors.due(elapsed) {
		payload := c.truth.Sensor(i, to).AppendJSON(make([]byte, 0, 128), to)
		if err := c.put(ctx, c.sensorTopic[i], payload, c.cfg.QoS); err != nil {
			return err
		}
	}
	c.bought = c.truth.Purchases(c.bought[:0], from, to, c.cfg.Purchases)
	for _, p := range c.bought {
		if err := c.put(ctx, string(p.AppendTopic(nil)), p.AppendJSON(make([]byte, 0, 160)), 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *City) put(ctx context.Context, topic string, payload []byte, qos byte) error {
	return c.fleet.Publish(ctx, publish.Message{Topic: topic, Payload: payload, QoS: qos})
}
