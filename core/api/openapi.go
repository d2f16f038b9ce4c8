package api

import (
	"net/http"
	"regexp"
	"strings"
)

var pathParameter = regexp.MustCompile(`\{([a-z]+)\}`)

// openAPI describes the routes: from the list that serves them, so it can't be wrong about what there is.
func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) {
	type object = map[string]any
	paths := object{}
	for _, r := range append(s.open(), s.routes()...) {
		responses := object{"default": object{"description": `an error: {"error":{"message","line"?,"column"?}}`}}
		switch {
		case r.path == "/ws":
			responses["101"] = object{"description": "a WebSocket"}
		case r.serve != nil:
			responses["200"] = object{"description": "the answer"}
		default:
			responses["501"] = object{"description": "not built yet"}
		}
		op := object{"summary": r.summary, "responses": responses}
		var parameters []object
		for _, m := range pathParameter.FindAllStringSubmatch(r.path, -1) {
			parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
		}
		if parameters != nil {
			op["parameters"] = parameters
		}
		if r.path == "/api/v1/sql" {
			op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{
				"type": "object", "required": []string{"sql"}, "properties": object{"sql": object{"type": "string"}}}}}}
			responses["200"] = object{"description": "rows", "content": object{"application/json": object{"schema": object{"type": "object",
				"properties": object{
					"columns":   object{"type": "array", "items": object{"type": "object", "properties": object{"name": object{"type": "string"}, "type": object{"type": "string"}}}},
					"rows":      object{"type": "array", "items": object{"type": "array", "items": object{}}},
					"watermark": object{"type": []string{"string", "null"}, "format": "date-time"},
					"messages":  object{"type": "array", "items": object{"type": "string"}}}}}, "text/csv": object{"schema": object{"type": "string"}}}}
		}
		methods, ok := paths[r.path].(object)
		if !ok {
			methods = object{}
			paths[r.path] = methods
		}
		methods[strings.ToLower(r.method)] = op
	}
	reply(w, http.StatusOK, object{"openapi": "3.1.0", "info": object{"title": "hexpane", "version": "1",
		"description": "SQL over live telemetry. /ws carries live results; /healthz, /readyz and /metrics are on the same address."}, "paths": paths})
}
