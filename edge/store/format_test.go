package store_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hexpane/hexpane/edge/store"
)

// A store that older versions wrote is read, and says from then on which format it has, unless it holds deltas: their keys were
// others. One of a newer version is refused. What is refused stays as it was.
func TestFormats(t *testing.T) {
	older := []byte{'h', 0, 0, 0, 3, 0x80, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 'b', 'u', 's', '-', '1'} // view, pane, partition, key: no generation
	for name, c := range map[string]struct {
		format  uint64 // 0: none
		held    []byte
		refused bool
	}{
		"this one":               {format: 2},
		"none, nothing is held":  {},
		"none, with held deltas": {held: older, refused: true},
		"a newer one":            {format: 3, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, epoch := filled(t)
			raw(t, dir, func(db *pebble.DB) error {
				if c.held != nil {
					if err := db.Set(c.held, []byte{1, 'x'}, nil); err != nil {
						return err
					}
				}
				if c.format == 0 {
					return db.Delete([]byte("m/format"), nil)
				}
				return db.Set([]byte("m/format"), binary.BigEndian.AppendUint64(nil, c.format), nil)
			})
			s, err := tryOpen(dir)
			if c.refused != errors.Is(err, store.ErrFormat) || errors.Is(err, store.ErrDamaged) {
				t.Fatalf("opened: %v", err)
			}
			if err == nil {
				if s.Epoch() != epoch {
					t.Errorf("epoch %d, want %d", s.Epoch(), epoch)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			raw(t, dir, func(db *pebble.DB) error {
				v, closer, err := db.Get([]byte("m/format"))
				switch {
				case c.refused && c.format == 0:
					if !errors.Is(err, pebble.ErrNotFound) {
						t.Errorf("a refused store was marked: %v", err)
					}
					return nil
				case err != nil:
					return err
				}
				if want := max(c.format, 2); binary.BigEndian.Uint64(v) != want {
					t.Errorf("format %x, want %d", v, want)
				}
				return closer.Close()
			})
		})
	}
}

// raw changes a closed store behind its back.
func raw(t *testing.T, dir string, f func(*pebble.DB) error) {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}
