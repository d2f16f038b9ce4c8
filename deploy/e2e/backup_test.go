package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// counted waits until the core counts so many readings, and a heartbeat more changes nothing.
func counted(t testing.TB, core *site, want float64) {
	t.Helper()
	eventually(t, func() error {
		_, rows, err := ask(core.http, "SELECT SUM(n) AS n FROM per_device")
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[0][0] != want {
			return fmt.Errorf("counted %v, want %v", rows, want)
		}
		return nil
	})
}

// An edge's directory is copied, the edge goes on and is killed, its disk is lost, the copy is put back: readings of its first life
// count once, also after the core has purged the batches that told of them, and those of the second are not taken for old ones.
func TestAnOldCopyIsPutBack(t *testing.T) {
	t.Parallel()
	h := startHalves(t, loadSQL, nil, nil)
	dir, copied := filepath.Join(h.edge.dir, "edge"), filepath.Join(t.TempDir(), "copy")
	load(t, h.edge.mqtt, 2000).Wait(t, time.Minute)
	counted(t, h.core, 2000)
	h.edge.Kill(t)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	h.edge.start(t)
	load(t, h.edge.mqtt, 2000).Wait(t, time.Minute)
	counted(t, h.core, 4000)
	h.edge.Kill(t)
	h.purged(t)
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(copied))); err != nil {
		t.Fatal(err)
	}
	h.edge.start(t)
	load(t, h.edge.mqtt, 2000).Wait(t, time.Minute)
	counted(t, h.core, 6000)
	if n := h.edge.Metric(t, "hexpane_edge_epoch_renewed_total"); n != 1 {
		t.Errorf("%v new epochs", n)
	}
	for _, name := range []string{"hexpane_core_intake_gaps_total", "hexpane_core_intake_corrupt_total"} {
		if n := h.core.Metric(t, name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
	h.edge.Stop(t)
	h.core.Stop(t)
}

// purged waits until the core has dropped from the stream all that it applied, as it does every 5 s.
func (h *halves) purged(t testing.TB) {
	t.Helper()
	conn, err := nats.Connect(h.natsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		stream, err := js.Stream(t.Context(), wire.StreamName)
		if err == nil && stream.CachedInfo().State.Msgs > 0 {
			err = fmt.Errorf("%d batches are in the stream", stream.CachedInfo().State.Msgs)
		}
		return err
	})
}
