package api

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/hexpane/hexpane/protocol/parquet"
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
		case r.path == ingestPath:
			responses["501"] = object{"description": "on the address of an edge"}
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
					"messages":  object{"type": "array", "items": object{"type": "string"}}}}}, "text/csv": object{"schema": object{"type": "string"}},
				"application/x-ndjson": object{"schema": object{"type": "string"}},
				parquet.MediaType:      object{"schema": object{"type": "string", "format": "binary"}}},
				"headers": object{rowsTrailer: object{"description": "a trailer of CSV, NDJSON and Parquet: how many rows there were. Without it the answer is not whole.", "schema": object{"type": "integer"}}}}
		}
		if r.path == alertsPath && r.method == "POST" {
			describeAlert(op)
			responses["201"] = object{"description": "the rule, as the SQL that made it"}
			delete(responses, "200")
		}
		if r.path == alertsPath && r.method == "GET" {
			describeAlerts(op)
		}
		if r.path == silencesPath && r.method == "POST" {
			describeSilence(op)
			responses["201"] = object{"description": "the silence"}
			delete(responses, "200")
		}
		if r.method == "DELETE" && strings.HasPrefix(r.path, silencesPath) {
			responses["204"] = object{"description": "it is over"}
			delete(responses, "200")
		}
		if r.path == backupPath {
			describeBackup(op, responses)
		}
		if r.path == metricPath {
			describeMetric(op, responses)
		}
		if r.path == ingestPath && r.serve != nil {
			describeIngest(op, responses)
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

// describeIngest describes what the edge in this process answers.
func describeIngest(op, responses map[string]any) {
	type object = map[string]any
	text := object{"type": "string"}
	parameter := func(name, about string) object {
		return object{"name": name, "in": "query", "required": false, "schema": text, "description": about}
	}
	op["parameters"] = []object{parameter("stream", "the stream meant; its topic's {name} is filled by a reading's field of that name, or else by source_id"),
		parameter("topic", "the topic, as if published by MQTT; without both, ingest/{source_id}, or the only stream there is"),
		parameter("source_id", "who sends, when the body is a payload")}
	raw := object{"schema": text}
	op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{
		"type": "object", "required": []string{"source_id", "data_points"}, "properties": object{"source_id": text,
			"data_points":          object{"type": "array", "minItems": 1, "items": object{"type": "object"}},
			"authentication_token": text, "stream": text, "topic": text}}},
		"application/x-ndjson": raw, "application/senml+json": raw, "application/senml+cbor": raw, "application/cbor": raw, "text/plain": raw,
		"application/octet-stream": raw}}
	responses["200"] = object{"description": "all of it is durable", "content": object{"application/json": object{"schema": object{"type": "object",
		"properties": object{"accepted": object{"type": "integer"}}}}}}
	for code, about := range map[string]string{"400": "nothing was taken: which data point is wrong (error.point), and why", "401": "no token, or one of another source",
		"403": "a token of one source, a topic of another", "413": "too large", "415": "a content type or encoding that is not taken",
		"429": "too many at once; see Retry-After", "503": "overloaded, full or stopping; see Retry-After, and post again"} {
		responses[code] = object{"description": about}
	}
}
