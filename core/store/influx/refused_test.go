package influx_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is wrong with some points of a request, over several of the server's shards and in several ways at once: those are set aside, each once, and all others stored.
func TestTheRefusedAreTheBadOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.start()
		cfg := s.config(s.url(), 1000)
		cfg.Bucket, cfg.Create, cfg.Retention = "hexpane/season", true, 90*24*time.Hour
		now, runs := time.Now().UnixNano(), 0
		rapid.Check(t, func(t1 *rapid.T) {
			if runs++; runs > 15 && os.Getenv("HEXPANE_SOAK") == "" {
				return
			}
			line := func(fields string, days, ms int) []byte {
				return fmt.Appendf(nil, `odd\,\ "%d",k=a\,b\ "c %s %d`, runs, fields, now-int64(days)*int64(24*time.Hour)-int64(ms)*int64(time.Millisecond))
			}
			q := &queue{}
			good := map[[2]int]bool{}              // by days and ms
			for days := 0; days < 40; days += 10 { // the types, which are a shard's own: the last has another
				l := line(map[bool]string{false: `n=1i,sum\ of="x"`, true: `n=1i,sum\ of=1`}[days == 30], days, 0)
				good[[2]int{days, 0}] = true
				q.put(0, l)
			}
			sink, refused, stop := runAs(t, cfg, q)
			q.drained(t)
			var bad []string
			for _, ms := range rapid.SliceOfN(rapid.IntRange(1, 500), 1, 60).Draw(t1, "points") {
				days := rapid.IntRange(0, 3).Draw(t1, "days") * 10
				wrong := map[string][]byte{
					"type":       line(`n="x, 1i",sum\ of="y"`, days, ms),
					"other type": line(`n=2i,sum\ of=3`, days, ms),
					"old":        line(`n=2i`, 100+days, ms),
					"junk":       fmt.Appendf(nil, "junk,%d", ms),
				}
				kind := rapid.SampledFrom([]string{"", "", "", "type", "other type", "old", "junk"}).Draw(t1, "wrong")
				l := wrong[kind]
				if kind == "" {
					l = line("n=2i", days, ms)
				}
				if kind == "" || kind == "other type" && days == 30 {
					good[[2]int{days, ms}] = true
				} else {
					bad = append(bad, string(l))
				}
				q.put(0, l)
			}
			sink.Wake()
			q.drained(t)
			stop()
			var told []string
			for _, r := range refused() {
				l, _, _ := strings.Cut(r, " ← ")
				told = append(told, l)
			}
			slices.Sort(told)
			slices.Sort(bad)
			if !slices.Equal(told, bad) {
				t1.Fatalf("refused:\n%s\nof the bad ones\n%s", strings.Join(told, "\n"), strings.Join(bad, "\n"))
			}
			if got := s.query(fmt.Sprintf(`SELECT COUNT(n) FROM "hexpane"."season"."odd, \"%d\""`, runs)); len(got) != 1 || got[0] != fmt.Sprint(len(good)) {
				t1.Fatalf("%v are stored, want %d", got, len(good))
			}
		})
	})
}
