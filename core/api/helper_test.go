package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// fake is a service that answers what a test tells it to.
type fake struct {
	answer  *Answer
	err     error
	asked   string
	basemap string
	metric  *MetricQuery
	points  []MetricPoint
}

func (f *fake) Execute(_ context.Context, sql string) (*Answer, error) {
	f.asked = sql
	return f.answer, f.err
}
func (f *fake) Export(ctx context.Context, sql string) (*Answer, error) { return f.Execute(ctx, sql) }
func (f *fake) Metric(_ context.Context, q *MetricQuery) (*Metric, error) {
	f.metric = q
	return &Metric{Points: f.points}, f.err
}
func (f *fake) Backup(_ context.Context, name string) (*Backup, error) {
	f.asked = name
	return &Backup{Path: "/backups/" + name}, f.err
}
func (f *fake) Page() any       { return map[string]any{"title": "test"} }
func (f *fake) Basemap() string { return f.basemap }
func (f *fake) Streams() any    { return map[string]any{"streams": []string{}} }
func (f *fake) Views() any      { return map[string]any{"views": []string{}} }
func (f *fake) Events() any     { return map[string]any{"events": []string{}} }
func (f *fake) Edges() any      { return map[string]any{"edges": []string{}} }
func (f *fake) Partitions() any { return map[string]any{"partitions": []string{}} }

// drawer has one fence, which nothing changes.
type drawer struct{}

func (drawer) Fences() ([]byte, error) {
	return []byte(`{"type":"FeatureCollection","features":[]}`), nil
}
func (drawer) Fence(string) ([]byte, string, error)                 { return []byte(`{"type":"Feature"}`), `"1"`, nil }
func (drawer) InsideFence(string) (any, error)                      { return map[string]int{"count": 0}, nil }
func (drawer) ImportFences(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil }
func (drawer) PutFence(_ context.Context, id string, body []byte, ifMatch string) ([]byte, string, bool, error) {
	switch {
	case ifMatch == `"0"`:
		return nil, "", false, &RequestError{http.StatusPreconditionFailed, "changed meanwhile"}
	case len(body) == 0:
		return nil, "", false, &RequestError{http.StatusBadRequest, "nothing given"}
	}
	return body, `"2"`, id == "new", nil
}
func (drawer) DeleteFence(_ context.Context, id, _ string) error {
	if id == "none" {
		return &RequestError{http.StatusNotFound, "no such fence"}
	}
	return nil
}

// watcher has every alert but none.
type watcher struct{}

func (watcher) Alerts(q *AlertQuery) (any, error) {
	if q.State == "odd" {
		return nil, &RequestError{http.StatusBadRequest, "no such state"}
	}
	return map[string]any{"alerts": []any{map[string]any{"id": "a", "state": q.State, "severity": q.Severity, "alert": q.Alert, "key": q.Key, "labels": q.Labels}}}, nil
}
func (watcher) MakeAlert(_ context.Context, q *NewAlert) (any, error) {
	if q.MetricID == "" {
		return nil, &StatementError{Message: "no metric", Line: 1, Column: 2}
	}
	return q, nil
}
func (watcher) AckAlert(_ context.Context, id, by string) (any, error) {
	if id == "none" {
		return nil, &RequestError{http.StatusNotFound, "no such alert"}
	}
	return map[string]any{"id": id, "acknowledged_by": by}, nil
}

func (watcher) Silences() any { return map[string]any{"silences": []any{}} }
func (watcher) MakeSilence(_ context.Context, q *NewSilence) (any, error) {
	if len(q.Matchers) == 0 {
		return nil, &RequestError{http.StatusBadRequest, "no matchers"}
	}
	return q, nil
}
func (watcher) EndSilence(_ context.Context, id string) error {
	if id == "none" {
		return &RequestError{http.StatusNotFound, "no such silence"}
	}
	return nil
}

func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func parts(f *fake, token string) Parts {
	return Parts{Service: f, Fences: drawer{}, Alerts: watcher{}, MaxBody: 1000, Live: says("live"), Dashboard: says("page"), Ops: says("ops"), Token: token, Log: slog.New(slog.DiscardHandler)}
}

// call asks a handler; headers are "Name: value".
func call(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// refusal reads an error in the one shape that errors have.
func refusal(t *testing.T, w *httptest.ResponseRecorder, code int) problem {
	t.Helper()
	var body map[string]problem
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body) != 1 || body["error"].Message == "" || w.Code != code ||
		w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d, want %d: %s", w.Code, code, w.Body)
	}
	return body["error"]
}
