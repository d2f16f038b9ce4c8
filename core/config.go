package core

import (
	"fmt"
	"time"

	"github.com/hexpane/hexpane/core/store/local"
)

// Config of a core. Each key is documented by its help tag alone; --help and --print-config come from here.
type Config struct {
	HTTP struct {
		Listen string `yaml:"listen" default:"127.0.0.1:8080" flag:"http" help:"address of the dashboard, the API and the WebSocket"`
		Token  string `yaml:"token" secret:"true" help:"unless empty, wanted from every client: Authorization: Bearer …, or ?token=…"`
	} `yaml:"http" help:"dashboard and API"`

	NATS struct {
		URL         string `yaml:"url" help:"address of an existing NATS server with JetStream; empty: run one in this process"`
		Listen      string `yaml:"listen" default:"127.0.0.1:4222" help:"address the NATS server in this process listens on"`
		Credentials string `yaml:"credentials" help:"file with NATS credentials"`
		StreamBytes int64  `yaml:"stream_bytes" default:"4GiB" unit:"bytes" help:"disk for batches; when full, edges keep theirs"`
	} `yaml:"nats" help:"the link to the edges"`

	SQL        string `yaml:"sql" flag:"sql" help:"file of SQL statements to run at start; what exists already is left as it is"`
	Partitions int    `yaml:"partitions" default:"4" help:"how many workers share the state; fixed at the first start"`

	Time struct {
		Idle      time.Duration `yaml:"idle" default:"15s" help:"an edge silent for this long holds no watermark back"`
		MaxFuture time.Duration `yaml:"max_future" default:"5m" help:"an edge's watermark further ahead of the clock than this is not believed: it moves nothing, and is counted; 0: all are believed"`
	} `yaml:"time" help:"event time"`

	Tables struct {
		Dir      string `yaml:"dir" help:"directory of the files that CREATE TABLE … WITH (file = …) names; empty: tables in the data directory"`
		MaxRows  int    `yaml:"max_rows" default:"100000" help:"most rows of a table; every edge that joins it holds them in memory"`
		MaxBytes int64  `yaml:"max_bytes" default:"16MiB" unit:"bytes" help:"largest file of a table"`
	} `yaml:"tables" help:"reference tables"`

	State struct {
		CacheBytes   int64 `yaml:"cache_bytes" default:"64MiB" unit:"bytes" help:"block cache"`
		OpenBytes    int64 `yaml:"open_bytes" default:"512MiB" unit:"bytes" help:"memory for open windows and the newest row of each key, by estimate; what changed least lately is on disk alone past it"`
		ReserveBytes int64 `yaml:"reserve_bytes" default:"192MiB" unit:"bytes" help:"free space on the disk below which nothing more is applied, and edges are held back; a quarter as much again is kept as ballast; 0: no guard. Beside an edge on one disk keep it below the edge's store.reserve_bytes, so that devices are held back first"`

		TableRows int `yaml:"table_rows" default:"10000" help:"rows kept of late, rejected, fence_events and alerts, the newest of each partition"`
	} `yaml:"state" help:"the core's disk"`

	Join struct {
		MaxRows int `yaml:"max_rows" default:"500000" help:"rows that a join of streams keeps in one partition, in memory and on disk; past it the oldest go, counted"`
	} `yaml:"join" help:"joins of streams"`

	Pattern struct {
		MaxWaiting  int           `yaml:"max_waiting" default:"10000" help:"rows of one key that wait for the watermark; past it the oldest are matched without waiting, counted"`
		MaxRows     int           `yaml:"max_rows" default:"10000" help:"rows of one key that a match may still need; past it the oldest attempts are given up, counted"`
		MaxPartial  int           `yaml:"max_partial" default:"1000" help:"partial matches of one key; past it the oldest attempt is given up, counted"`
		MaxAge      time.Duration `yaml:"max_age" default:"24h" help:"event time that a match without WITHIN may take, and after which a silent key is forgotten"`
		MaxBytes    int64         `yaml:"max_bytes" default:"256MiB" unit:"bytes" help:"memory of a pattern's keys in one partition; past it those silent for longest go, counted; 0: any"`
		KeepMatches int           `yaml:"keep_matches" default:"10000" help:"rows of matches that SELECT shows, the newest of each partition"`
	} `yaml:"pattern" help:"patterns (MATCH_RECOGNIZE)"`
	Fences struct {
		File         string        `yaml:"file" help:"GeoJSON FeatureCollection of fences to set at start; those whose ids are there already are left as they are"`
		Max          int           `yaml:"max" default:"20000" help:"most fences"`
		MaxVertices  int           `yaml:"max_vertices" default:"10000" help:"most corners of a fence"`
		MaxBodyBytes int64         `yaml:"max_body_bytes" default:"64MiB" unit:"bytes" help:"largest request that brings fences"`
		LostAfter    time.Duration `yaml:"lost_after" default:"15m" help:"a device inside a fence that is silent for this long, in event time, is told as lost, where the fence detects that"`
		Forget       time.Duration `yaml:"forget" default:"1h" help:"a device outside all fences that is silent for this long, in event time, is forgotten"`
		MaxPending   int           `yaml:"max_pending" default:"10000" help:"positions of a device that wait for the watermark, in case an earlier one comes; past it the older half is taken for settled"`
	} `yaml:"fences" help:"geofences"`

	Alerts struct {
		Quiet     time.Duration `yaml:"quiet" default:"5m" help:"an alert on a pattern or on fence_events without RECOVER WHEN is resolved this long after its last match or event, in event time; one on a view does not begin again by a revision for so long after it ended"`
		MaxLive   int           `yaml:"max_live" default:"10000" help:"alerts of one rule that are pending, firing or acknowledged at once; past it none begins, counted"`
		MaxScored int           `yaml:"max_scored" default:"1000000" help:"keys of which each anomaly(…), zscore(…) and the like of an alert keeps a model, of about 700 bytes; rows of further keys have no score, counted"`
		Forget    time.Duration `yaml:"forget" default:"336h" help:"a key without rows for so long, in event time, is forgotten by anomaly(…) and the like, and learned anew"`

		Webhooks     map[string]string `yaml:"webhooks" secret:"true" help:"channels that get each step of an alert as JSON: name to address"`
		Secrets      map[string]string `yaml:"secrets" secret:"true" help:"what signs the requests of a webhook (Standard Webhooks, HMAC-SHA256): its name to any text, or whsec_…"`
		Slack        map[string]string `yaml:"slack" secret:"true" help:"channels that get messages, as Slack's incoming webhooks and those that take the same: name to address"`
		Alertmanager map[string]string `yaml:"alertmanager" secret:"true" help:"channels that are a Prometheus Alertmanager: name to address, without /api/v2"`
		Email        map[string]string `yaml:"email" help:"channels that are e-mail: name to addresses, with ; between them"`
		SMTP         struct {
			Server   string `yaml:"server" help:"who sends e-mail, host:port"`
			TLS      string `yaml:"tls" default:"starttls" enum:"starttls,tls,none" help:"how the link to it is kept private"`
			User     string `yaml:"user" help:"who is known there; empty: nobody need be"`
			Password string `yaml:"password" secret:"true" help:"password of user"`
			From     string `yaml:"from" help:"whom e-mail comes from"`
			Subject  string `yaml:"subject" help:"of e-mail, a template as text, with .Count alerts; empty: severity, alert, and what it is about"`
		} `yaml:"smtp" help:"e-mail. In it and in the keys above, file:PATH is what is in that file"`
		Text        string            `yaml:"text" help:"a line for people on one alert, a template in Go's text/template over a notice; empty: what, where and why"`
		Texts       map[string]string `yaml:"texts" help:"the same for one Slack or e-mail channel: its name to the template"`
		Bodies      map[string]string `yaml:"bodies" secret:"true" help:"what a webhook gets instead of the notice: its name to a template that gives JSON, such as {\"text\": {{json .Key}}}"`
		Group       time.Duration     `yaml:"group" default:"10s" help:"people (Slack, e-mail) are told in one message what the alerts of a rule did within this time; at most 5m"`
		Keep        time.Duration     `yaml:"keep" default:"72h" help:"how long an alert that a channel does not take is tried again"`
		MaxWaiting  int               `yaml:"max_waiting" default:"100000" help:"alerts that wait for one channel; past it the oldest are dropped, counted"`
		MaxSilences int               `yaml:"max_silences" default:"1000" help:"silences at once"`
	} `yaml:"alerts" help:"alerts"`

	Live struct {
		Tick            time.Duration `yaml:"tick" default:"40ms" help:"between two frames of a viewer"`
		MaxClients      int           `yaml:"max_clients" default:"2000" help:"viewers at once"`
		MaxTopics       int           `yaml:"max_topics" default:"100" help:"topics of one viewer"`
		MaxRows         int           `yaml:"max_rows" default:"250000" help:"keys of one topic that viewers see, about half a KB of memory each; new ones past it are not shown, and counted; SELECT gives all. 0: no limit"`
		MaxMessageBytes int64         `yaml:"max_message_bytes" default:"64KiB" unit:"bytes" help:"largest message from a viewer"`
		WriteWait       time.Duration `yaml:"write_wait" default:"10s" help:"a viewer that takes longer to take a frame is closed"`
	} `yaml:"live" help:"WebSocket"`

	History struct {
		Rollups  string `yaml:"rollups" default:"1m:30d, 1h:365d, 1d" help:"sizes that windows are merged into once they are final, and behind a colon how long each is kept, counted back from the watermark, else for good; each a multiple of the one before. Empty: none"`
		MaxBytes int64  `yaml:"max_bytes" default:"32GiB" unit:"bytes" help:"disk for rollups; past it the oldest of the finest size go first, counted, but none that a coarser one is still to be made of; 0: no bound"`
		Effort   int    `yaml:"effort" default:"25" help:"percent of one processor that rolling up may take"`
	} `yaml:"history" help:"the core's own history of views, beyond RETENTION"`

	Influx struct {
		URL    string `yaml:"url" help:"address of InfluxDB, such as http://127.0.0.1:8086; empty: none"`
		Token  string `yaml:"token" secret:"true" help:"token; for 1.8 user:password"`
		Org    string `yaml:"org" help:"organisation; empty for 1.8"`
		Bucket string `yaml:"bucket" default:"hexpane" help:"bucket; for 1.8 database/policy"`
		Batch  int    `yaml:"batch" default:"5000" help:"most points a request; fewer while the server is slow, or takes no more"`

		Create    bool          `yaml:"create" help:"make the bucket (1.8: the database and the policy) if it is not there; the token must be allowed to"`
		Retention time.Duration `yaml:"retention" default:"0s" help:"how long a bucket that is made keeps points, by the server's clock; 0: for good"`

		History bool `yaml:"history" help:"let points carry their windows, and answer SELECT from them for windows older than the core keeps (RETENTION). What left while this was off can't be read back: turn it on from the start"`

		QueueBytes int64 `yaml:"queue_bytes" default:"4GiB" unit:"bytes" help:"disk for points that wait while InfluxDB is away or slow; past it the oldest are dropped, counted; 0: no bound"`
	} `yaml:"influx" help:"history in InfluxDB"`

	Backup struct {
		Dir string `yaml:"dir" help:"directory that backups are written into, each below its own name (hexpane backup); empty: none are made"`
	} `yaml:"backup" help:"copies of the state while the core runs"`

	Query struct {
		Timeout time.Duration `yaml:"timeout" default:"30s" help:"longest a SELECT may run"`
		MaxRows int           `yaml:"max_rows" default:"100000" help:"most rows a SELECT may give"`

		CacheBytes int64 `yaml:"cache_bytes" default:"64MiB" unit:"bytes" help:"memory for what SELECTs came to over times in which nothing changes any more; 0: none is kept"`

		MaxExports    int   `yaml:"max_exports" default:"8" help:"SELECTs at once whose rows go out as CSV, NDJSON or Parquet as they are read; one more waits for its turn"`
		MaxExportRows int64 `yaml:"max_export_rows" default:"0" help:"most rows of one of them; past it the answer breaks off. 0: no limit"`

		MaxPush  int `yaml:"max_push" default:"100" help:"push queries (SELECT … EMIT CHANGES) at once"`
		PushRows int `yaml:"push_rows" default:"10000" help:"rows that wait for who reads a push query; past it the query ends"`

		PushInterval time.Duration `yaml:"push_interval" default:"0s" help:"a push query gets an open window's results at most once in this time, the newest; 0: each that a commit changes. Fired ones come at once"`
	} `yaml:"query" help:"SELECT"`

	Map struct {
		Title   string  `yaml:"title" default:"hexpane" help:"title of the dashboard"`
		Lat     float64 `yaml:"lat" default:"30" help:"where the map starts, degrees"`
		Lon     float64 `yaml:"lon" default:"0" help:"where the map starts, degrees"`
		Zoom    float64 `yaml:"zoom" default:"2" help:"where the map starts"`
		Basemap string  `yaml:"basemap" help:"GeoJSON file to draw beneath, over the coasts of the world"`
	} `yaml:"map" help:"the dashboard's map"`
}

// Validate says what is wrong, naming the key.
func (c *Config) Validate() error {
	if err := c.atLeast(); err != nil {
		return err
	}
	switch {
	case c.Partitions > 256:
		return fmt.Errorf("partitions: %d must be 1 to 256", c.Partitions)
	case c.Alerts.Group > 5*time.Minute:
		return fmt.Errorf("alerts.group: %s must be 0 to 5m", c.Alerts.Group)
	case c.History.Rollups != "" && (c.History.Effort < 1 || c.History.Effort > 100):
		return fmt.Errorf("history.effort: %d must be 1 to 100", c.History.Effort)
	case c.Influx.URL != "" && c.Influx.Bucket == "":
		return fmt.Errorf("influx.bucket: must be set with influx.url")
	case c.Influx.Retention > 0 && c.Influx.Retention < time.Hour:
		return fmt.Errorf("influx.retention: %s must be 0, for good, or at least 1h", c.Influx.Retention)
	}
	if _, err := local.ParseLevels(c.History.Rollups); err != nil {
		return fmt.Errorf("history.rollups: %w", err)
	}
	_, err := c.channels()
	return err
}

// atLeast refuses numbers and times that are too small.
func (c *Config) atLeast() error {
	for _, n := range []struct {
		key       string
		is, least int64
	}{
		{"partitions", int64(c.Partitions), 1},
		{"live.max_rows", int64(c.Live.MaxRows), 0},
		{"tables.max_rows", int64(c.Tables.MaxRows), 1},
		{"tables.max_bytes", c.Tables.MaxBytes, 1},
		{"state.open_bytes", c.State.OpenBytes, 0},
		{"state.reserve_bytes", c.State.ReserveBytes, 0},
		{"state.table_rows", int64(c.State.TableRows), 10},
		{"query.cache_bytes", c.Query.CacheBytes, 0},
		{"query.max_exports", int64(c.Query.MaxExports), 1},
		{"query.max_export_rows", c.Query.MaxExportRows, 0},
		{"query.max_push", int64(c.Query.MaxPush), 0},
		{"query.push_rows", int64(c.Query.PushRows), 1},
		{"fences.max", int64(c.Fences.Max), 1},
		{"fences.max_vertices", int64(c.Fences.MaxVertices), 3},
		{"fences.max_body_bytes", c.Fences.MaxBodyBytes, 1},
		{"fences.max_pending", int64(c.Fences.MaxPending), 16},
		{"alerts.max_live", int64(c.Alerts.MaxLive), 1},
		{"alerts.max_scored", int64(c.Alerts.MaxScored), 1},
		{"alerts.max_waiting", int64(c.Alerts.MaxWaiting), 1},
		{"alerts.max_silences", int64(c.Alerts.MaxSilences), 0},
		{"join.max_rows", int64(c.Join.MaxRows), 1},
		{"pattern.max_waiting", int64(c.Pattern.MaxWaiting), 1},
		{"pattern.max_rows", int64(c.Pattern.MaxRows), 1},
		{"pattern.max_partial", int64(c.Pattern.MaxPartial), 1},
		{"pattern.keep_matches", int64(c.Pattern.KeepMatches), 10},
		{"pattern.max_bytes", c.Pattern.MaxBytes, 0},
		{"history.max_bytes", c.History.MaxBytes, 0},
		{"influx.queue_bytes", c.Influx.QueueBytes, 0},
		{"influx.batch", int64(c.Influx.Batch), 1},
	} {
		if n.is < n.least {
			return fmt.Errorf("%s: %d must be at least %d", n.key, n.is, n.least)
		}
	}
	for _, d := range []struct {
		key       string
		is, least time.Duration
	}{
		{"time.max_future", c.Time.MaxFuture, 0},
		{"live.tick", c.Live.Tick, 5 * time.Millisecond},
		{"query.push_interval", c.Query.PushInterval, 0},
		{"fences.lost_after", c.Fences.LostAfter, 0},
		{"fences.forget", c.Fences.Forget, time.Minute},
		{"alerts.quiet", c.Alerts.Quiet, time.Microsecond},
		{"alerts.forget", c.Alerts.Forget, time.Hour},
		{"alerts.keep", c.Alerts.Keep, time.Minute},
		{"alerts.group", c.Alerts.Group, 0},
		{"pattern.max_age", c.Pattern.MaxAge, time.Microsecond},
		{"influx.retention", c.Influx.Retention, 0},
	} {
		if d.is < d.least {
			return fmt.Errorf("%s: %s must be at least %s", d.key, d.is, d.least)
		}
	}
	return nil
}
