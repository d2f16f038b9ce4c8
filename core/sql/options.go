package sql

import (
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/value"
)

// optionNames are what WITH (…) may say.
var optionNames = []string{"topic", "format", "timestamp", "disorder", "position", "speed", "heading", "speed_unit", "dedupe", "overflow"}

// optionAdvice answers ksqlDB's names, and what is close at hand.
var optionAdvice = map[string]string{"lat": "position = 'lat,lon', the names of two columns", "lon": "position = 'lat, lon', the names of two columns", "kafka_topic": "topic", "value_format": "format", "key_format": "format", "timestamp_format": "timestamp"}

// formats there are.
var formats = payload.Formats

// defaultDisorder is how far out of order readings may come unless a stream says else.
const defaultDisorder = 5_000_000

// maxDisorder is a day: a watermark further behind than that shows nothing of today.
const maxDisorder = 24 * time.Hour

// options of one CREATE STREAM by name.
type options map[string]Option

func readOptions(list []Option) options { return namedOptions(list, optionNames, optionAdvice) }

// namedOptions takes the options that names has; advice has others for some that it has not.
func namedOptions(list []Option, names []string, advice map[string]string) options {
	o := options{}
	for _, opt := range list {
		name := strings.ToLower(opt.Name.Name)
		if !slices.Contains(names, name) {
			if to := advice[name]; to != "" {
				fail(opt.Name.Pos, "no option `%s`; use %s", opt.Name.Name, to)
			}
			fail(opt.Name.Pos, "no option `%s`; there are %s%s", shorten(opt.Name.Name), strings.Join(names, ", "), didYouMean(name, names))
		}
		if _, twice := o[name]; twice {
			fail(opt.Name.Pos, "option %s is given twice", name)
		}
		o[name] = opt
	}
	return o
}

// word gives the option in small letters, or otherwise.
func (o options) word(name, otherwise string) string {
	if opt, ok := o[name]; ok {
		return strings.ToLower(strings.TrimSpace(opt.Value))
	}
	return otherwise
}

func (o options) format() string {
	f := o.word("format", "json")
	if !slices.Contains(formats, f) {
		fail(o["format"].ValuePos, "no format '%s'; there are %s%s", shorten(f), strings.Join(formats, ", "), didYouMean(f, formats))
	}
	return f
}

// timestamp gives the event-time column; −1 is arrival time.
func (o options) timestamp(s *scope) int {
	opt, ok := o["timestamp"]
	if !ok {
		return -1
	}
	i := s.option(opt, opt.Value)
	if k := s.Columns[i].Type.Kind; k != value.Timestamp && k != value.Int {
		fail(opt.ValuePos, "the event time `%s` is %s; it must be TIMESTAMP or BIGINT", s.Columns[i].Name, s.Columns[i].Type)
	}
	return i
}

func (o options) disorder() int64 {
	opt, ok := o["disorder"]
	if !ok {
		return defaultDisorder
	}
	d, err := time.ParseDuration(strings.ReplaceAll(strings.TrimSpace(opt.Value), " ", ""))
	if err != nil || d < 0 || d > maxDisorder {
		fail(opt.ValuePos, "disorder is a length of time from '0s' to '24h' like '5s' or '500ms', not '%s'", shorten(opt.Value))
	}
	return d.Microseconds()
}

// dedupe: content, none, or sequence:column, which must be a device's own BIGINT counter.
func (o options) dedupe(s *scope) string {
	opt := o["dedupe"]
	word := o.word("dedupe", "content")
	if word == "content" || word == "none" {
		return word
	}
	column, ok := strings.CutPrefix(word, "sequence:")
	if !ok {
		fail(opt.ValuePos, "dedupe is 'content', 'none' or 'sequence:column', not '%s'", shorten(opt.Value))
	}
	c := s.Columns[s.option(opt, column)]
	if c.Type.Kind != value.Int {
		fail(opt.ValuePos, "the sequence `%s` is %s; it must be BIGINT", c.Name, c.Type)
	}
	return "sequence:" + c.Name
}

// overflow says which rows an edge gives up first when the core is away for long.
func (o options) overflow() string {
	word := o.word("overflow", "drop_oldest")
	if word != "drop_oldest" && word != "latest_per_pane" {
		fail(o["overflow"].ValuePos, "overflow is 'drop_oldest' or 'latest_per_pane', not '%s'", shorten(word))
	}
	return word
}

// option finds the column that an option names.
func (s *scope) option(opt Option, name string) int {
	if i := s.find(Ident{Name: strings.TrimSpace(name)}); i >= 0 {
		return i
	}
	fail(opt.ValuePos, "%s: no column `%s` in %s%s", strings.ToLower(opt.Name.Name), shorten(name), s.Name, didYouMean(name, s.names()))
	return -1
}
