package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ground is a basemap file as the city's is: much the same, line after line.
func ground(t testing.TB, size int) (path, text string) {
	text = `{"type":"FeatureCollection","features":[` + strings.Repeat(`{"type":"Feature","geometry":{"type":"Point","coordinates":[24.9,60.2]}},`, size/72) + `null]}`
	path = filepath.Join(t.TempDir(), "ground.geojson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func unzip(t *testing.T, body io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBasemapIsCompressedForWhoTakesIt(t *testing.T) {
	path, text := ground(t, 100_000)
	h := Handler(parts(&fake{basemap: path}, ""))
	for accept, packed := range map[string]bool{"": false, "gzip": true, "br, gzip, deflate": true, "GZIP;q=0.5": true, "gzip;q=0": false, "deflate": false, "xgzip": false} {
		w := call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: "+accept)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/geo+json" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%q: %d %v", accept, w.Code, w.Header())
		}
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: packed %v", accept, got)
			continue
		}
		got := w.Body.String()
		if packed {
			if w.Body.Len() > len(text)/10 {
				t.Errorf("%d bytes of %d are sent", w.Body.Len(), len(text))
			}
			got = unzip(t, w.Body)
		}
		if got != text {
			t.Errorf("%q: another text came", accept)
		}
	}
}

func TestBasemapIsNotSentAgain(t *testing.T) {
	path, _ := ground(t, 1000)
	h := Handler(parts(&fake{basemap: path}, ""))
	tags := map[string]string{}
	for _, accept := range []string{"gzip", "identity"} {
		w := call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: "+accept)
		tags[accept] = w.Header().Get("ETag")
		w = call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: "+accept, "If-None-Match: "+tags[accept])
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") != tags[accept] {
			t.Errorf("%s: %d, %d bytes, %v", accept, w.Code, w.Body.Len(), w.Header())
		}
	}
	if tags["gzip"] == tags["identity"] || tags["gzip"] == "" {
		t.Errorf("two forms need two tags: %v", tags)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: gzip", "If-None-Match: "+tags["gzip"])
	if w.Code != http.StatusOK || unzip(t, w.Body) != "{}" {
		t.Errorf("the file changed, and the answer is %d", w.Code)
	}
}

func TestBasemapIsCompressedOnce(t *testing.T) {
	path, _ := ground(t, 1000)
	b := new(basemap)
	_, first, _, _, err := b.load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, again, _, _, _ := b.load(path); &again[0] != &first[0] {
		t.Error("compressed again, and the file is the same")
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, again, _, _, _ := b.load(path); &again[0] == &first[0] || !bytes.Equal(again, first) {
		t.Error("the file was touched, and not read again")
	}
}

func TestBasemapThatIsNotThere(t *testing.T) {
	refusal(t, call(Handler(parts(&fake{}, "")), "GET", "/api/v1/basemap", ""), http.StatusNotFound)
	w := call(Handler(parts(&fake{basemap: "/none/such.geojson"}, "")), "GET", "/api/v1/basemap", "")
	if p := refusal(t, w, http.StatusInternalServerError); strings.Contains(p.Message, "/none") {
		t.Errorf("the answer names a path of ours: %s", p.Message)
	}
}

func BenchmarkBasemap(b *testing.B) {
	path, text := ground(b, 3_300_000)
	h := Handler(parts(&fake{basemap: path}, ""))
	call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: gzip")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if w := call(h, "GET", "/api/v1/basemap", "", "Accept-Encoding: gzip"); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
