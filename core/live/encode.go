package live

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// encoder gathers one tick's messages of one client; its buffers are used again.
type encoder struct {
	texts  [][]byte
	binary []byte
	rows   []Row
	oldest int64 // ReceivedUs of the oldest reading in updates
}

func (e *encoder) reset() {
	e.texts, e.binary, e.oldest = e.texts[:0], e.binary[:0], 0
}

func (e *encoder) error(message string) {
	text, _ := json.Marshal(map[string]string{"type": "error", "message": message}) // strings always marshal
	e.texts = append(e.texts, text)
}

func head(topic string, fresh bool, seq uint64) []byte {
	b := append([]byte(nil), `{"topic":`...)
	b = value.OfString(topic).AppendJSON(b)
	b = append(b, `,"type":"`...)
	if fresh {
		b = append(b, `snapshot","seq":`...)
	} else {
		b = append(b, `update","seq":`...)
	}
	return strconv.AppendUint(b, seq, 10)
}

func (e *encoder) status(fresh bool, seq uint64, status []byte) {
	b := append(head(StatusTopic, fresh, seq), `,"status":`...)
	e.texts = append(e.texts, append(append(b, status...), '}'))
}

// empty is the snapshot of a topic that has nothing yet.
func (e *encoder) empty(topic string, seq uint64) {
	e.texts = append(e.texts, append(head(topic, true, seq), `,"rows":[],"watermark":null}`...))
}

// rowsOf encodes e.rows.
func (e *encoder) rowsOf(t *Topic, fresh bool, seq uint64, watermark int64, marked, binary bool) {
	for i := range e.rows {
		if r := e.rows[i].ReceivedUs; !fresh && r > 0 && (e.oldest == 0 || r < e.oldest) {
			e.oldest = r
		}
	}
	if binary && t.binary {
		e.frame(t, fresh, seq, watermark, marked)
		return
	}
	if one, ok := single(t.name); ok && !fresh {
		for i := range e.rows {
			b := append(append(head(t.name, false, seq), `,"`...), one...)
			e.texts = append(e.texts, append(t.object(append(b, `":`...), &e.rows[i]), '}'))
		}
		return
	}
	b := head(t.name, fresh, seq)
	if strings.HasPrefix(t.name, "positions:") {
		b = append(b, `,"positions":[`...)
	} else {
		b = append(b, `,"rows":[`...)
	}
	for i := range e.rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = t.object(b, &e.rows[i])
	}
	b = append(b, `],"watermark":`...)
	if marked {
		b = value.OfTime(watermark).AppendJSON(b)
	} else {
		b = append(b, "null"...)
	}
	e.texts = append(e.texts, append(b, '}'))
}

// single says that updates of a topic are messages of one row each, and what the row is called in them: what happens is no state.
func single(topic string) (string, bool) {
	switch {
	case strings.HasPrefix(topic, "fences:"):
		return "event", true
	case strings.HasPrefix(topic, "alerts:"):
		return "alert", true
	}
	return "", false
}

func (t *Topic) object(b []byte, r *Row) []byte {
	b = append(b, '{')
	for c, column := range t.columns {
		if c > 0 {
			b = append(b, ',')
		}
		b = value.OfString(column.Name).AppendJSON(b)
		b = append(b, ':')
		b = r.Values[c].AppendJSON(b)
	}
	return append(b, '}')
}

func (e *encoder) frame(t *Topic, fresh bool, seq uint64, watermark int64, marked bool) {
	kind, ms := wire.Update, math.NaN()
	if fresh {
		kind = wire.Snapshot
	}
	if marked {
		ms = float64(watermark) / 1e3
	}
	f := wire.BeginFrame(e.binary, kind, t.name, seq, ms, len(e.rows))
	for c, column := range t.columns {
		switch column.Kind {
		case value.String:
			texts := make([]string, len(e.rows))
			for i := range e.rows {
				texts[i] = e.rows[i].Values[c].Str()
			}
			f.Strings(column.Name, texts)
		case value.Cell:
			cells := make([]uint64, len(e.rows))
			for i := range e.rows {
				cells[i] = e.rows[i].Values[c].Cell()
			}
			f.Cells(column.Name, cells)
		case value.Bool:
			bools := make([]bool, len(e.rows))
			for i := range e.rows {
				bools[i] = e.rows[i].Values[c].Bool()
			}
			f.Bools(column.Name, bools)
		default:
			e.numbers(f, c, column)
		}
	}
	e.binary = f.End()
}

// narrow columns are precise enough in 32 bits.
func narrow(name string) bool { return name == "speed_kmh" || name == "heading" }

func (e *encoder) numbers(f *wire.Frame, c int, column Column) {
	numbers := make([]float64, len(e.rows))
	for i := range e.rows {
		switch v := e.rows[i].Values[c]; v.Kind() {
		case value.Null:
			numbers[i] = math.NaN()
		case value.Timestamp:
			numbers[i] = float64(v.Int()) / 1e3
		default:
			numbers[i] = v.Float()
		}
	}
	if !narrow(column.Name) {
		f.F64(column.Name, numbers)
		return
	}
	floats := make([]float32, len(numbers))
	for i, n := range numbers {
		floats[i] = float32(n)
	}
	f.F32(column.Name, floats)
}
