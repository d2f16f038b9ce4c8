package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// insert gives rows to the edge in this process as a device would post them, so that they count as any reading does: durable when it answers, and
// the same row twice is one, as the stream's dedupe says.
func (c *Core) insert(ctx context.Context, st *sql.Insert) (*api.Answer, error) {
	def, rows, err := sql.InsertRows(c.catalog.plan(), st, time.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return &api.StatementError{Message: fmt.Sprintf(format, args...), Line: st.Place().Line, Column: st.Place().Column}
	}
	if c.edge == nil {
		return nil, wrong("no edge in this process takes rows in (a file of statements runs before it does): POST them to /api/v1/ingest on an edge's own address")
	}
	if def.Format != "json" {
		return nil, wrong("rows are inserted into streams of JSON, and %s is %s", def.Name, def.Format)
	}
	post := struct {
		Source string            `json:"source_id"`
		Stream string            `json:"stream"`
		Points []json.RawMessage `json:"data_points"`
	}{Source: insertSource, Stream: def.Name}
	for _, row := range rows {
		point, column := pointOf(def, row)
		if column != "" {
			return nil, wrong("column %s of %s has a PATH that no row can be written by", column, def.Name)
		}
		post.Points = append(post.Points, point)
	}
	body, err := json.Marshal(post)
	if err != nil {
		return nil, fmt.Errorf("write rows: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/ingest", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.cfg.HTTP.Token != "" { // which whoever asks had
		req.Header.Set("Authorization", "Bearer "+c.cfg.HTTP.Token)
	}
	said := &said{header: http.Header{}}
	if c.edge.ServeHTTP(said, req); said.code != http.StatusOK {
		var answer struct {
			Error struct{ Message string }
		}
		if json.Unmarshal(said.body.Bytes(), &answer) != nil || answer.Error.Message == "" {
			answer.Error.Message = strings.TrimSpace(said.body.String())
		}
		return nil, wrong("the edge took none of the rows: %s", answer.Error.Message)
	}
	return &api.Answer{Messages: []string{fmt.Sprintf("%d rows into %s", len(rows), def.Name)}}, nil
}

// insertSource is the source_id of inserted rows.
const insertSource = "sql"

// pointOf writes a row as a device would; a column whose path it can't write is named.
func pointOf(def *plan.Stream, row []value.Value) (point []byte, cannot string) {
	top := map[string]any{}
	for i, c := range def.Columns {
		if row[i].IsNull() {
			continue
		}
		at, path := top, []string{c.Name}
		if c.Path != "" {
			if strings.ContainsAny(c.Path, `*[]"`) {
				return nil, c.Name
			}
			path = strings.Split(c.Path, ".")
		}
		for _, key := range path[:len(path)-1] {
			if at[key] == nil {
				at[key] = map[string]any{}
			}
			below, ok := at[key].(map[string]any)
			if !ok {
				return nil, c.Name
			}
			at = below
		}
		at[path[len(path)-1]] = json.RawMessage(row[i].AppendJSON(nil))
	}
	point, err := json.Marshal(top)
	if err != nil {
		return nil, def.Columns[0].Name
	}
	return point, ""
}

// said is what the edge answered.
type said struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (s *said) Header() http.Header { return s.header }

func (s *said) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
}

func (s *said) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.body.Write(b)
}
