package core

import (
	"bytes"
	"testing"
)

func TestLettersAreReadAsWritten(t *testing.T) {
	l := newLetter(9).delta(3, -5, 7, []byte("k"), []byte("states")).share(4, 1<<60, nil, []byte("row"), nil).watermark(5, -1<<62).routed(6, 8, []byte("r"))
	version, rest, err := l.version()
	if err != nil || version != 9 {
		t.Fatal(version, err)
	}
	var all []entry
	for len(rest) > 0 {
		var e entry
		if e, rest, err = rest.next(); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) != 4 {
		t.Fatalf("%d entries", len(all))
	}
	if e := all[0]; e.kind != 'd' || e.id != 3 || e.us != -5 || e.readings != 7 || string(e.key) != "k" || string(e.states) != "states" {
		t.Errorf("%+v", e)
	}
	if e := all[1]; e.kind != 'u' || e.id != 4 || e.us != 1<<60 || len(e.key) != 0 || string(e.row) != "row" || len(e.states) != 0 {
		t.Errorf("%+v", e)
	}
	if e := all[3]; e.kind != 'r' || e.id != 6 || e.us != 8 || string(e.row) != "r" {
		t.Errorf("%+v", e)
	}
	if e := all[2]; e.kind != 'w' || e.id != 5 || e.us != -1<<62 {
		t.Errorf("%+v", e)
	}
}

// FuzzLetter: damaged bytes are an error, never a panic, and what can be read is read the same when written again.
func FuzzLetter(f *testing.F) {
	f.Add([]byte(newLetter(9).delta(3, -5, 7, []byte("k"), []byte("states"))))
	f.Add([]byte(newLetter(1).share(4, 1<<60, nil, []byte("row"), nil).watermark(5, -1<<62)))
	f.Add([]byte(newLetter(1).routed(4, 1<<50, []byte("row"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		version, rest, err := letter(data).version()
		again := newLetter(version)
		for err == nil && len(rest) > 0 {
			var e entry
			if e, rest, err = rest.next(); err != nil {
				return
			}
			switch e.kind {
			case 'd':
				again = again.delta(e.id, e.us, e.readings, e.key, e.states)
			case 'r':
				again = again.routed(e.id, e.us, e.row)
			case 'u':
				again = again.share(e.id, e.us, e.key, e.row, e.states)
			default:
				again = again.watermark(e.id, e.us)
			}
		}
		if err != nil {
			return
		}
		_, rest, err = again.version()
		var first, second entry
		_, list, _ := letter(data).version()
		for len(list) > 0 && err == nil {
			first, list, _ = list.next()
			if second, rest, err = rest.next(); err != nil || first.kind != second.kind || first.id != second.id || first.us != second.us ||
				!bytes.Equal(first.key, second.key) || !bytes.Equal(first.row, second.row) || !bytes.Equal(first.states, second.states) {
				t.Fatalf("%+v is read again as %+v, %v", first, second, err)
			}
		}
	})
}
