package ingest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
)

// maxSourceBytes bounds a source id.
const maxSourceBytes = 256

// payloadTypes are content types of payloads as MQTT would carry them; the stream's format reads them.
var payloadTypes = map[string]bool{"application/x-ndjson": true, "application/ndjson": true, "application/jsonl": true, "application/senml+json": true,
	"application/senml+cbor": true, "application/cbor": true, "application/octet-stream": true, "text/plain": true}

// envelopeTypes are those of the contract's JSON; what curl -d and fetch say when nobody told them is taken for it too.
var envelopeTypes = map[string]bool{"": true, "application/json": true, "application/x-www-form-urlencoded": true, "text/plain": true}

var errBusy = errors.New("too much at once")

// body reads a request's body, inflated, within the bounds; held grows by what was counted into h.bytes.
func (h *HTTP) body(w http.ResponseWriter, r *http.Request, held *int64) ([]byte, *Refusal) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") == "" {
		media, err = "", nil
	}
	if err != nil || !payloadTypes[media] && !envelopeTypes[media] {
		return nil, refusal(http.StatusUnsupportedMediaType, fmt.Sprintf("content type %q is not taken; application/json is", r.Header.Get("Content-Type")))
	}
	large := refusal(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes (ingest.max_body_bytes); post less at once", h.cfg.MaxBodyBytes))
	if r.ContentLength > h.cfg.MaxBodyBytes {
		return nil, large
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)) // a server that knows no deadlines has its own
	in := io.Reader(http.MaxBytesReader(w, r.Body, h.cfg.MaxBodyBytes))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, refusal(http.StatusBadRequest, "the body is not gzip: "+err.Error())
		}
		in = z
	default:
		return nil, refusal(http.StatusUnsupportedMediaType, fmt.Sprintf("content encoding %q is not taken; gzip is", encoding))
	}
	var body bytes.Buffer
	_, err = io.Copy(&body, &rationed{in: in, h: h, held: held})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errBusy):
		return nil, refusal(http.StatusTooManyRequests, "too much is posted at once")
	case errors.As(err, &tooLarge) || err == nil && int64(body.Len()) > h.cfg.MaxBodyBytes:
		return nil, large
	case err != nil:
		return nil, refusal(http.StatusBadRequest, "the body could not be read: "+err.Error())
	}
	return body.Bytes(), nil
}

// rationed reads up to one byte more than a body may have, and counts what all bodies take together.
type rationed struct {
	in   io.Reader
	h    *HTTP
	held *int64
}

func (r *rationed) Read(p []byte) (int, error) {
	left := r.h.cfg.MaxBodyBytes + 1 - *r.held
	if left <= 0 {
		return 0, io.EOF
	}
	n, err := r.in.Read(p[:min(int64(len(p)), left)])
	*r.held += int64(n)
	if r.h.bytes.Add(int64(n)) > maxPostBytes {
		return n, errBusy
	}
	return n, err
}

// readPost reads a body as the contract's JSON, or leaves it as a payload if the address says whose it is.
func readPost(r *http.Request, body []byte) (p *Post, token string, no *Refusal) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // checked before
	q := r.URL.Query()
	p = &Post{Source: q.Get("source_id"), Stream: q.Get("stream"), Topic: q.Get("topic")}
	addressed := p.Source != "" || p.Stream != "" || p.Topic != ""
	switch {
	case payloadTypes[media] && addressed:
		p.Body = body
		if len(body) == 0 {
			return nil, "", refusal(http.StatusBadRequest, "the body is empty")
		}
	case !envelopeTypes[media]:
		return nil, "", refusal(http.StatusBadRequest, "say in the address what the payload is of: ?topic=… or ?stream=…&source_id=…")
	default:
		if token, no = p.readEnvelope(body); no != nil {
			return nil, "", no
		}
	}
	switch {
	case p.Stream != "" && p.Topic != "":
		return nil, "", refusal(http.StatusBadRequest, "stream and topic are both given; one says where the readings belong")
	case len(p.Source) > maxSourceBytes || !utf8.ValidString(p.Source):
		return nil, "", refusal(http.StatusBadRequest, fmt.Sprintf("source_id: want up to %d bytes of UTF-8", maxSourceBytes))
	}
	return p, token, nil
}

func (p *Post) readEnvelope(body []byte) (token string, no *Refusal) {
	var e struct {
		Source *string           `json:"source_id"`
		Points []json.RawMessage `json:"data_points"`
		Token  string            `json:"authentication_token"`
		Stream string            `json:"stream"`
		Topic  string            `json:"topic"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", refusal(http.StatusBadRequest, `the body must be JSON, {"source_id":"…","data_points":[…],"authentication_token":"…"}: `+err.Error())
	}
	if e.Source != nil {
		p.Source = *e.Source
	}
	if e.Stream != "" {
		p.Stream = e.Stream
	}
	if e.Topic != "" {
		p.Topic = e.Topic
	}
	p.Points = e.Points
	switch {
	case p.Source == "":
		return "", refusal(http.StatusBadRequest, "source_id: who sends is missing")
	case len(e.Points) == 0:
		return "", refusal(http.StatusBadRequest, "data_points: a list with at least one reading is wanted")
	}
	return e.Token, nil
}

// tokens knows who may post for which source.
type tokens []grant

type grant struct {
	source string // without the * that it may end in
	open   bool   // it did
	digest [sha256.Size]byte
}

func newTokens(config map[string]string) (list tokens) {
	for source, token := range config {
		g := grant{source: source, digest: sha256.Sum256([]byte(token))}
		g.source, g.open = strings.CutSuffix(source, "*")
		list = append(list, g)
	}
	return list
}

// may reports whether a token speaks for a source, and whether it speaks for that one alone. All grants are looked at, in
// constant time each, so that the time taken says nothing.
func (t tokens) may(token, source string) (ok, bound bool) {
	if len(t) == 0 {
		return true, false
	}
	digest, bound := sha256.Sum256([]byte(token)), true
	for _, g := range t {
		same := subtle.ConstantTimeCompare(digest[:], g.digest[:]) == 1
		if same && (g.source == source || g.open && strings.HasPrefix(source, g.source)) {
			ok, bound = true, bound && !g.open
		}
	}
	return ok, bound
}

// any reports whether a token is one of these.
func (t tokens) any(token string) bool {
	digest, found := sha256.Sum256([]byte(token)), len(t) == 0
	for _, g := range t {
		if subtle.ConstantTimeCompare(digest[:], g.digest[:]) == 1 {
			found = true
		}
	}
	return found
}
