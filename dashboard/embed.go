// Package dashboard serves the operators' page. The page is built by Node into dist; without it the
// package still compiles and says how to build it.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// contentSecurityPolicy lets the page reach its own server and nothing else. 'unsafe-inline' is for
// styles alone: the map libraries place their elements with style attributes.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data: blob:; connect-src 'self' data: blob:; font-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// The content types the page needs, stated here because the mime package's depend on the machine.
var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".json":  "application/json",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".woff2": "font/woff2",
}

// Handler serves the built page, or the placeholder when it was not built.
func Handler() http.Handler {
	pages, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded: this cannot happen
	}
	return FromFS(pages)
}

// FromFS serves the page from pages, which holds what vite puts in dist.
func FromFS(pages fs.FS) http.Handler {
	return &site{pages: pages, zipped: map[string][]byte{}}
}

type site struct {
	pages  fs.FS
	mu     sync.Mutex
	zipped map[string][]byte // by file name; as many as there are files
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address may carry a token
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" || name == "index.html" {
		name = s.front()
	}
	body, err := fs.ReadFile(s.pages, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kind, known := contentTypes[path.Ext(name)]
	if !known {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	if strings.HasPrefix(name, "assets/") { // vite puts a content hash in these names
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if path.Ext(name) != ".woff2" && path.Ext(name) != ".png" {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = s.gzip(name, body)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // a browser that left is no error of ours
	}
}

func (s *site) front() string {
	if _, err := fs.Stat(s.pages, "index.html"); err == nil {
		return "index.html"
	}
	return "placeholder.html"
}

func (s *site) gzip(name string, body []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z, ok := s.zipped[name]; ok {
		return z
	}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write(body) // a bytes.Buffer takes everything
	_ = g.Close()
	s.zipped[name] = z.Bytes()
	return z.Bytes()
}
