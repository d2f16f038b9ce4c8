package alert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/alert"
)

// Scripts are in testdata/*.txt:
//
//	when over 80 [for N windows | for 5m] [recover under 75] [at most N] [quiet 5m] [keep 10m] [stale 10m]
//	09:00 KEY 81          a row: its time, key and value; "gone" for the value says that there is no such row any more
//	watermark 09:10
//	keys 2                so many keys are kept
//	ack KEY 09:07 NAME    of the alert told last
//	-> 09:00 KEY FROM to TO [VALUE] [since 08:55] [by NAME] [N times] [revised] [stale]
//
// Each step is followed by all that it tells, in order.
type script struct {
	t          *testing.T
	rule       alert.Rule
	engine     *alert.Engine
	over       float64
	under      float64
	hysteresis bool
	told       []alert.Transition
	ids        map[string]string
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(text), "\n# ")[1:] {
			title, body, _ := strings.Cut(part, "\n")
			t.Run(title, func(t *testing.T) {
				s := &script{t: t, ids: map[string]string{}}
				for _, line := range strings.Split(body, "\n") {
					if fields := strings.Fields(line); len(fields) > 0 {
						s.line(line, fields)
					}
				}
				s.quiet("the end")
			})
		}
	}
}

func (s *script) line(line string, f []string) {
	s.t.Helper()
	tell := func(t alert.Transition) { s.told = append(s.told, t) }
	if f[0] != "->" {
		s.quiet(line)
	}
	switch f[0] {
	case "when":
		s.rule = alert.Rule{ID: 7}
		s.over = number(s.t, f[2])
		for i := 3; i < len(f); i++ {
			switch {
			case f[i] == "for" && i+2 < len(f) && f[i+2] == "windows":
				s.rule.Windows = int(number(s.t, f[i+1]))
				i += 2
			case f[i] == "for":
				s.rule.ForUs = span(s.t, f[i+1])
				i++
			case f[i] == "quiet":
				s.rule.QuietUs = span(s.t, f[i+1])
				i++
			case f[i] == "keep":
				s.rule.KeepUs = span(s.t, f[i+1])
				i++
			case f[i] == "stale":
				s.rule.StaleUs = span(s.t, f[i+1])
				i++
			case f[i] == "recover":
				s.hysteresis, s.under = true, number(s.t, f[i+2])
				i += 2
			case f[i] == "at":
				s.rule.MaxLive = int(number(s.t, f[i+2]))
				i += 2
			default:
				s.t.Fatalf("%s: what is %q?", line, f[i])
			}
		}
		s.engine = alert.New(s.rule)
	case "watermark":
		s.engine.Advance(clock(s.t, f[1]), tell)
	case "keys":
		if got := s.engine.Keys(); got != int(number(s.t, f[1])) {
			s.t.Fatalf("%s: there are %d", line, got)
		}
	case "ack":
		if !s.engine.Ack(f[1], s.ids[f[1]], f[3], clock(s.t, f[2]), tell) {
			s.t.Fatalf("%s: there is no such alert", line)
		}
	case "->":
		if len(s.told) == 0 {
			s.t.Fatalf("%s: nothing was told", line)
		}
		got := s.told[0]
		s.told = s.told[1:]
		if want := strings.Join(f, " "); text(got, want) != want {
			s.t.Fatalf("want %s\n got %s", want, text(got, want))
		}
		if got.ID != "" {
			s.ids[got.Key] = got.ID
		}
	default:
		r := alert.Row{Us: clock(s.t, f[0])}
		if f[2] == "gone" {
			r.Gone = true
		} else {
			r.Value = number(s.t, f[2])
			r.Holds = r.Value > s.over
			r.Recovers = !r.Holds
			if s.hysteresis {
				r.Recovers = r.Value < s.under
			}
		}
		s.engine.Row(f[1], r, tell)
	}
}

func (s *script) quiet(line string) {
	s.t.Helper()
	if len(s.told) > 0 {
		s.t.Fatalf("before %q also: %s", line, text(s.told[0], "value since by times"))
	}
}

// text writes a transition with those of the optional parts that want has.
func text(t alert.Transition, want string) string {
	b := fmt.Sprintf("-> %s %s %s to %s", hhmm(t.Us), t.Key, t.From, t.To)
	fields := strings.Fields(want)
	if len(fields) > 6 {
		if _, err := strconv.ParseFloat(fields[6], 64); err == nil && (len(fields) == 7 || fields[7] != "times") {
			b += fmt.Sprintf(" %g", t.Value)
		}
	}
	if strings.Contains(want, " since ") {
		b += " since " + hhmm(t.Since)
	}
	if t.By != "" {
		b += " by " + t.By
	}
	if t.Count > 1 {
		b += fmt.Sprintf(" %d times", t.Count)
	}
	if t.Revised {
		b += " revised"
	}
	if t.Stale {
		b += " stale"
	}
	return b
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func span(t *testing.T, s string) int64 {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d.Microseconds()
}

func clock(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse("15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func hhmm(us int64) string { return time.UnixMicro(us).UTC().Format("15:04") }
