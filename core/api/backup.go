package api

import (
	"encoding/json"
	"net/http"
)

// Backup is one that was written.
type Backup struct {
	Path string `json:"path"` // on the core's machine
	// Views are those in it; Plan is the version of their definitions.
	Views int    `json:"views"`
	Plan  uint64 `json:"plan_version"`
}

func (s *server) backup(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name string `json:"name"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body); err != nil {
		fail(w, http.StatusBadRequest, `the body must be JSON, {"name":"…"}: `+err.Error())
		return
	}
	b, err := s.Service.Backup(r.Context(), body.Name)
	if err != nil {
		failWith(w, err)
		return
	}
	reply(w, http.StatusOK, b)
}

// describeBackup describes the call.
func describeBackup(op, responses map[string]any) {
	type object = map[string]any
	text := object{"type": "string"}
	op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{
		"type": "object", "required": []string{"name"}, "properties": object{"name": text}}}}}
	responses["200"] = object{"description": "it is written and synced", "content": object{"application/json": object{"schema": object{"type": "object",
		"properties": object{"path": text, "views": object{"type": "integer"}, "plan_version": object{"type": "integer"}}}}}}
	responses["400"] = object{"description": "no directory is configured, or the name is none, or taken"}
}
