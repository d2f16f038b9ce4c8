package influx

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/influxdata/influxdb-client-go/v2/api/write"
)

// Point is one result: tags are the group's keys, fields the aggregates.
type Point struct {
	Measurement string
	Tags        []Pair
	Fields      []Pair
	TimeUs      int64
	Carried     []byte // what a Reader gives back, for no one else; nil: nothing
	Nanos       int    // of that microsecond, 0 to 999: tells points of one series and time apart
}

// Pair is a name and its value.
type Pair struct {
	Name  string
	Value value.Value
}

// Line gives the point in line protocol. NULL and empty tags, NULL and infinite fields are left out, as InfluxDB has none.
func (p Point) Line() []byte {
	w := write.NewPointWithMeasurement(measurementText(p.Measurement)).SetTime(time.UnixMicro(p.TimeUs).Add(time.Duration(p.Nanos)))
	for _, t := range p.Tags {
		if text := t.Value.Text(); text != "" {
			w.AddTag(columnText(t.Name), tagText(text))
		}
	}
	w.SortTags()
	for _, f := range p.Fields {
		switch f.Value.Kind() {
		case value.Null:
		case value.Int:
			w.AddField(columnText(f.Name), f.Value.Int())
		case value.Double, value.Decimal:
			if math.IsInf(f.Value.Float(), 0) {
				continue
			}
			w.AddField(columnText(f.Name), f.Value.Float())
		case value.Bool:
			w.AddField(columnText(f.Name), f.Value.Bool())
		default:
			w.AddField(columnText(f.Name), f.Value.Text())
		}
	}
	for i, text := range carriedTexts(p.Carried) {
		w.AddField(carriedField(i), text)
	}
	line := strings.TrimSuffix(write.PointToLineProtocol(w, time.Nanosecond), "\n")
	if len(w.TagList()) == 0 { // the library has its comma there all the same, which InfluxDB refuses; a name's own are escaped
		line = strings.Replace(line, ", ", " ", 1)
	}
	return []byte(line)
}

// What InfluxDB can't be told has something else in its place, a full-width sign or a name of another end: a backslash in a name may escape what follows it, at
// the end of a tag it does; a line that begins with # is a comment, which InfluxDB takes and forgets; a field called time it takes and leaves out, and a point with
// such a tag, or a _field or _measurement, it refuses.

func measurementText(name string) string {
	if after, ok := strings.CutPrefix(name, "#"); ok {
		name = "\uFF03" + after
	}
	return strings.ReplaceAll(name, `\`, "\uFF3C")
}

func columnText(name string) string {
	switch name {
	case "time", "_field", "_measurement":
		return name + "_"
	}
	return strings.ReplaceAll(name, `\`, "\uFF3C")
}

func tagText(text string) string {
	if before, ok := strings.CutSuffix(text, `\`); ok {
		return before + "\uFF3C"
	}
	return text
}

// IsPlain reports whether a tag of a text is stored as it is.
func IsPlain(text string) bool { return !strings.ContainsAny(text, "\\\n\r\t\uFF3C") }

// Series tells the lines of a measurement from others.
func Series(measurement string) func(line []byte) bool {
	p := Point{Measurement: measurement, Fields: []Pair{{Name: "n", Value: value.OfBool(true)}}}
	prefix := p.Line()
	prefix = prefix[:bytes.LastIndex(prefix, []byte(" n="))]
	return func(line []byte) bool {
		return bytes.HasPrefix(line, prefix) && len(line) > len(prefix) && (line[len(prefix)] == ',' || line[len(prefix)] == ' ')
	}
}
