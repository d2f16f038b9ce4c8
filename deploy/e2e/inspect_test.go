package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A data directory is refused while its program runs, and shown after kill -9.
func TestInspect(t *testing.T) {
	t.Parallel()
	s := startSite(t, loadSQL)
	load(t, s.mqtt, 200, "--rate", "0").Wait(t, time.Minute)
	for _, dir := range []string{s.dir, s.dir + "/edge"} {
		if out, code := command(t, "", "hexpane-edge", "inspect", dir); code != 1 || !strings.Contains(out, "in use by process") {
			t.Errorf("while it runs: exit %d: %s", code, out)
		}
	}
	s.process.Kill(t)
	if out, code := command(t, "", "hexpane-edge", "inspect", s.dir); code != 0 || !strings.Contains(out, "load/{device}/position") || !strings.Contains(out, "per_device") {
		t.Errorf("killed: exit %d: %s", code, out)
	}
	var i struct {
		Epoch   uint64
		Streams []struct {
			Name  string
			Marks int `json:"dedupe_marks"`
			In    int `json:"replayed"`
		}
	}
	out, code := command(t, "", "hexpane-edge", "inspect", s.dir, "--format", "json", "--journal", "3")
	if err := json.Unmarshal([]byte(out), &i); err != nil || code != 0 || i.Epoch == 0 || len(i.Streams) != 1 || i.Streams[0].Marks+i.Streams[0].In != 200 {
		t.Errorf("killed: exit %d: %+v %v", code, i, err)
	}
	if out, code := command(t, "", "hexpane-edge", "inspect", s.dir+"/core"); code != 1 || !strings.Contains(out, "no edge's store") {
		t.Errorf("a core's: exit %d: %s", code, out)
	}
}
