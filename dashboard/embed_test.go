package dashboard

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var built = fstest.MapFS{
	"index.html":           {Data: []byte("<title>hexpane</title>")},
	"placeholder.html":     {Data: []byte("not built")},
	"assets/main-a1b2.js":  {Data: []byte(strings.Repeat("let a;", 500))},
	"assets/i-a1b2.woff2":  {Data: []byte("font")},
	"assets/world-x1.json": {Data: []byte("{}")},
}

func TestServesTheBuiltPage(t *testing.T) {
	h := FromFS(built)
	for _, c := range []struct{ path, kind, cache string }{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "text/html; charset=utf-8", "no-cache"},
		{"/?token=x", "text/html; charset=utf-8", "no-cache"},
		{"/assets/main-a1b2.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/assets/i-a1b2.woff2", "font/woff2", "public, max-age=31536000, immutable"},
		{"/assets/world-x1.json", "application/json", "public, max-age=31536000, immutable"},
	} {
		r := get(t, h, "GET", c.path)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q", c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: Content-Security-Policy %q", c.path, csp)
		}
	}
	if got := text(t, get(t, h, "GET", "/").Body); got != "<title>hexpane</title>" {
		t.Errorf("front page %q", got)
	}
}

func TestWithoutABuildSaysHowToBuild(t *testing.T) {
	page, err := os.ReadFile("dist/placeholder.html")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("public/placeholder.html")
	if err != nil || string(kept) != string(page) {
		t.Errorf("public/placeholder.html must equal dist/placeholder.html, or a build would change it (%v)", err)
	}
	r := get(t, FromFS(fstest.MapFS{"placeholder.html": {Data: page}}), "GET", "/")
	if body := text(t, r.Body); r.StatusCode != 200 || !strings.Contains(body, "make dashboard") {
		t.Errorf("%d %q", r.StatusCode, body)
	}
	if r := get(t, Handler(), "GET", "/"); r.StatusCode != 200 {
		t.Errorf("embedded front page: %d", r.StatusCode)
	}
}

func TestRefusesWhatIsNotThere(t *testing.T) {
	h := FromFS(built)
	for _, p := range []string{"/assets/none.js", "/../embed.go", "/assets", "/assets/"} {
		if r := get(t, h, "GET", p); r.StatusCode != 404 {
			t.Errorf("%s: %d", p, r.StatusCode)
		}
	}
	if r := get(t, h, "POST", "/"); r.StatusCode != 405 {
		t.Errorf("POST: %d", r.StatusCode)
	}
	r := get(t, h, "HEAD", "/")
	if b := text(t, r.Body); r.StatusCode != 200 || b != "" || r.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %q", r.StatusCode, b)
	}
}

func TestCompressesForThoseWhoAsk(t *testing.T) {
	h := FromFS(built)
	for range 2 {
		r := get(t, h, "GET", "/assets/main-a1b2.js", "Accept-Encoding", "br, gzip")
		if r.Header.Get("Content-Encoding") != "gzip" {
			t.Fatal("not compressed")
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, z); got != strings.Repeat("let a;", 500) {
			t.Errorf("%d bytes after decompression", len(got))
		}
	}
	if r := get(t, h, "GET", "/assets/i-a1b2.woff2", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("a font is already compressed")
	}
}
