package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerWithin is how long a core may think before its answer begins. Its own limits are far below.
const answerWithin = 10 * time.Minute

// interrupted says that Ctrl-C ended the wait for a statement.
func (st statement) interrupted() error {
	if changes(st.text) {
		return errors.New("interrupted; the core may have run it all the same")
	}
	return errors.New("interrupted")
}

// server is a core's SQL endpoint.
type server struct {
	address, token string
	http           *http.Client
}

func newServer(cfg *Config) *server {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerWithin
	return &server{address: strings.TrimRight(cfg.Server, "/"), token: cfg.Token, http: &http.Client{Transport: transport}}
}

// column of an answer.
type column struct{ Name, Type string }

// answer is the core's to a statement that ends.
type answer struct {
	Columns   []column
	Rows      json.RawMessage // an array of arrays
	Messages  []string
	Watermark *string
}

// refusal is an error that the core gave.
type refusal struct {
	Message      string
	Line, Column int // within the statement; 0 if unknown
}

func (r *refusal) Error() string { return r.Message }

// post sends a statement, and asks for an answer of a media type; "": JSON. The caller closes the body.
func (s *server) post(ctx context.Context, sql, accept string) (*http.Response, error) {
	body, err := json.Marshal(map[string]string{"sql": sql})
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address+"/api/v1/sql", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if accept != "" {
		r.Header.Set("Accept", accept+", application/json;q=0.5")
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.http.Do(r)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) { // it says the address once more
			err = where.Err
		}
		return nil, fmt.Errorf("no core answers at %s: %w", s.address, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var refused struct{ Error refusal }
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || json.Unmarshal(text, &refused) != nil || refused.Error.Message == "" {
		return nil, fmt.Errorf("%s answers %s: is it a core's address?", s.address, resp.Status)
	}
	refused.Error.Message = printable(refused.Error.Message)
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("%s (give --token, or HEXPANE_TOKEN in the environment)", refused.Error.Message)
	}
	return nil, &refused.Error
}

// read asks for an answer that ends.
func (s *server) read(ctx context.Context, sql string) (*answer, error) {
	resp, err := s.post(ctx, sql, "")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{}
	return a, decode(resp.Body, a)
}

func decode(body io.Reader, a *answer) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	if err := json.Unmarshal(text, a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// done says what a statement gave.
type done struct {
	table     bool // rows, though perhaps none
	rows      int
	watermark string // "" without one
	stopped   bool   // by Ctrl-C, as push queries are
}

// ask runs a statement and prints its answer.
func (c *client) ask(ctx context.Context, st statement) (d done, err error) {
	resp, err := c.server.post(ctx, st.text, c.wanted(st))
	if err != nil {
		return done{}, err
	}
	defer resp.Body.Close()
	defer func() { err = errors.Join(err, c.out.Flush()) }()
	if announced(resp) {
		return c.save(ctx, resp)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/x-ndjson" {
		if c.out.format == "parquet" {
			return done{}, errors.New("a push query has no end, so it makes no Parquet file")
		}
		return c.out.stream(ctx, resp.Body)
	}
	if c.out.format == "json" {
		_, err := io.Copy(c.out, resp.Body)
		return done{}, err
	}
	a := &answer{}
	if err := decode(resp.Body, a); err != nil {
		return done{}, err
	}
	if len(a.Columns) > 0 && (c.out.format == "ndjson" || c.out.format == "parquet") {
		return done{}, fmt.Errorf("the core gives no %s: it is older than this client", c.out.format)
	}
	return c.out.show(ctx, a)
}
