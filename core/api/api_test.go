package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// contract is ../shared/contract.md's table of calls.
const contract = `
GET /
GET /healthz
GET /readyz
GET /metrics
GET /ws
GET /api/openapi.json
POST /api/v1/sql
GET /api/v1/metrics/{metric}/data
POST /api/v1/ingest
GET /api/v1/fences/{id}
PUT /api/v1/fences/{id}
DELETE /api/v1/fences/{id}
GET /api/v1/fences
POST /api/v1/fences
GET /api/v1/alerts
POST /api/v1/alerts
POST /api/v1/alerts/{id}/ack
GET /api/v1/dashboards
POST /api/v1/dashboards
GET /api/v1/dashboards/{id}
PUT /api/v1/dashboards/{id}
DELETE /api/v1/dashboards/{id}
GET /api/v1/edges
GET /api/v1/streams
GET /api/v1/views
GET /api/v1/partitions`

type operation struct {
	Summary    string
	Responses  map[string]any
	Parameters []struct{ Name, In string }
}

// described reads the document: method and path → operation.
func described(t *testing.T, h http.Handler) map[string]operation {
	t.Helper()
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]operation
	}
	w := call(h, "GET", "/api/openapi.json", "")
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.") {
		t.Fatalf("%s: %v", w.Body, err)
	}
	list := map[string]operation{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			list[strings.ToUpper(method)+" "+path] = op
		}
	}
	return list
}

func TestTheDocumentIsTheRoutes(t *testing.T) {
	f := &fake{answer: &Answer{}}
	h := Handler(parts(f, ""))
	doc := described(t, h)
	for line := range strings.Lines(strings.TrimSpace(contract)) {
		if _, ok := doc[strings.TrimSpace(line)]; !ok {
			t.Errorf("the contract's %s is not in the document", strings.TrimSpace(line))
		}
	}
	s := &server{Parts: parts(f, "")}
	routes := append(s.open(), s.routes()...)
	for _, r := range routes {
		if _, ok := doc[r.method+" "+r.path]; !ok {
			t.Errorf("%s %s is served and not in the document", r.method, r.path)
		}
	}
	if len(doc) != len(routes) {
		t.Errorf("%d calls are in the document, %d are served", len(doc), len(routes))
	}
	for name, op := range doc {
		method, path, _ := strings.Cut(name, " ")
		for _, p := range op.Parameters {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "x.y")
		}
		if strings.Contains(path, "{") || op.Summary == "" {
			t.Errorf("%s: %+v", name, op)
		}
		body := `{"sql":"SELECT 1"}`
		if strings.HasPrefix(path, alertsPath) {
			body = map[bool]string{true: `{"metric_id":"v.n"}`, false: "{}"}[path == alertsPath]
		}
		if path == silencesPath {
			body = `{"matchers":[{"name":"alert","value":"hot"}],"for":"1h"}`
		}
		w := call(h, method, path, body)
		switch _, toCome := op.Responses["501"]; {
		case toCome:
			if p := refusal(t, w, http.StatusNotImplemented); !strings.Contains(p.Message, "not built yet") && path != ingestPath {
				t.Errorf("%s: %+v", name, p)
			}
		case path == "/api/v1/basemap":
			refusal(t, w, http.StatusNotFound) // none is configured
		case method == "DELETE" && w.Code == http.StatusNoContent:
		case op.Responses["201"] != nil && w.Code == http.StatusCreated:
		case w.Code != http.StatusOK:
			t.Errorf("%s answers %d: %s", name, w.Code, w.Body)
		}
	}
}

func TestWhoAnswersWhat(t *testing.T) {
	h := Handler(parts(&fake{}, ""))
	for path, want := range map[string]string{"/": "page", "/assets/x.js": "page", "/ws": "live", "/healthz": "ops", "/readyz": "ops", "/metrics": "ops"} {
		if w := call(h, "GET", path, ""); w.Body.String() != want {
			t.Errorf("%s answers %q", path, w.Body)
		}
	}
	for _, path := range []string{"/api/", "/api/v1/none", "/api/v2/sql"} {
		refusal(t, call(h, "GET", path, ""), http.StatusNotFound)
	}
	refusal(t, call(h, "GET", "/api/v1/sql", ""), http.StatusNotFound)
}

func TestTokenIsWanted(t *testing.T) {
	f := &fake{answer: &Answer{}}
	h := Handler(parts(f, "secret"))
	for name := range described(t, h) {
		method, path, _ := strings.Cut(name, " ")
		if !strings.HasPrefix(path, "/api/v1/") {
			continue
		}
		path = strings.NewReplacer("{id}", "x", "{metric}", "v.c").Replace(path)
		refusal(t, call(h, method, path, "{}"), http.StatusUnauthorized)
		refusal(t, call(h, method, path, "{}", "Authorization: Bearer wrong"), http.StatusUnauthorized)
		refusal(t, call(h, method, path+"?token=", "{}", "Authorization: Bearer "), http.StatusUnauthorized)
		for _, w := range []int{call(h, method, path, "{}", "Authorization: Bearer secret").Code, call(h, method, path+"?token=secret", "{}").Code} {
			if w == http.StatusUnauthorized {
				t.Errorf("%s refuses the token", name)
			}
		}
	}
	f.asked = "nothing"
	call(h, "POST", "/api/v1/sql", `{"sql":"DROP VIEW v"}`)
	if f.asked != "nothing" {
		t.Error("a statement ran without the token")
	}
}

func TestFencesAnswerAsGeoJSON(t *testing.T) {
	h := Handler(parts(&fake{}, ""))
	if w := call(h, "PUT", "/api/v1/fences/new", "{}"); w.Code != http.StatusCreated || w.Header().Get("ETag") != `"2"` || w.Header().Get("Content-Type") != "application/geo+json" {
		t.Error(w.Code, w.Header())
	}
	if w := call(h, "PUT", "/api/v1/fences/old", "{}"); w.Code != http.StatusOK {
		t.Error(w.Code)
	}
	if w := call(h, "DELETE", "/api/v1/fences/old", ""); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Error(w.Code, w.Body)
	}
	refusal(t, call(h, "PUT", "/api/v1/fences/old", ""), http.StatusBadRequest)
	refusal(t, call(h, "PUT", "/api/v1/fences/old", "{}", `If-Match: "0"`), http.StatusPreconditionFailed)
	refusal(t, call(h, "DELETE", "/api/v1/fences/none", ""), http.StatusNotFound)
	refusal(t, call(h, "PUT", "/api/v1/fences/old", strings.Repeat("x", 1001)), http.StatusRequestEntityTooLarge)
	refusal(t, call(h, "POST", "/api/v1/fences", strings.Repeat("x", 1001)), http.StatusRequestEntityTooLarge)
}

func TestOtherOriginsMayNotAct(t *testing.T) {
	f := &fake{answer: &Answer{}, asked: "nothing"}
	h := Handler(parts(f, ""))
	refusal(t, call(h, "POST", "/api/v1/sql", `{"sql":"DROP VIEW v"}`, "Sec-Fetch-Site: cross-site"), http.StatusForbidden)
	refusal(t, call(h, "POST", "/api/v1/sql", `{"sql":"DROP VIEW v"}`, "Origin: https://elsewhere.example"), http.StatusForbidden)
	if f.asked != "nothing" {
		t.Error("the statement ran")
	}
	if w := call(h, "POST", "/api/v1/sql", `{"sql":"x"}`, "Sec-Fetch-Site: same-origin"); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What the edge in the process serves is passed to it, without the core's token, and is in the document; a core alone says where to go.
func TestIngestIsTheEdges(t *testing.T) {
	p := parts(&fake{}, "secret")
	p.Edge = says("edge")
	h := Handler(p)
	for _, c := range [][2]string{{"POST", ingestPath}, {"GET", "/status"}} {
		if w := call(h, c[0], c[1], "{}"); w.Body.String() != "edge" {
			t.Errorf("%s answers %d %s", c[1], w.Code, w.Body)
		}
	}
	op := described(t, h)["POST "+ingestPath]
	for _, code := range []string{"200", "400", "401", "413", "415", "429", "503"} {
		if op.Responses[code] == nil {
			t.Errorf("the document has no %s", code)
		}
	}
	if op.Responses["501"] != nil {
		t.Error("the document says that it is not built")
	}
	if p := refusal(t, call(Handler(parts(&fake{}, "")), "POST", ingestPath, "{}"), http.StatusNotImplemented); !strings.Contains(p.Message, "hexpane-edge") {
		t.Errorf("a core alone: %+v", p)
	}
}
