// Package api is the core's HTTP: SQL, state, the WebSocket and the page, and what of the contract is still to come.
//
//	api.go      routes, authentication, errors
//	sql.go      POST /api/v1/sql
//	export.go   the same as CSV, NDJSON or Parquet, whose rows go out as they are read
//	push.go     the same of a push query, whose rows go out as they come
//	history.go  GET /api/v1/metrics/{view}.{column}/data
//	backup.go   POST /api/v1/backup
//	basemap.go  GET /api/v1/basemap, compressed once
//	fences.go   /api/v1/fences
//	alerts.go   /api/v1/alerts
//	openapi.go  GET /api/openapi.json, which a test holds against the routes
//
// It knows HTTP and nothing else: what it serves comes through Service.
package api

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// Service answers; the core is one.
type Service interface {
	// Execute runs statements and gives the answer of the last one.
	Execute(ctx context.Context, sql string) (*Answer, error)
	// Export is Execute, but that a SELECT's rows come through Each, however many they are.
	Export(ctx context.Context, sql string) (*Answer, error)
	// Metric gives the history of one column of a view.
	Metric(ctx context.Context, q *MetricQuery) (*Metric, error)
	// Backup writes the state below the configured directory, and says where.
	Backup(ctx context.Context, name string) (*Backup, error)
	// Page is what the dashboard needs to start.
	Page() any
	// Basemap is the path of a GeoJSON file, or "".
	Basemap() string
	// Streams, Views, Events, Edges and Partitions give their states, ready for JSON.
	Streams() any
	Views() any
	Events() any
	Edges() any
	Partitions() any
}

// Answer of a statement.
type Answer struct {
	Columns   []Column        `json:"columns"`
	Rows      [][]value.Value `json:"rows"`
	Watermark *string         `json:"watermark"`
	// Messages say what each statement did that answers no rows.
	Messages []string `json:"messages,omitempty"`
	// Stream gives the rows of a push query, one after another; nil: they are in Rows.
	Stream Stream `json:"-"`
	// Each reads the rows and gives them one by one, which may not be kept; nil: they are in Rows. It is called once.
	Each func(ctx context.Context, take func(row []value.Value) error) error `json:"-"`
}

// Stream is a push query's rows.
type Stream interface {
	// Next waits for a row. A nil row and no error is the end.
	Next(ctx context.Context) ([]value.Value, error)
	Close()
}

// Column of an answer.
type Column struct {
	Name string     `json:"name"`
	Type string     `json:"type"`
	Of   value.Type `json:"-"` // what Type spells
}

// StatementError is an error in a statement: the user's, not ours.
type StatementError struct {
	Message      string
	Line, Column int
}

func (e *StatementError) Error() string { return e.Message }

// Parts the handler is made of.
type Parts struct {
	Service   Service
	Fences    Fences
	Alerts    Alerts
	MaxBody   int64 // bytes of a request that brings fences
	Live      http.Handler
	Dashboard http.Handler
	Ops       http.Handler
	Edge      http.Handler // serves the edge in this process, which guards itself; nil: there is none
	Token     string
	Log       *slog.Logger
}

// route is one call.
type route struct {
	method, path, summary string
	serve                 http.HandlerFunc // nil: still to come
}

type server struct {
	Parts
	ground basemap
}

// open are the routes that want no token here: the page, its description, and what guards itself.
func (s *server) open() []route {
	routes := []route{
		{"GET", "/", "The dashboard.", s.Dashboard.ServeHTTP},
		{"GET", "/healthz", "200 while the process lives.", s.Ops.ServeHTTP},
		{"GET", "/readyz", "200 while everything serves.", s.Ops.ServeHTTP},
		{"GET", "/metrics", "Prometheus metrics.", s.Ops.ServeHTTP},
		{"GET", "/ws", "WebSocket of live results.", s.Live.ServeHTTP},
		{"GET", "/api/openapi.json", "This description.", s.openAPI},
	}
	if s.Edge != nil {
		routes = append(routes, route{"POST", ingestPath, "Takes readings in; 200 once they are durable.", s.Edge.ServeHTTP},
			route{"GET", "/status", "The edge in this process, as a page.", s.Edge.ServeHTTP})
	}
	return routes
}

// routes is the list that serves the API; with open, what OpenAPI is made from.
func (s *server) routes() []route {
	list := func(f func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, f()) }
	}
	v := s.Service
	routes := []route{
		{"POST", "/api/v1/sql", "Runs SQL statements; a SELECT answers rows, and with EMIT CHANGES goes on as one JSON object a line. Accept: text/csv gives CSV, application/x-ndjson an object a row, application/vnd.apache.parquet Parquet, of any length.", s.sql},
		{"GET", "/api/v1/streams", "Streams, with columns, watermark and rates.", list(v.Streams)},
		{"GET", "/api/v1/views", "Views, with columns, windows and watermark; whole_since: no window from then on was given up; rollups: larger windows kept.", list(v.Views)},
		{"GET", "/api/v1/events", "fence_events, alerts and patterns: of which times all rows are there (whole_since), and final (final_before).", list(v.Events)},
		{"GET", "/api/v1/edges", "Edges, with counts and lag.", list(v.Edges)},
		{"GET", "/api/v1/partitions", "Partitions, with place in the stream and watermarks.", list(v.Partitions)},
		{"GET", "/api/v1/config", "What the dashboard needs to start.", list(v.Page)},
		{"GET", "/api/v1/basemap", "GeoJSON to draw beneath; 404 if none is configured.", s.basemap},
		{"POST", backupPath, "Writes a backup of the core's state into the directory configured, backup.dir, below a name.", s.backup},
		{"GET", metricPath, "History of one column of a view, VIEW.COLUMN.", s.metric},
		{"GET", "/api/v1/fences", "All fences: a GeoJSON FeatureCollection, with how many devices are inside each now.", s.fences},
		{"POST", "/api/v1/fences", "Sets the fences of a FeatureCollection, or one Feature: all of them or, with an error, none.", s.importFences},
		{"GET", "/api/v1/fences/{id}", "One fence, a GeoJSON Feature; its ETag is its version.", s.fence},
		{"PUT", "/api/v1/fences/{id}", "Sets a fence; with If-Match only if it still has that version.", s.putFence},
		{"DELETE", "/api/v1/fences/{id}", "Deletes a fence; devices inside exit.", s.deleteFence},
		{"GET", "/api/v1/fences/{id}/inside", "Which devices are inside a fence now.", s.inside},
		{"GET", "/api/v1/alerts", "Alerts that are pending, firing or acknowledged, and the rules; ?state=, ?severity=, ?alert=, ?key= and ?label= narrow it. Resolved ones: SELECT … FROM alerts.", s.alerts},
		{"POST", "/api/v1/alerts", "Makes a rule of a view's column and a threshold; CREATE ALERT can do more.", s.makeAlert},
		{"POST", "/api/v1/alerts/{id}/ack", "Acknowledges an alert that fires; doing so twice is no error.", s.ackAlert},
		{"GET", silencesPath, "Silences in force, and how many of the alerts that stand each matches.", s.silences},
		{"POST", silencesPath, "Keeps alerts from all channels, until a time; what still fires then is told then.", s.makeSilence},
		{"DELETE", silencesPath + "/{id}", "Ends a silence.", s.endSilence},
		{"GET", "/api/v1/dashboards", "Dashboards.", nil},
		{"POST", "/api/v1/dashboards", "Adds a dashboard.", nil},
		{"GET", "/api/v1/dashboards/{id}", "One dashboard.", nil},
		{"PUT", "/api/v1/dashboards/{id}", "Sets a dashboard.", nil},
		{"DELETE", "/api/v1/dashboards/{id}", "Deletes a dashboard.", nil},
	}
	if s.Edge == nil {
		routes = append(routes, route{"POST", ingestPath, "Readings over HTTP: on the address of an edge.", nil})
	}
	return routes
}

const (
	ingestPath = "/api/v1/ingest"
	backupPath = "/api/v1/backup"
	metricPath = "/api/v1/metrics/{metric}/data"
)

// Handler serves everything.
func Handler(p Parts) http.Handler {
	s := &server{Parts: p}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		serve := r.serve
		if serve == nil {
			why := r.method + " " + r.path + " is not built yet; GET /api/openapi.json lists what is"
			if r.path == ingestPath {
				why = "this core has no edge in its process: POST " + ingestPath + " on an edge's own address (http.listen of hexpane-edge)"
			}
			serve = func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotImplemented, why) }
		}
		mux.Handle(r.method+" "+r.path, s.guard(serve))
	}
	for _, r := range s.open() {
		pattern := r.method + " " + r.path
		if r.path == "/" { // with a method it would be neither narrower nor wider than /api/
			pattern = "/"
		}
		mux.HandleFunc(pattern, r.serve)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "no "+r.Method+" "+r.URL.Path+"; GET /api/openapi.json lists what there is")
	})
	return mux
}

// guard wants the token, if one is configured, and answers a browser on another origin nothing.
func (s *server) guard(next http.HandlerFunc) http.Handler {
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "a page of another origin may not do this")
	}))
	return protect.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Token != "" {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if q := r.URL.Query().Get("token"); q != "" {
				token = q
			}
			if subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) != 1 {
				fail(w, http.StatusUnauthorized, "a token is wanted: Authorization: Bearer …")
				return
			}
		}
		next(w, r)
	}))
}

func reply(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		fail(w, http.StatusInternalServerError, "the answer could not be written: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}

type problem struct {
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

func fail(w http.ResponseWriter, code int, message string) {
	reply(w, code, map[string]problem{"error": {Message: message}})
}

func failWith(w http.ResponseWriter, err error) {
	var st *StatementError
	var bad *RequestError
	switch {
	case errors.As(err, &bad):
		fail(w, bad.Status, bad.Message)
	case errors.As(err, &st):
		reply(w, http.StatusBadRequest, map[string]problem{"error": {st.Message, st.Line, st.Column}})
	case errors.Is(err, context.DeadlineExceeded):
		fail(w, http.StatusServiceUnavailable, "the query took longer than query.timeout; narrow it, by window_start for instance")
	default:
		fail(w, http.StatusInternalServerError, err.Error())
	}
}
