package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/protocol/payload"
)

// clerk makes messages of what is posted over HTTP, and reads them as the line will: a message that it passes is taken whole,
// and of one that it refuses nothing is. It works on the goroutine of whoever posts.
type clerk struct{ line *line }

// maxTopicBytes is MQTT's bound.
const maxTopicBytes = 1<<16 - 1

// Closed says why nothing can be taken in.
func (c clerk) Closed() string {
	if c.line.router.Load() == nil {
		return "no plan yet: is the core reachable at nats.url?"
	}
	if c.line.store.Space().Full() {
		return ingest.ErrFull.Error()
	}
	return c.line.status.refusing()
}

// Sort finds the topics of a post's readings and checks that the streams reading them take all.
func (c clerk) Sort(p *ingest.Post) (*ingest.Sorted, *ingest.Refusal) {
	r := c.line.router.Load()
	named, no := r.named(p)
	if no != nil {
		return nil, no
	}
	piles, no := pile(p, named)
	if no != nil {
		return nil, no
	}
	sorted, now := &ingest.Sorted{}, time.Now().UnixMicro()
	for _, pile := range piles {
		m := ingest.Message{Topic: pile.topic, Payload: pile.payload(p), ArrivalUs: now}
		readers := r.find(pile.topic)
		switch {
		case named != nil:
			readers = []*source{named}
		case len(readers) == 0:
			return nil, refused(fmt.Sprintf("no stream reads topic %q; say which one is meant by \"stream\" or \"topic\". There are: %s",
				excerpt(pile.topic), r.names()))
		}
		n := 0
		for _, s := range readers {
			got, no := s.judge(p, pile, m)
			if no != nil {
				return nil, no
			}
			n = max(n, got)
		}
		sorted.Readings += n
		sorted.Messages = append(sorted.Messages, m)
	}
	return sorted, nil
}

// named is the stream that a post means, or nil if its topic tells.
func (r *router) named(p *ingest.Post) (*source, *ingest.Refusal) {
	switch {
	case p.Topic != "":
		return nil, nil
	case p.Stream != "":
		for _, s := range r.sources {
			if strings.EqualFold(s.def.Name, p.Stream) {
				return s, nil
			}
		}
		return nil, refused(fmt.Sprintf("there is no stream %q. There are: %s", excerpt(p.Stream), r.names()))
	case len(r.find(defaultTopic(p))) == 0 && len(r.sources) == 1:
		return r.sources[0], nil
	}
	return nil, nil
}

// names of the streams, for an error's text.
func (r *router) names() string {
	const most = 20
	var names []string
	for _, s := range r.sources[:min(len(r.sources), most)] {
		names = append(names, s.def.Name)
	}
	if len(r.sources) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

func defaultTopic(p *ingest.Post) string { return "ingest/" + p.Source }

// heap is what of a post goes to one topic.
type heap struct {
	topic  string
	points []int // indices; none: the body
}

// pile sorts a post's readings by topic. A named stream's template is filled in: {name} by the reading's own field of that name,
// or else by the source id, as + is.
func pile(p *ingest.Post, named *source) ([]heap, *ingest.Refusal) {
	topic := p.Topic
	if topic == "" && named == nil {
		topic = defaultTopic(p)
	}
	if named == nil || p.Points == nil {
		if named != nil {
			topic = named.template.Fill(func(string) string { return p.Source })
		}
		if no := checkTopic(topic); no != nil {
			return nil, no
		}
		h := heap{topic: topic}
		for i := range p.Points {
			h.points = append(h.points, i)
		}
		return []heap{h}, nil
	}
	var piles []heap
	place := map[string]int{}
	for i, point := range p.Points {
		topic, err := named.topicOf(point, p.Source)
		no := checkTopic(topic)
		if err != nil {
			no = refused(err.Error())
		}
		if no != nil {
			no.Point, no.Message = i, fmt.Sprintf("data_points[%d]: %s", i, no.Message)
			return nil, no
		}
		at, known := place[topic]
		if !known {
			at = len(piles)
			place[topic], piles = at, append(piles, heap{topic: topic})
		}
		piles[at].points = append(piles[at].points, i)
	}
	return piles, nil
}

func (s *source) topicOf(point json.RawMessage, source string) (string, error) {
	var fields map[string]json.RawMessage
	if len(s.template.Names()) > 0 {
		_ = json.Unmarshal(point, &fields) // what is no object is refused by the stream's decoder, which says why
	}
	var err error
	topic := s.template.Fill(func(name string) string {
		level := source
		if raw, ok := fields[name]; ok && name != "" && !bytes.Equal(raw, []byte("null")) {
			switch {
			case raw[0] != '"' && raw[0] != '-' && (raw[0] < '0' || raw[0] > '9'):
				err = fmt.Errorf("%s stands in the topic of stream %s: a text or a number is wanted", name, s.def.Name)
			case raw[0] != '"':
				level = string(raw)
			default:
				_ = json.Unmarshal(raw, &level) // it was read once already
			}
		}
		if level == "" || strings.Contains(level, "/") {
			err = fmt.Errorf("%q can't be a level of stream %s's topic: name the source, or a \"topic\"", excerpt(level), s.def.Name)
		}
		return level
	})
	return topic, err
}

func checkTopic(topic string) *ingest.Refusal {
	if topic == "" || len(topic) > maxTopicBytes || strings.ContainsAny(topic, "+#\x00") || !utf8.ValidString(topic) {
		return refused(fmt.Sprintf("topic %q: want MQTT's text without +, # and NUL", excerpt(topic)))
	}
	return nil
}

// payload is what MQTT would carry: one reading as it is, several as an array.
func (h heap) payload(p *ingest.Post) []byte {
	if p.Points == nil {
		return p.Body
	}
	b := []byte{'['}
	for i, point := range h.points {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, p.Points[point]...)
	}
	return append(b, ']')
}

// reader is a decoder for one post.
type reader struct {
	decoder *payload.Decoder
	batch   payload.Batch
}

// judge reads a message for one stream and says how many readings it holds, or what is wrong.
func (s *source) judge(p *ingest.Post, h heap, m ingest.Message) (int, *ingest.Refusal) {
	if s.def.Format == "sparkplug" {
		return 0, &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Point: -1,
			Message: "stream " + s.def.Name + " reads Sparkplug, whose births and data are one conversation: publish by MQTT"}
	}
	if p.Bound && !s.owned(m.Topic, p.Source) {
		return 0, &ingest.Refusal{Status: http.StatusForbidden, Point: -1,
			Message: fmt.Sprintf("this token is for %q alone, and topic %q is of another", excerpt(p.Source), excerpt(m.Topic))}
	}
	d, ok := s.readers.Get().(*reader)
	if !ok {
		made, err := payload.New(s.def)
		if err != nil { // it was made once, when the plan came
			return 0, &ingest.Refusal{Status: http.StatusInternalServerError, Point: -1, Message: err.Error()}
		}
		d = &reader{decoder: made}
	}
	defer s.readers.Put(d)
	bad := d.read(s, m.Topic, m.Payload, m.ArrivalUs)
	if bad == nil {
		return len(d.batch.Readings), nil
	}
	no := refused(fmt.Sprintf("stream %s: %s (%s)", s.def.Name, bad.Detail, bad.Reason))
	no.Reason = bad.Reason
	for _, i := range h.points { // which one it is
		one := append(append([]byte{'['}, p.Points[i]...), ']')
		if bad := d.read(s, m.Topic, one, m.ArrivalUs); bad != nil {
			no.Point, no.Reason = i, bad.Reason
			no.Message = fmt.Sprintf("data_points[%d]: stream %s: %s (%s)", i, s.def.Name, bad.Detail, bad.Reason)
			break
		}
	}
	return 0, no
}

// read decodes a message and gives the first thing that is wrong with it.
func (d *reader) read(s *source, topic string, data []byte, arrivalUs int64) *payload.Reject {
	d.batch.Reset()
	d.decoder.Decode(topic, data, arrivalUs, &d.batch)
	if len(d.batch.Rejects) > 0 {
		return &d.batch.Rejects[0]
	}
	for _, r := range d.batch.Readings {
		if len(data) > maxTextBytes/16 && textBytes(r.Row) > maxTextBytes {
			return tooMuchText(nil)
		}
		if far := s.tooFar(r.TimeUs, arrivalUs, nil); far != nil {
			return far
		}
	}
	return nil
}

// owned reports whether a topic names the source as the stream's key, as far as the topic holds the key.
func (s *source) owned(topic, source string) bool {
	levels, _ := s.template.Match(topic, nil)
	names := s.template.Names()
	keyed := false
	for _, c := range s.def.Columns {
		for i, name := range names[:min(len(names), len(levels))] {
			if c.Key && c.Name == name {
				if keyed = true; levels[i] == source {
					return true
				}
			}
		}
	}
	return !keyed
}

func refused(message string) *ingest.Refusal {
	return &ingest.Refusal{Status: http.StatusBadRequest, Message: message, Point: -1}
}
