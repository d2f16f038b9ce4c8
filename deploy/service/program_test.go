package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// With this variable set, the test binary is a program: the one that TestRealProcess signals.
const asProgram = "HEXPANE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		Main(Program{Name: "hexpane-test", Run: func(ctx context.Context, rt *Runtime) error {
			rt.Ready("http", "http://127.0.0.1:1", "nats", "", "data", "/d")
			<-ctx.Done()
			return nil
		}})
	}
	os.Exit(m.Run())
}

func TestRealProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "hexpane ready http=http://127.0.0.1:1 data=/d\n" {
		t.Errorf("ready line %q, %v", line, err)
	}
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// execute runs a program in this process, and gives what it wrote.
func execute(p Program, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = p.execute(host{args: args, getenv: func(k string) string { return env[k] }, stdout: &out, stderr: &err})
	return code, out.String(), err.String()
}

type fileConfig struct {
	File string `yaml:"file" flag:"f" help:"what is run"`
}

func program() Program {
	say := func(what string) func(context.Context, *Runtime) error {
		return func(_ context.Context, rt *Runtime) error {
			_, err := rt.Stdout.Write([]byte(what + " " + strings.Join(rt.Args, "|") + "\n"))
			return err
		}
	}
	return Program{Name: "hexpane", Summary: "edge and core in one", Commands: []Program{
		{Name: "run", Summary: "serve", Config: &testConfig{}, Run: say("run")},
		{Name: "sql", Summary: "a SQL client", Args: "['STATEMENT']", Config: &fileConfig{}, Run: say("sql")},
		{Name: "fail", Summary: "fail", Run: func(context.Context, *Runtime) error { return errors.New("no luck") }},
	}}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"run", 0, "run \n", ""},
		{"sql --log-level debug a b", 0, "sql a|b\n", ""},
		{"sql -- --a", 0, "sql --a\n", ""},
		{"run x", 2, "", `hexpane run: unexpected argument "x"`},
		{"rum", 2, "", `hexpane: unexpected argument "rum"; did you mean run?`},
		{"", 2, "", "Usage:\n  hexpane run"},
		{"--help", 0, "hexpane sql ['STATEMENT']", ""},
		{"help run", 0, "--mqtt.listen, --mqtt TEXT\n        address the MQTT broker listens on (default 127.0.0.1:1883) [HEXPANE_MQTT_LISTEN]", ""},
		{"run -h", 0, "HEXPANE_CONFIG", ""},
		{"sql -h", 0, "  --file, -f TEXT\n", ""},
		{"run --version", 0, "hexpane ", ""},
		{"run --check-config", 0, "configuration ok\n", ""},
		{"run --check-config --mqtt.max-clients=0", 2, "", "hexpane run: mqtt.max_clients: must be at least 1\nSee hexpane run --help.\n"},
		{"run --print-config --mqtt x:1", 0, "listen: x:1\n", ""},
		{"run --log-level loud", 2, "", `--log.level: "loud" is none of debug, info, warn, error`},
		{"fail", 1, "", "hexpane fail: no luck\n"},
		{"fail --log-format json", 1, "", `"level":"ERROR","msg":"failed","err":"no luck"}`},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := execute(program(), nil, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || (c.stdout == "" && stdout != "") {
				t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
}

func TestPrintedConfig(t *testing.T) {
	_, out, _ := execute(program(), map[string]string{"HEXPANE_MQTT_LINGER": "1m"}, "run", "--print-config")
	for _, want := range []string{
		"# Configuration of hexpane run.",
		"# data directory (default ./data)\ndata: ./data\n",
		"# the MQTT broker\nmqtt:\n  # address the MQTT broker listens on (default 127.0.0.1:1883)\n  listen: 127.0.0.1:1883\n",
		"  # longest a commit waits (default 5ms)\n  linger: 1m\n",
		"# what goes first: oldest, conflate (default oldest)\n",
		"# target rate, in readings/s (default 1.5)\nrate: 1.5\n",
		"topics:\n  - \"a/#\"\n  - \"b/+\"\n",
		"labels: {}\n",
		"log:\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestLogs(t *testing.T) {
	p := Program{Name: "p", Run: func(_ context.Context, rt *Runtime) error {
		rt.Log("edge.store").Debug("hidden")
		rt.Log("edge.store").Info("seen", "n", 1)
		return nil
	}}
	if _, out, log := execute(p, nil); out != "" || !strings.Contains(log, "level=INFO msg=seen component=edge.store n=1\n") || strings.Contains(log, "hidden") {
		t.Errorf("stdout %q, log %q", out, log)
	}
	if _, _, log := execute(p, map[string]string{"HEXPANE_LOG_FORMAT": "json"}, "--log-level=debug"); !strings.Contains(log, `"level":"DEBUG","msg":"hidden"`) {
		t.Errorf("log %q", log)
	}
}

func TestVersion(t *testing.T) {
	defer func(v string) { Version = v }(Version)
	Version = "v9"
	if _, out, _ := execute(program(), nil, "--version"); !strings.HasPrefix(out, "hexpane v9 go1.") {
		t.Errorf("got %q", out)
	}
}
