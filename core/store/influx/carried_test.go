package influx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What a point carries comes back, of any length, also where the fields of a longer one before it still stand. What is no such text is an error.
func FuzzCarried(f *testing.F) {
	f.Add([]byte("a window"), 1, "AQI")
	f.Add([]byte{1, 2, 3}, 100_000, "3:AQI")
	f.Fuzz(func(t *testing.T, carried []byte, times int, text string) {
		if len(carried) == 0 {
			carried = []byte{0} // of nothing there is no field
		}
		carried = bytes.Repeat(carried, max(0, times)%50_000+1)
		if len(carried) > 1<<20 {
			carried = carried[:1<<20]
		}
		texts := carriedTexts(carried)
		for i, one := range texts {
			if at, ok := carriedAt(carriedField(i)); len(one) > 64_000 || !ok || at != i {
				t.Fatalf("field %d, %s, has %d bytes", i, carriedField(i), len(one))
			}
		}
		got, err := readCarried(append(texts, "a rest"))
		if err != nil || !bytes.Equal(got, carried) {
			t.Fatalf("%d bytes come back as %d: %v", len(carried), len(got), err)
		}
		if got, err := readCarried([]string{text, text}); err == nil && len(got) > len(text)*2 {
			t.Fatalf("%q is %d bytes", text, len(got))
		}
	})
}

func TestCarriedFieldsAreTheirOwn(t *testing.T) {
	for _, name := range []string{"", "n", "hexpane_windows", "hexpane_window_", "hexpane_window_0", "hexpane_window_1", "hexpane_window_x", "hexpane_window_99999999999999999999"} {
		if at, ok := carriedAt(name); ok {
			t.Errorf("%s is number %d", name, at)
		}
	}
}

// A part of what was carried is not taken for the whole.
func TestCarriedPartsAreAnError(t *testing.T) {
	texts := carriedTexts(bytes.Repeat([]byte("window"), 50_000))
	for name, some := range map[string][]string{"the first": texts[:1], "without the last": texts[:len(texts)-1], "an empty one": {texts[0], texts[1], "", "?"}} {
		if _, err := readCarried(some); err == nil {
			t.Error(name, " is enough")
		}
	}
	if s := fmt.Sprint(len(texts)); !strings.HasPrefix(texts[0], s+":") {
		t.Errorf("%d texts, and %q", len(texts), texts[0][:5])
	}
}

// Whatever a server answers, points come of it, or an error.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"columns":["time","revision","retracted","hexpane_window","hexpane_window_2"],"values":[[1,0,false,"AQI",null],[2,1,true,"2:AQ","I"]]}`)
	f.Add(`{"columns":["revision","hexpane_window_2"],"values":[["x",1],[]]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		var s series
		d := json.NewDecoder(strings.NewReader(answer))
		d.UseNumber()
		if d.Decode(&s) != nil {
			return
		}
		n := 0
		_, err := s.points(func(Stored) (bool, error) {
			n++
			return true, nil
		})
		if err == nil && n != len(s.Values) {
			t.Fatalf("%d points of %d", n, len(s.Values))
		}
	})
}
