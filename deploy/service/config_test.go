package service

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type brokerConfig struct {
	Listen     string        `yaml:"listen" default:"127.0.0.1:1883" flag:"mqtt" help:"address the MQTT broker listens on"`
	MaxClients uint32        `yaml:"max_clients" default:"5000" help:"connections taken"`
	Linger     time.Duration `yaml:"linger" default:"5ms" help:"longest a commit waits"`
	TLS        struct {
		Cert string `yaml:"cert" help:"PEM file"`
	} `yaml:"tls"`
}

func (c *brokerConfig) Validate() error {
	if c.MaxClients == 0 {
		return errors.New("max_clients: must be at least 1")
	}
	return nil
}

type storeConfig struct {
	Buffer int64 `yaml:"buffer" default:"64MiB" unit:"bytes" help:"readings held"`
	Disk   Bytes `yaml:"disk" default:"10GiB" help:"disk budget"`
}

type testConfig struct {
	Data        string            `yaml:"data" default:"./data" help:"data directory"`
	Insecure    bool              `yaml:"insecure" help:"allow an open bind"`
	MQTT        brokerConfig      `yaml:"mqtt" help:"the MQTT broker"`
	Store       storeConfig       `yaml:"store" help:"what is kept"`
	Rate        float64           `yaml:"rate" default:"1.5" unit:"readings/s" help:"target rate"`
	Seed        int               `yaml:"seed" default:"-1" help:"seed"`
	Points      int64             `yaml:"points" help:"a plain number"`
	Retention   time.Duration     `yaml:"retention" default:"7d" help:"how long history stays"`
	Policy      string            `yaml:"policy" default:"oldest" enum:"oldest,conflate" help:"what goes first"`
	Topics      []string          `yaml:"topics" default:"a/#,b/+" help:"topics"`
	Labels      map[string]string `yaml:"labels" help:"labels"`
	Unread      chan int          `yaml:"-"`
	embeddedKey `yaml:"ignored"`
}

type embeddedKey struct {
	Site string `yaml:"site" help:"name of the site"`
}

func load(t *testing.T, cfg any, yaml string, env map[string]string, args ...string) error {
	t.Helper()
	if yaml != "" {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", file)
	}
	set := newSettings(&commonConfig{}, cfg)
	call, err := parseArgs(Program{}, set, args)
	if err != nil {
		return err
	}
	return errors.Join(set.load(call, func(k string) string { return env[k] }), set.validate())
}

func TestDefaults(t *testing.T) {
	cfg := testConfig{Data: "/preset"}
	if err := load(t, &cfg, "", nil); err != nil {
		t.Fatal(err)
	}
	if cfg.Data != "/preset" || cfg.MQTT.Listen != "127.0.0.1:1883" || cfg.Store.Buffer != 64<<20 || cfg.Store.Disk != 10<<30 ||
		cfg.Retention != 7*day || cfg.Rate != 1.5 || cfg.Seed != -1 || !reflect.DeepEqual(cfg.Topics, []string{"a/#", "b/+"}) {
		t.Errorf("defaults: %+v", cfg)
	}
}

func TestPrecedence(t *testing.T) {
	file := "mqtt: {listen: 'file:1', max_clients: 7, linger: 7ms}\ntopics: [x, 'y,z']\nlabels: {a: b}\nsite: s"
	env := map[string]string{"HEXPANE_MQTT_LISTEN": "env:1", "HEXPANE_MQTT_MAX_CLIENTS": "8", "HEXPANE_POLICY": ""}
	var cfg testConfig
	if err := load(t, &cfg, file, env, "--mqtt=flag:1", "--insecure", "--labels", "c=d", "--labels", "e=f=g", "--store.disk", "1.5KiB"); err != nil {
		t.Fatal(err)
	}
	if cfg.MQTT.Listen != "flag:1" || cfg.MQTT.MaxClients != 8 || cfg.MQTT.Linger != 7*time.Millisecond || !cfg.Insecure || cfg.Site != "s" ||
		cfg.Policy != "oldest" || cfg.Store.Disk != 1536 {
		t.Errorf("got %+v", cfg)
	}
	if !reflect.DeepEqual(cfg.Topics, []string{"x", "y,z"}) || !reflect.DeepEqual(cfg.Labels, map[string]string{"c": "d", "e": "f=g"}) {
		t.Errorf("topics %q, labels %q", cfg.Topics, cfg.Labels)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, yaml, env string
		args            []string
		want            string
	}{
		{name: "unknown key", yaml: "mqtt:\n  lisen: x", want: "c.yaml:2: mqtt.lisen: unknown key; did you mean listen?"},
		{name: "unknown top key", yaml: "metrics: 1", want: "c.yaml:1: metrics: unknown key"},
		{name: "twice", yaml: "data: a\ndata: b", want: "c.yaml:2: data: given twice"},
		{name: "wrong type", yaml: "mqtt:\n  max_clients: many", want: `c.yaml:2: mqtt.max_clients: "many" is not a whole number`},
		{name: "out of range", yaml: "mqtt: {max_clients: 4294967296}", want: "not a whole number from 0 to 4294967295"},
		{name: "no unit", yaml: "retention: 30", want: `retention: "30" is not a duration, such as 250ms, 10s or 7d`},
		{name: "size", yaml: "store: {disk: 5 apples}", want: `store.disk: "5 apples" is not a size, such as 64MiB`},
		{name: "plain int64 has no units", yaml: "points: 5KiB", want: "points: \"5KiB\" is not a whole number"},
		{name: "bool", yaml: "insecure: yes", want: `insecure: "yes" is neither true nor false`},
		{name: "float", yaml: "rate: .nan", want: `rate: ".nan" is not a number`},
		{name: "enum", yaml: "policy: newest", want: `policy: "newest" is none of oldest, conflate`},
		{name: "null", yaml: "data:", want: "data: want TEXT, found nothing: give a value, or take the key out"},
		{name: "list for text", yaml: "data: [a]", want: "data: want TEXT, found a list"},
		{name: "text for list", yaml: "topics: a", want: `topics: want a list, found "a"`},
		{name: "text for map", yaml: "labels: a", want: `labels: want names with texts, found "a"`},
		{name: "nested in list", yaml: "topics: [{a: b}]", want: "topics: want a list of texts"},
		{name: "text for group", yaml: "mqtt: a", want: `mqtt: want keys with values, found "a"`},
		{name: "list at top", yaml: "[a]", want: "want keys with values, found a list"},
		{name: "two documents", yaml: "data: a\n---\ndata: b", want: "only one YAML document"},
		{name: "syntax", yaml: "a: b: c", want: "c.yaml: yaml: "},
		{name: "environment", env: "x", want: `HEXPANE_SEED: "x" is not a whole number`},
		{name: "flag value", args: []string{"--retention", "1y"}, want: `--retention: "1y" is not a duration`},
		{name: "flag name", args: []string{"--mqtt.max-client", "1"}, want: "unknown flag --mqtt.max-client; did you mean --mqtt.max_clients?"},
		{name: "flag leaf", args: []string{"--linger", "1"}, want: "did you mean --mqtt.linger?"},
		{name: "flag without value", args: []string{"--data"}, want: "--data needs a value"},
		{name: "argument", args: []string{"oops"}, want: `unexpected argument "oops"`},
		{name: "validate", args: []string{"--mqtt.max-clients", "0"}, want: "mqtt.max_clients: must be at least 1"},
		{name: "no file", args: []string{"--config", "/none.yaml"}, want: "read configuration: open /none.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := load(t, &testConfig{}, c.yaml, map[string]string{"HEXPANE_SEED": c.env}, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	err := load(t, &testConfig{}, "seed: x\nrate: y\nzzzz: 1", nil)
	if err == nil || strings.Count(err.Error(), "c.yaml:") != 3 {
		t.Errorf("got %v", err)
	}
}

func TestEmptyGroupsAndFiles(t *testing.T) {
	for _, yaml := range []string{"# nothing\n", "mqtt:\n", "mqtt:\n  tls: ~\n"} {
		if err := load(t, &testConfig{}, yaml, nil); err != nil {
			t.Errorf("%q: %v", yaml, err)
		}
	}
}

// What --print-config prints reads back to the same configuration, whatever the values.
func TestPrintedConfigReadsBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "null", "~", "true", "0x10", "1_0", "2024-01-01", "22:22", "- a", "# c", " a ",
		"a: b", "\n", "a\n", "\n a", "\ta", "a\r\nb", "\x7f", "\u0085", "\u2028", "\ufeff", "|", "'", `"`, "---", "a\n\n b", "<<", "&a", "*a", "!x", "%", "=", "\x00", "\ufffe", "😀"}))
	rapid.Check(t, func(t *rapid.T) {
		var cfg testConfig
		set := newSettings(&cfg)
		cfg.Data, cfg.MQTT.Listen, cfg.Site = text.Draw(t, "data"), text.Draw(t, "listen"), text.Draw(t, "site")
		cfg.Insecure = rapid.Bool().Draw(t, "insecure")
		cfg.MQTT.MaxClients = rapid.Uint32().Draw(t, "clients")
		cfg.MQTT.Linger = time.Duration(rapid.Int64Min(-math.MaxInt64).Draw(t, "linger"))
		cfg.Retention = time.Duration(rapid.Int64Range(-9999, 9999).Draw(t, "hours")) * time.Hour
		cfg.Store.Buffer = rapid.Int64Min(0).Draw(t, "buffer")
		cfg.Store.Disk = Bytes(rapid.Int64Range(0, 1<<20).Draw(t, "kib") << 10)
		cfg.Rate = rapid.Float64().Draw(t, "rate")
		cfg.Seed = rapid.Int().Draw(t, "seed")
		cfg.Policy = rapid.SampledFrom([]string{"oldest", "conflate"}).Draw(t, "policy")
		if cfg.Topics = rapid.SliceOf(text).Draw(t, "topics"); len(cfg.Topics) == 0 {
			cfg.Topics = nil
		}
		if cfg.Labels = rapid.MapOf(text, text).Draw(t, "labels"); len(cfg.Labels) == 0 {
			cfg.Labels = nil
		}
		var out strings.Builder
		if err := set.write(&out, "test"); err != nil {
			t.Fatal(err)
		}
		var back testConfig
		if errs := newSettings(&back).loadYAML(file, []byte(out.String())); len(errs) > 0 {
			t.Fatalf("%v\n%s", errs, out.String())
		}
		if !reflect.DeepEqual(cfg, back) {
			t.Fatalf("printed %+v\nread    %+v\n%s", cfg, back, out.String())
		}
	})
}

// A secret is not shown, and the mask is not taken for one.
func TestSecretsAreHidden(t *testing.T) {
	type secrets struct {
		SQL   string            `yaml:"sql" flag:"sql"` // a flag that is its key is no second one
		Token string            `yaml:"token" secret:"true"`
		Users map[string]string `yaml:"users" secret:"true"`
	}
	var cfg secrets
	set := newSettings(&cfg)
	cfg = secrets{Token: "s3cret", Users: map[string]string{"bus": "s3cret"}}
	var out strings.Builder
	if err := set.write(&out, "test"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "s3cret") || strings.Count(out.String(), hidden) != 2 {
		t.Errorf("printed\n%s", out.String())
	}
	if errs := newSettings(&secrets{}).loadYAML("c.yaml", []byte(out.String())); len(errs) != 2 {
		t.Errorf("the masks: %v", errs)
	}
	out.Reset()
	if err := newSettings(&secrets{}).write(&out, "test"); err != nil || strings.Contains(out.String(), hidden) {
		t.Errorf("none set: %v\n%s", err, out.String())
	}
}

func TestSizesAndDurationsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(-math.MaxInt64).Draw(t, "d"))
		if back, err := ParseDuration(formatDuration(d)); err != nil || back != d {
			t.Fatalf("%s → %s, %v", d, back, err)
		}
		b := Bytes(rapid.Int64Min(0).Draw(t, "b"))
		if back, err := ParseBytes(b.String()); err != nil || back != b {
			t.Fatalf("%s → %s, %v", b, back, err)
		}
	})
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]string{
		"7d": "7d", "1d12h": "36h", "-1d12h": "-36h0m0s", "24h": "1d", "90m": "1h30m", "0": "0s", "1m": "1m", "250ms": "250ms",
		"": "error", "d": "error", "1d-2h": "error", "106752d": "error", "106751d23h48m": "error", "1w": "error", "5": "error",
	} {
		got := "error"
		if d, err := ParseDuration(text); err == nil {
			got = formatDuration(d)
		}
		if got != want && !(got == "-36h" && want == "-36h0m0s") {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]string{
		"64MiB": "64MiB", "64mib": "64MiB", "1 GiB": "1GiB", "1.5KiB": "1536", "1000": "1000", "1MB": "1000000", "5B": "5", "0": "0",
		"": "error", "MiB": "error", "-1": "error", "9999999999TiB": "error", "1M": "error", "nan": "error",
	} {
		got := "error"
		if b, err := ParseBytes(text); err == nil {
			got = b.String()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestWrongTagsPanic(t *testing.T) {
	for name, cfg := range map[string]any{
		"no tag": &struct{ A string }{},
		"bad default": &struct {
			A int `yaml:"a" default:"x"`
		}{},
		"bad type": &struct {
			A complex64 `yaml:"a" default:"1"`
		}{},
		"two keys, one variable": &struct {
			A string `yaml:"a_b"`
			B struct {
				C string `yaml:"b"`
			} `yaml:"a"`
		}{},
		"key of every program": &struct {
			A string `yaml:"a" flag:"log-level"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); !strings.HasPrefix(fmt.Sprint(p), "service: ") {
					t.Errorf("got %v", p)
				}
			}()
			newSettings(&commonConfig{}, cfg)
		})
	}
}
