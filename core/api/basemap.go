package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// basemap holds the file in memory as it is served, read and compressed anew when it changes.
type basemap struct {
	mu    sync.Mutex
	path  string
	size  int64
	mtime time.Time

	plain, packed []byte
	etag          string // of the plain form, without quotes
}

// load gives the file of a path. What it gives is never changed.
func (b *basemap) load(path string) (plain, packed []byte, etag string, mtime time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, "", mtime, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path != path || b.size != info.Size() || !b.mtime.Equal(info.ModTime()) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, "", mtime, err
		}
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
		_, _ = z.Write(data)                                    // a buffer takes all
		_ = z.Close()
		sum := sha256.Sum256(data)
		b.path, b.size, b.mtime = path, info.Size(), info.ModTime()
		b.plain, b.packed, b.etag = data, out.Bytes(), fmt.Sprintf("%x", sum[:8])
	}
	return b.plain, b.packed, b.etag, b.mtime, nil
}

func (s *server) basemap(w http.ResponseWriter, r *http.Request) {
	path := s.Service.Basemap()
	if path == "" {
		fail(w, http.StatusNotFound, "no basemap is configured (map.basemap)")
		return
	}
	body, packed, etag, mtime, err := s.ground.load(path)
	if err != nil {
		s.Log.Error("the basemap cannot be read", "error", err)
		fail(w, http.StatusInternalServerError, "the basemap (map.basemap) cannot be read; the log says why")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/geo+json")
	h.Set("Cache-Control", "max-age=300")
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = packed, etag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", mtime, bytes.NewReader(body))
}

// takesGzip reads an Accept-Encoding.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return err != nil || q > 0
	}
	return false
}
