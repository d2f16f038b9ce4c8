package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// handClerk passes everything on to topic in/<source>, and notes what it saw.
type handClerk struct {
	seen   Post
	closed string
}

func (c *handClerk) Closed() string { return c.closed }

func (c *handClerk) Sort(p *Post) (*Sorted, *Refusal) {
	c.seen = *p
	if p.Source == "bad" {
		return nil, &Refusal{Status: 400, Message: "data_points[1]: no", Reason: "bad_type", Point: 1}
	}
	s := &Sorted{Readings: len(p.Points)}
	if p.Body != nil {
		s.Readings = 1
		s.Messages = []Message{{Topic: "in/" + p.Source, Payload: p.Body}}
	}
	for _, point := range p.Points {
		s.Messages = append(s.Messages, Message{Topic: "in/" + p.Source, Payload: point})
	}
	return s, nil
}

type desk struct {
	*HTTP
	clerk *handClerk
	sink  *handSink
	codes []int
}

func newDesk(t testing.TB, tokens map[string]string) *desk {
	d := &desk{clerk: &handClerk{}, sink: newHandSink(100)}
	d.HTTP = NewHTTP(HTTPConfig{Tokens: tokens, MaxBodyBytes: 4096, Observed: func(code int) { d.codes = append(d.codes, code) }}, d.clerk, d.sink)
	t.Cleanup(d.Quiesce)
	return d
}

// post answers once the messages, if it hands any on, are acknowledged.
func (d *desk) post(target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for {
			select {
			case m := <-d.sink.taken:
				acknowledge(m)
			case <-ctx.Done():
				return
			}
		}
	}()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

const envelope = `{"source_id":"bus-1","data_points":[{"a":1},{"a":2}],"authentication_token":"one"}`

func TestHTTPAnswers(t *testing.T) {
	tokens := map[string]string{"bus-1": "one", "depot-*": "depot", "*": "all"}
	large := `{"source_id":"bus-1","data_points":["` + strings.Repeat("x", 5000) + `"],"authentication_token":"one"}`
	for name, c := range map[string]struct {
		target, body string
		headers      []string
		code         int
		has          string
	}{
		"as in the contract":      {"/", envelope, []string{"Content-Type: application/json; charset=utf-8"}, 200, `{"accepted":2}`},
		"as curl -d says it":      {"/", envelope, []string{"Content-Type: application/x-www-form-urlencoded"}, 200, `2`},
		"as fetch says it":        {"/", envelope, []string{"Content-Type: text/plain;charset=UTF-8"}, 200, `2`},
		"no content type":         {"/", envelope, nil, 200, `2`},
		"gzip":                    {"/", zipped(envelope), []string{"Content-Encoding: gzip"}, 200, `2`},
		"the header's token":      {"/", `{"source_id":"bus-1","data_points":[{}]}`, []string{"Authorization: Bearer one"}, 200, `1`},
		"the token of all":        {"/", `{"source_id":"x","data_points":[{}],"authentication_token":"all"}`, nil, 200, `1`},
		"the token of some":       {"/", `{"source_id":"depot-7","data_points":[{}],"authentication_token":"depot"}`, nil, 200, `1`},
		"a payload":               {"/?source_id=bus-1", "{}\n{}", []string{"Content-Type: application/x-ndjson", "Authorization: Bearer one"}, 200, `1`},
		"no token":                {"/", `{"source_id":"bus-1","data_points":[{}]}`, nil, 401, "token"},
		"an empty token":          {"/", `{"source_id":"bus-1","data_points":[{}],"authentication_token":""}`, nil, 401, "token"},
		"a wrong token":           {"/", strings.Replace(envelope, `"one"`, `"two"`, 1), nil, 401, "token"},
		"a token of another":      {"/", strings.Replace(envelope, `"one"`, `"depot"`, 1), nil, 401, "token"},
		"a wrong header":          {"/", envelope, []string{"Authorization: Bearer two"}, 401, "token"},
		"a payload without token": {"/?source_id=bus-1", "{}", []string{"Content-Type: application/x-ndjson"}, 401, "token"},
		"a payload of nobody":     {"/?topic=in/a", "{}", []string{"Content-Type: application/cbor", "Authorization: Bearer one"}, 401, "token"},
		"no JSON":                 {"/", `{"source_id":`, nil, 400, "JSON"},
		"JSON and more":           {"/", envelope + "x", nil, 400, "JSON"},
		"a list":                  {"/", `[1]`, nil, 400, "JSON"},
		"no source":               {"/", `{"data_points":[{}],"authentication_token":"all"}`, nil, 400, "source_id"},
		"no points":               {"/", `{"source_id":"a","authentication_token":"all"}`, nil, 400, "data_points"},
		"points that are none":    {"/", `{"source_id":"a","data_points":7,"authentication_token":"all"}`, nil, 400, "data_points"},
		"stream and topic":        {"/?topic=in/a", `{"source_id":"a","data_points":[1],"stream":"s","authentication_token":"all"}`, nil, 400, "both"},
		"a long source":           {"/", `{"source_id":"` + strings.Repeat("x", 300) + `","data_points":[1],"authentication_token":"all"}`, nil, 400, "source_id"},
		"a point that is wrong":   {"/", `{"source_id":"bad","data_points":[{}],"authentication_token":"all"}`, nil, 400, `"reason":"bad_type","point":1`},
		"no gzip":                 {"/", envelope, []string{"Content-Encoding: gzip"}, 400, "gzip"},
		"half of a gzip":          {"/", zipped(envelope)[:40], []string{"Content-Encoding: gzip"}, 400, "body"},
		"a payload, unaddressed":  {"/", "{}", []string{"Content-Type: application/x-ndjson"}, 400, "topic"},
		"an empty payload":        {"/?topic=in/a", "", []string{"Content-Type: application/cbor"}, 400, "empty"},
		"too large":               {"/", large, nil, 413, "max_body_bytes"},
		"too large, unzipped":     {"/", zipped(large), []string{"Content-Encoding: gzip"}, 413, "max_body_bytes"},
		"a bomb":                  {"/", zipped(strings.Repeat("0", 3<<20)), []string{"Content-Encoding: gzip"}, 413, "max_body_bytes"},
		"a type":                  {"/", envelope, []string{"Content-Type: application/xml"}, 415, "application/xml"},
		"no type":                 {"/", envelope, []string{"Content-Type: ;;"}, 415, ";;"},
		"an encoding":             {"/", envelope, []string{"Content-Encoding: br"}, 415, "br"},
		"another origin":          {"/", envelope, []string{"Sec-Fetch-Site: cross-site"}, 403, "origin"},
	} {
		d := newDesk(t, tokens)
		w := d.post(c.target, c.body, c.headers...)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.has) || len(d.codes) != 1 || d.codes[0] != c.code {
			t.Errorf("%s: %d %s, want %d and %s", name, w.Code, w.Body, c.code, c.has)
		}
		var e struct{ Error struct{ Message string } }
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || (c.code >= 400) != (e.Error.Message != "") {
			t.Errorf("%s: not the API's shape: %s", name, w.Body)
		}
		if n := d.bytes.Load() + d.posts.Load(); n != 0 {
			t.Errorf("%s: %d still counted", name, n)
		}
	}
}

func TestHTTPWithoutTokensTakesAll(t *testing.T) {
	d := newDesk(t, nil)
	if w := d.post("/", `{"source_id":"a","data_points":[{}]}`); w.Code != 200 || d.clerk.seen.Bound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestATokenOfOneSourceIsBoundToIt(t *testing.T) {
	for token, bound := range map[string]bool{"one": true, "some": false, "all": false} {
		d := newDesk(t, map[string]string{"bus-1": "one", "bus-*": "some", "*": "all"})
		if w := d.post("/", strings.Replace(envelope, `"one"`, `"`+token+`"`, 1)); w.Code != 200 || d.clerk.seen.Bound != bound {
			t.Errorf("%s: %d, bound: %v", token, w.Code, d.clerk.seen.Bound)
		}
	}
}

// 200 comes after the last message's acknowledgement, not before.
func TestHTTPAnswersWhenAllIsDurable(t *testing.T) {
	d := newDesk(t, nil)
	s := httptest.NewServer(d)
	defer s.Close()
	answer := make(chan int, 1)
	go func() {
		resp, err := http.Post(s.URL, "application/json", strings.NewReader(envelope))
		if err != nil {
			answer <- 0
			return
		}
		_ = resp.Body.Close()
		answer <- resp.StatusCode
	}()
	first, second := d.sink.next(t), d.sink.next(t)
	acknowledge(second)
	select {
	case code := <-answer:
		t.Fatalf("%d before the first message is durable", code)
	case <-time.After(100 * time.Millisecond):
	}
	acknowledge(first)
	if code := <-answer; code != 200 {
		t.Errorf("%d", code)
	}
}

func TestHTTPSaysWhenToComeBack(t *testing.T) {
	retry := func(what string, w *httptest.ResponseRecorder, code int) {
		t.Helper()
		if w.Code != code || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", what, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
	}
	ask := func(d *desk) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(envelope)))
		return w
	}
	d := newDesk(t, nil)
	d.within = 20 * time.Millisecond
	retry("never durable", ask(d), 503)
	d.sink.taken = nil
	retry("never taken", ask(d), 503)
	d.clerk.closed = "the outbox is full"
	retry("full", ask(d), 503)
	d.clerk.closed = ""
	d.posts.Store(maxPosts)
	retry("too many", ask(d), 429)
	d.posts.Store(0)
	d.bytes.Store(maxPostBytes - 5)
	retry("too much", ask(d), 429)
	d.bytes.Store(0)
	d.within = time.Minute
	go func() {
		for d.posts.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		d.Quiesce()
	}()
	retry("stopping while it waits", ask(d), 503)
	retry("stopped", ask(d), 503)
}

func TestHTTPWantsPost(t *testing.T) {
	d := newDesk(t, nil)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// Whatever is posted: an answer, in the API's shape, and nothing left counted.
func FuzzHTTP(f *testing.F) {
	for _, s := range []string{envelope, zipped(envelope), `{"source_id":"a","data_points":[1],"topic":"x/y"}`, "", "[[[[", "\x1f\x8b\x08\x00"} {
		for i := range byte(8) {
			f.Add([]byte(s), "topic=in%2Fa&source_id=b", i)
		}
	}
	types := []string{"", "application/json", "text/plain", "application/x-ndjson"}
	f.Fuzz(func(t *testing.T, body []byte, query string, how byte) {
		d := newDesk(t, map[string]string{"bus-1": "one", "a*": "two"})
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", types[how%4])
		if how&4 != 0 {
			r.Header.Set("Content-Encoding", "gzip")
		}
		d.within = time.Millisecond
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) || w.Code < 200 || w.Code > 503 || d.bytes.Load() != 0 || d.posts.Load() != 0 {
			t.Fatal(fmt.Sprint(w.Code, w.Body, d.bytes.Load()))
		}
	})
}

// A body that inflates a thousandfold is not inflated past its bound.
func TestHTTPInflatesNoMoreThanItTakes(t *testing.T) {
	d := newDesk(t, nil)
	r := httptest.NewRequest("POST", "/", strings.NewReader(zipped(strings.Repeat("0", 3<<20))))
	r.Header.Set("Content-Encoding", "gzip")
	held := int64(0)
	if _, no := d.body(httptest.NewRecorder(), r, &held); no == nil || no.Status != 413 || held > d.cfg.MaxBodyBytes+1 {
		t.Errorf("%+v, %d bytes were inflated", no, held)
	}
}
