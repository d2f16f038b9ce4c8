package api

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// Fences are what operators draw; the core keeps them. Bodies and answers are GeoJSON. Errors that are the client's are *RequestError.
type Fences interface {
	Fences() ([]byte, error)
	// Fence gives a Feature and its ETag.
	Fence(id string) (text []byte, tag string, err error)
	// PutFence sets one, if it is still as ifMatch says; "" is whatever it is.
	PutFence(ctx context.Context, id string, body []byte, ifMatch string) (text []byte, tag string, created bool, err error)
	DeleteFence(ctx context.Context, id, ifMatch string) error
	// ImportFences sets those of a FeatureCollection or a Feature, all or none.
	ImportFences(ctx context.Context, body []byte) ([]byte, error)
	// InsideFence gives who is in one now, ready for JSON.
	InsideFence(id string) (any, error)
}

// RequestError is an error in a request: the client's, not ours.
type RequestError struct {
	Status  int // of HTTP
	Message string
}

func (e *RequestError) Error() string { return e.Message }

const geoJSON = "application/geo+json"

// body reads a request's body up to the limit that fences have.
func (s *server) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, "the body has more than fences.max_body_bytes; send it in parts")
	case err != nil:
		fail(w, http.StatusBadRequest, "the body could not be read: "+err.Error())
	}
	return data, err == nil
}

func written(w http.ResponseWriter, code int, tag string, text []byte, err error) {
	if err != nil {
		failWith(w, err)
		return
	}
	w.Header().Set("Content-Type", geoJSON)
	w.Header().Set("Cache-Control", "no-store")
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}

func (s *server) fences(w http.ResponseWriter, _ *http.Request) {
	text, err := s.Parts.Fences.Fences()
	written(w, http.StatusOK, "", text, err)
}

func (s *server) fence(w http.ResponseWriter, r *http.Request) {
	text, tag, err := s.Parts.Fences.Fence(r.PathValue("id"))
	written(w, http.StatusOK, tag, text, err)
}

func (s *server) putFence(w http.ResponseWriter, r *http.Request) {
	data, ok := s.body(w, r)
	if !ok {
		return
	}
	text, tag, created, err := s.Parts.Fences.PutFence(r.Context(), r.PathValue("id"), data, r.Header.Get("If-Match"))
	code := http.StatusOK
	if created {
		code = http.StatusCreated
	}
	written(w, code, tag, text, err)
}

func (s *server) deleteFence(w http.ResponseWriter, r *http.Request) {
	if err := s.Parts.Fences.DeleteFence(r.Context(), r.PathValue("id"), r.Header.Get("If-Match")); err != nil {
		failWith(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) importFences(w http.ResponseWriter, r *http.Request) {
	data, ok := s.body(w, r)
	if !ok {
		return
	}
	text, err := s.Parts.Fences.ImportFences(r.Context(), data)
	written(w, http.StatusOK, "", text, err)
}

func (s *server) inside(w http.ResponseWriter, r *http.Request) {
	body, err := s.Parts.Fences.InsideFence(r.PathValue("id"))
	if err != nil {
		failWith(w, err)
		return
	}
	reply(w, http.StatusOK, body)
}
