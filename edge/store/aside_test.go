package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/store"
)

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := tryOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(dir string) (*store.Store, error) {
	return store.Open(dir, store.Options{Log: slog.Default(), Committed: func(time.Duration) {}})
}

// filled makes a store of many commits and closes it.
func filled(t *testing.T) (dir string, epoch uint64) {
	t.Helper()
	dir = t.TempDir()
	s := openStore(t, dir)
	for i := range 50 {
		if err := s.Commit(&store.Change{Messages: []store.Message{{ArrivalUs: int64(i), Topic: "t", Payload: []byte(strings.Repeat("x", 1000))}}}); err != nil {
			t.Fatal(err)
		}
	}
	epoch = s.Epoch()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, epoch
}

// A store whose files are gone, cut short or changed is refused or is still itself: it never begins anew in silence.
func TestADamagedStoreIsNeverANewOne(t *testing.T) {
	refused := 0
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dir, epoch := filled(t)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			if n := e.Name(); n != "LOCK" && n != "BALLAST" {
				names = append(names, n)
			}
		}
		name := names[rng.IntN(len(names))]
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		what := ""
		switch kind := rng.IntN(3); {
		case kind == 0:
			what, err = "removed", os.Remove(path)
		case kind == 1 || len(data) == 0:
			what, err = "cut short", os.WriteFile(path, data[:len(data)/2], 0o600)
		default:
			data[rng.IntN(len(data))] ^= 0x40
			what, err = "changed", os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		// In a process of its own, since Pebble ends it when it finds a table damaged.
		open := exec.Command(os.Args[0], "-test.run", "^TestOpenDamaged$")
		open.Env = append(os.Environ(), damagedDir+"="+dir)
		out, err := open.CombinedOutput()
		switch {
		case err == nil && !strings.Contains(string(out), fmt.Sprintf("epoch=%d\n", epoch)):
			t.Errorf("seed %d: %s %s: a new store was begun:\n%s", seed, name, what, out)
		case err != nil && !strings.Contains(string(out), "damaged"):
			t.Errorf("seed %d: %s %s: it does not say so:\n%s", seed, name, what, out)
		case err != nil:
			refused++
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
}

const damagedDir = "HEXPANE_TEST_DAMAGED"

func TestOpenDamaged(t *testing.T) {
	dir := os.Getenv(damagedDir)
	if dir == "" {
		return // it is TestADamagedStoreIsNeverANewOne's other half
	}
	s, err := tryOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("epoch=%d\n", s.Epoch())
}

// Only MoveAside gives a store up; cut off in the middle, what is left is no new store either.
func TestMoveAside(t *testing.T) {
	dir, epoch := filled(t)
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("hexpane-edge 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := store.MoveAside(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil {
		t.Error(err)
	}
	if _, err := store.MoveAside(dir, time.Now()); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("nothing to move: %v", err)
	}
	s := openStore(t, dir)
	if s.Epoch() == epoch {
		t.Error("the store is still there")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, to) // whole, where it is now
	if s.Epoch() != epoch {
		t.Errorf("epoch %d was moved, %d is there", epoch, s.Epoch())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAMoveCutOffIsDamage(t *testing.T) {
	dir, _ := filled(t)
	markers, err := filepath.Glob(filepath.Join(dir, "marker.*"))
	if err != nil || len(markers) == 0 {
		t.Fatal(markers, err)
	}
	for _, m := range markers {
		if err := os.Remove(m); err != nil {
			t.Fatal(err)
		}
	}
	_, err = tryOpen(dir)
	if !errors.Is(err, store.ErrDamaged) {
		t.Fatal(fmt.Sprint(err))
	}
}
