package payload

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/payload/tahu"
	"github.com/hexpane/hexpane/protocol/value"
)

// sparkplugDecoder reads Sparkplug B on spBv1.0/{group}/{type}/{node}[/{device}], also behind a prefix.
//
// Columns are metrics by their names; a message gives a reading for each of the times that its metrics have, if a column
// wants one of them. Births say what aliases mean, and of which type a metric is, so a stream has to see them: its topic
// has + or a column at the level of the type. Data of which the birth was not seen is rejected as unknown_alias.
//
// Two columns have a meaning of their own, if they have no PATH and the topic does not fill them:
//
//	online BOOLEAN   true in births and data, and false in deaths, which give no readings without it
//	device STRING    where the topic ends in #: the device, and '' for the node itself
//
// The death of a node is the death of its devices too: with the column device there is a reading for each of them.
type sparkplugDecoder struct {
	*Decoder
	births  births
	message sparkplugMessage
	wanted  []wantedMetric
	online  int // −1: no such column
	device  int
}

// wantedMetric is a metric that columns want.
type wantedMetric struct {
	*metric
	definition
	us int64
}

func newSparkplugDecoder(d *Decoder) *sparkplugDecoder {
	s := &sparkplugDecoder{Decoder: d, births: births{nodes: map[nodeID]*sparkplugNode{}}, online: -1, device: -1}
	without := slices.Clone(d.fromTop)
	for i, c := range d.stream.Columns {
		switch own := c.Path == "" && !d.fromTop[i]; {
		case own && strings.EqualFold(c.Name, "online") && d.types[i].Kind == value.Bool:
			s.online = i
		case own && strings.EqualFold(c.Name, "device") && d.types[i].Kind == value.String && d.template.rest:
			s.device = i
		case own && i == d.time: // the event time is no metric unless a PATH says so
		default:
			continue
		}
		without[i] = true
	}
	d.index = newColumnIndex(d.paths, without)
	return s
}

// sparkplugTopic is what a topic says.
type sparkplugTopic struct {
	node         nodeID
	kind, device string
}

func parseSparkplugTopic(topic string) (t sparkplugTopic, ok bool) {
	const namespace = "spBv1.0/"
	at := strings.Index(topic, namespace)
	if at < 0 || at > 0 && topic[at-1] != '/' {
		return t, false
	}
	group, rest, _ := strings.Cut(topic[at+len(namespace):], "/")
	if group == "STATE" {
		return sparkplugTopic{kind: "STATE"}, true
	}
	kind, rest, ok := strings.Cut(rest, "/")
	node, device, hasDevice := strings.Cut(rest, "/")
	if !ok || group == "" || node == "" || strings.Contains(device, "/") {
		return t, false
	}
	if ofDevice := strings.HasPrefix(kind, "D"); ofDevice != (device != "") || ofDevice != hasDevice {
		return t, false
	}
	if max(len(group), len(node), len(device)) > maxSparkplugID {
		return t, false
	}
	return sparkplugTopic{nodeID{group, node}, kind, device}, true
}

func (s *sparkplugDecoder) decode(topic string, payload []byte, arrivalUs int64, out *Batch) {
	t, ok := parseSparkplugTopic(topic)
	if !ok {
		out.reject("bad_topic", "want spBv1.0/{group}/{type}/{node} or, for a device, spBv1.0/{group}/{type}/{node}/{device}", []byte(topic))
		return
	}
	switch t.kind {
	case "STATE", "NCMD", "DCMD": // what hosts say
		out.Skipped++
		return
	case "NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH":
	default:
		out.reject("bad_topic", fmt.Sprintf("no message type %.32q", t.kind), []byte(topic))
		return
	}
	m := &s.message
	if err := m.read(payload); err != nil {
		reason := "malformed"
		if errors.Is(err, errTooMany) {
			reason = "too_many"
		}
		out.reject(reason, err.Error(), payload)
		return
	}
	us := arrivalUs
	if m.timed && t.kind != "NDEATH" { // a node's death was written when it connected
		if us, ok = microsOfMillis(m.millis); !ok {
			out.reject("bad_timestamp", fmt.Sprintf("%d ms is out of range", m.millis), payload)
			return
		}
	}
	if strings.HasSuffix(t.kind, "DEATH") {
		s.death(t, us, payload, out)
		return
	}
	if strings.HasSuffix(t.kind, "BIRTH") {
		if err := s.birth(t); err != nil {
			out.reject("too_many", err.Error(), payload)
			return
		}
	}
	if !s.resolve(t, us, payload, out) {
		return
	}
	s.readings(t, us, payload, out)
}

// birth remembers what the message says of its metrics.
func (s *sparkplugDecoder) birth(t sparkplugTopic) error {
	b := &birth{aliases: map[uint64]definition{}}
	for i := range s.message.metrics {
		m := &s.message.metrics[i]
		if !m.named {
			continue
		}
		columns, how := s.index.find(m.name)
		if m.aliased {
			b.aliases[m.alias] = definition{columns, how, m.datatype}
		}
		for _, c := range columns {
			if b.types == nil {
				b.types = map[int]tahu.DataType{}
			}
			if _, ok := b.types[c]; !ok || how == asWritten {
				b.types[c] = m.datatype
			}
		}
	}
	if err := s.births.replace(t.node, t.device, b); err != nil {
		return err
	}
	if t.device == "" {
		n := s.births.nodes[t.node]
		n.session, n.known = s.session()
	}
	return nil
}

// resolve finds the metrics that columns want. It rejects a message as a whole of which it doesn't know a metric: its
// sender was born again without being seen, and what else is known of it may be wrong, too.
func (s *sparkplugDecoder) resolve(t sparkplugTopic, us int64, payload []byte, out *Batch) bool {
	born := s.births.find(t.node, t.device)
	clear(s.wanted)
	s.wanted = s.wanted[:0]
	for i := range s.message.metrics {
		m := &s.message.metrics[i]
		def := definition{datatype: m.datatype}
		switch {
		case m.named && len(m.name) > 0:
			if def.columns, def.how = s.index.find(m.name); len(def.columns) > 0 && m.untyped() && born != nil {
				def.datatype = born.types[def.columns[0]]
			}
		case m.aliased:
			var known bool
			if born != nil {
				def, known = born.aliases[m.alias]
			}
			if !known {
				out.reject("unknown_alias", fmt.Sprintf("alias %d: no birth of %s has said what it is", m.alias, t), payload)
				return false
			}
			if m.datatype != tahu.DataType_Unknown {
				def.datatype = m.datatype
			}
		}
		if len(def.columns) == 0 {
			continue
		}
		if m.untyped() && def.datatype == tahu.DataType_Unknown {
			out.reject("unknown_alias", fmt.Sprintf("metric %.64q: no birth of %s has said its type", m.name, t), payload)
			return false
		}
		at := us
		if m.at {
			var ok bool
			if at, ok = microsOfMillis(m.millis); !ok {
				out.reject("bad_timestamp", fmt.Sprintf("%d ms is out of range", m.millis), payload)
				return false
			}
		}
		s.wanted = append(s.wanted, wantedMetric{m, def, at})
	}
	return true
}

// String names who sent a message.
func (t sparkplugTopic) String() string {
	if t.device == "" {
		return t.node.group + "/" + t.node.node
	}
	return t.node.group + "/" + t.node.node + "/" + t.device
}

// readings makes one for each time of the metrics wanted.
func (s *sparkplugDecoder) readings(t sparkplugTopic, us int64, payload []byte, out *Batch) {
	w := s.wanted
	if len(w) == 0 {
		if s.online < 0 {
			out.Skipped++
			return
		}
		s.reading(t, nil, us, true, payload, out)
		return
	}
	byTime := func(a, b wantedMetric) int {
		switch {
		case a.us < b.us:
			return -1
		case a.us > b.us:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(w, byTime) {
		slices.SortStableFunc(w, byTime)
	}
	for len(w) > 0 {
		n := 1
		for n < len(w) && w[n].us == w[0].us {
			n++
		}
		s.reading(t, w[:n], w[0].us, true, payload, out)
		w = w[n:]
	}
}

func (s *sparkplugDecoder) reading(t sparkplugTopic, metrics []wantedMetric, us int64, online bool, payload []byte, out *Batch) {
	row, ok := s.begin(out, payload)
	if !ok {
		return
	}
	if s.online >= 0 {
		row[s.online] = value.OfBool(online)
	}
	if s.device >= 0 {
		row[s.device] = value.OfString(t.device)
	}
	s.index.begin()
	for i := range metrics {
		m := &metrics[i]
		for _, c := range m.columns {
			if !s.index.offer(c, m.how) {
				continue
			}
			var err error
			if row[c], err = s.convertMetric(s.types[c], m.metric, m.definition.datatype); err != nil {
				s.refuse(out, c, err, payload)
				return
			}
		}
	}
	s.setTime(row, us)
	s.own = value.AppendRow(s.own[:0], row)
	s.finish(out, row, s.own, us)
}

// death forgets a node or device, and says so if there is a column for it. A node's death that belongs to a session before
// its last birth is old.
func (s *sparkplugDecoder) death(t sparkplugTopic, us int64, payload []byte, out *Batch) {
	n := s.births.nodes[t.node]
	devices := []string{t.device}
	if t.device == "" && n != nil {
		if session, ok := s.session(); ok && n.known && session != n.session {
			out.Skipped++
			return
		}
		if s.device >= 0 {
			devices = n.names()
		}
	}
	if t.device == "" {
		s.births.dropNode(t.node)
	} else {
		s.births.drop(t.node, t.device)
	}
	if s.online < 0 {
		out.Skipped++
		return
	}
	if !slices.Contains(devices, t.device) {
		devices = append(devices, t.device)
	}
	for _, device := range devices {
		t.device = device
		s.reading(t, nil, us, false, payload, out)
	}
}

// session is the message's bdSeq.
func (s *sparkplugDecoder) session() (uint64, bool) {
	for i := range s.message.metrics {
		if m := &s.message.metrics[i]; string(m.name) == "bdSeq" {
			return m.bits, true
		}
	}
	return 0, false
}
