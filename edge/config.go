package edge

import (
	"fmt"
	"os"
	"regexp"
	"time"
)

// Config of an edge. Each key is documented by its help tag alone; --help and --print-config come from here.
type Config struct {
	ID   string `yaml:"id" help:"name of this edge, unique in the fleet: letters, digits, - and _; default: the host's name"`
	Mode string `yaml:"mode" default:"broker" enum:"broker,subscribe" help:"broker: devices connect to this edge; subscribe: read from an existing broker"`

	MQTT MQTTConfig `yaml:"mqtt" help:"the MQTT broker (mode: broker)"`

	Ingest struct {
		Tokens       map[string]string `yaml:"tokens" secret:"true" help:"tokens of those who post readings over HTTP, by source_id, which may end in *; none: anyone may post"`
		MaxBodyBytes int64             `yaml:"max_body_bytes" default:"4MiB" unit:"bytes" help:"largest body of one post, inflated"`
	} `yaml:"ingest" help:"readings over HTTP: POST /api/v1/ingest"`

	Subscribe struct {
		Broker   string `yaml:"broker" default:"tcp://127.0.0.1:1883" help:"address of the existing broker"`
		Username string `yaml:"username" help:"user name there"`
		Password string `yaml:"password" secret:"true" help:"password there"`
		QoS      int    `yaml:"qos" default:"1" help:"0, 1 or 2; 1 and 2 survive a crash of the edge"`
	} `yaml:"subscribe" help:"the existing broker to read from (mode: subscribe)"`

	Forward struct {
		Linger       time.Duration `yaml:"linger" default:"10ms" help:"longest a commit waits while more messages keep coming, to share its fsync; it ends 1 ms after the last one. At QoS 0, where nobody waits, forward.rows counts instead"`
		Rows         time.Duration `yaml:"rows" default:"25ms" help:"how long positions and other rows wait to go to the core"`
		Deltas       time.Duration `yaml:"deltas" default:"1s" help:"longest that views' deltas and watermarks wait to go to the core; while there are few, they go as often as rows"`
		HoldAfter    time.Duration `yaml:"hold_after" default:"5s" help:"after this time without the core, deltas merge on disk instead of piling up as batches"`
		CatchUpBytes int64         `yaml:"catch_up_bytes" default:"4MiB" unit:"bytes" help:"how much a second goes out of what was held, beside what is live"`
		Batch        int           `yaml:"batch" default:"4096" help:"most messages in one commit"`
		QueueBytes   int64         `yaml:"queue_bytes" default:"64MiB" unit:"bytes" help:"memory for messages that came and are not committed yet; when full, clients are held back"`
	} `yaml:"forward" help:"what goes to the core, and when"`

	Time struct {
		MaxFuture time.Duration `yaml:"max_future" default:"5m" help:"a reading further ahead of the clock than this is counted, and moves no watermark"`
		Future    string        `yaml:"future" default:"keep" enum:"keep,reject" help:"what becomes of such a reading: keep: its window stays open until its time comes; reject: it is refused, with a sample in the table rejected"`
		Idle      time.Duration `yaml:"idle" default:"10s" help:"after this silence a stream's watermark moves on with the clock"`
	} `yaml:"time" help:"event time"`

	Dedupe struct {
		Horizon time.Duration `yaml:"horizon" default:"1h" help:"how long after it came a re-sent reading is known as such, at least"`
		Limit   int           `yaml:"limit" default:"2000000" help:"readings remembered per stream, 8 to 24 bytes each; past it only the newest half is sure to be"`
	} `yaml:"dedupe" help:"readings that come twice"`

	Store struct {
		CacheBytes   int64 `yaml:"cache_bytes" default:"16MiB" unit:"bytes" help:"block cache"`
		MemTable     int64 `yaml:"memtable_bytes" default:"16MiB" unit:"bytes" help:"write buffer"`
		HeldRowBytes int64 `yaml:"held_row_bytes" default:"1GiB" unit:"bytes" help:"disk for rows while the core is away; past it the oldest are dropped, and counted"`
		OutboxBytes  int64 `yaml:"outbox_bytes" default:"4GiB" unit:"bytes" help:"disk for batches and merged deltas that the core has not taken; when full, devices are held back"`
		ReserveBytes int64 `yaml:"reserve_bytes" default:"256MiB" unit:"bytes" help:"free space on the disk below which nothing more is taken in, and devices are held back; a quarter as much again is kept as ballast; 0: no guard"`
	} `yaml:"store" help:"the edge's disk"`

	NATS NATSConfig `yaml:"nats" help:"the link to the core"`
}

// NATSConfig is the link to the core.
type NATSConfig struct {
	URL         string `yaml:"url" default:"nats://127.0.0.1:4222" help:"address of the core's NATS server"`
	Credentials string `yaml:"credentials" help:"file with NATS credentials"`
}

var edgeID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Validate fills in the id and says what is wrong, naming the key.
func (c *Config) Validate() error {
	if c.ID == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("id: the host has no name (%w); set one", err)
		}
		c.ID = regexp.MustCompile(`[^A-Za-z0-9_-]`).ReplaceAllString(host, "-")
		c.ID = c.ID[:min(len(c.ID), 32)]
	}
	switch {
	case !edgeID.MatchString(c.ID):
		return fmt.Errorf("id: %q must be 1 to 32 letters, digits, - and _", c.ID)
	case c.Subscribe.QoS < 0 || c.Subscribe.QoS > 2:
		return fmt.Errorf("subscribe.qos: %d must be 0, 1 or 2", c.Subscribe.QoS)
	case c.Ingest.MaxBodyBytes < 1024 || c.Ingest.MaxBodyBytes > 64<<20:
		return fmt.Errorf("ingest.max_body_bytes: %d must be 1 KiB to 64 MiB", c.Ingest.MaxBodyBytes)
	case c.Forward.Rows <= 0 || c.Forward.Deltas < c.Forward.Rows:
		return fmt.Errorf("forward.deltas: %s must not be below forward.rows (%s), which must be above 0", c.Forward.Deltas, c.Forward.Rows)
	case c.Forward.CatchUpBytes < 64<<10:
		return fmt.Errorf("forward.catch_up_bytes: %d must be at least 64 KiB", c.Forward.CatchUpBytes)
	case c.Time.MaxFuture < 0:
		return fmt.Errorf("time.max_future: %s must not be negative", c.Time.MaxFuture)
	case c.Store.ReserveBytes < 0:
		return fmt.Errorf("store.reserve_bytes: %d must not be negative", c.Store.ReserveBytes)
	case c.Forward.QueueBytes < c.MQTT.MaxPacketBytes:
		return fmt.Errorf("forward.queue_bytes: %d must not be below mqtt.max_packet_bytes (%d)", c.Forward.QueueBytes, c.MQTT.MaxPacketBytes)
	case c.Forward.Batch < 1:
		return fmt.Errorf("forward.batch: %d must be at least 1", c.Forward.Batch)
	}
	for source, token := range c.Ingest.Tokens {
		if token == "" || source == "" {
			return fmt.Errorf("ingest.tokens: the token of source %q is empty, or its name is", source)
		}
	}
	return nil
}
