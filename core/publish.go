package core

import (
	"math"
	"slices"
	"sync"

	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

// publisher gives viewers what a turn changed, after its commit.
type publisher struct {
	hub *live.Hub

	mu   sync.RWMutex // partitions take over a new plan one after another: what one still tells of a definition that is gone is not heard
	plan *plan.Plan

	expired sync.Map // by view: below which order its topic's rows went last
}

// result is one window's row for viewers.
type result struct {
	view  *plan.View
	key   string
	order int64 // the window's start; the end of a session, whose start may move
	start int64
	early bool // the window has not fired
	row   []value.Value
}

func resultOf(v *plan.View, key string, start int64, w *merge.Window, row []value.Value) result {
	r := result{view: v, key: key, order: start, start: start, row: row}
	if v.GapUs > 0 {
		r.order = w.End
	}
	return r
}

var positionColumns = []live.Column{{Name: "id", Kind: value.String}, {Name: "lat", Kind: value.Double}, {Name: "lon", Kind: value.Double},
	{Name: "speed_kmh", Kind: value.Double}, {Name: "heading", Kind: value.Double}, {Name: "ts", Kind: value.Timestamp}}

// topics makes the topics of a plan, so that one may subscribe before anything came, and drops those of what is gone or defined anew.
func (l *publisher) topics(old, next *plan.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = next
	for _, s := range old.GetStreams() {
		if !l.hasStream(s.Id) {
			l.hub.Drop("positions:" + s.Name)
		}
	}
	for _, v := range old.GetViews() {
		if !l.hasView(v.Id) {
			l.hub.Drop("view:" + v.Name)
			l.expired.Delete(v.Id)
		}
	}
	for _, d := range old.GetPatterns() {
		if !l.hasPattern(d.Id) {
			l.hub.Drop("pattern:" + d.Name)
		}
	}
	for _, d := range next.Patterns {
		l.pattern(d)
	}
	for _, s := range next.Streams {
		if s.Position != nil {
			l.positions(s)
		}
	}
	for _, v := range next.Views {
		l.view(v)
	}
}

func (l *publisher) hasStream(id uint32) bool {
	return slices.ContainsFunc(l.plan.Streams, func(s *plan.Stream) bool { return s.Id == id })
}

func (l *publisher) hasView(id uint32) bool {
	return slices.ContainsFunc(l.plan.Views, func(v *plan.View) bool { return v.Id == id })
}

func (l *publisher) positions(s *plan.Stream) *live.Topic {
	return l.hub.Topic("positions:"+s.Name, positionColumns, true)
}

func (l *publisher) view(v *plan.View) *live.Topic {
	columns := make([]live.Column, 0, len(v.Outputs)+4)
	for _, c := range v.Outputs {
		columns = append(columns, live.Column{Name: c.Name, Kind: value.Kind(c.Type.GetKind())})
	}
	for _, c := range merge.ExtraColumns {
		columns = append(columns, live.Column{Name: c.Name, Kind: value.Kind(c.Type.GetKind())})
	}
	return l.hub.Topic("view:"+v.Name, columns, true)
}

func (l *publisher) hasPattern(id uint32) bool {
	return slices.ContainsFunc(l.plan.Patterns, func(d *plan.Pattern) bool { return d.Id == id })
}

func (l *publisher) pattern(d *plan.Pattern) *live.Topic {
	var columns []live.Column
	for _, c := range sql.PatternRelation(d).Columns {
		columns = append(columns, live.Column{Name: c.Name, Kind: c.Type.Kind})
	}
	return l.hub.Topic("pattern:"+d.Name, columns, false)
}

func (l *publisher) publish(t *turn) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	byStream := map[*plan.Stream][]live.Row{}
	for _, p := range t.rows {
		if r, ok := positionRow(p); ok {
			byStream[p.stream] = append(byStream[p.stream], r)
		}
	}
	for s, rows := range byStream {
		if !l.hasStream(s.Id) {
			continue
		}
		us, ok := t.marks[s.Id]
		l.positions(s).Put(rows, us, ok)
	}
	byPattern := map[*plan.Pattern][]live.Row{}
	for _, m := range t.matches {
		byPattern[m.def] = append(byPattern[m.def], m.row)
	}
	for d, rows := range byPattern {
		if l.hasPattern(d.Id) {
			us, ok := t.marks[routeStream(l.plan, d.Stream)]
			l.pattern(d).Put(rows, us, ok)
		}
	}
	l.fenceEvents(t.events)
	byView := map[*plan.View][]live.Row{}
	for _, r := range t.results {
		byView[r.view] = append(byView[r.view], viewRow(r))
	}
	for v, rows := range byView {
		if !l.hasView(v.Id) {
			continue
		}
		us, ok := t.marks[v.Id]
		topic := l.view(v)
		topic.Put(rows, us, ok)
		if span := max(v.WindowUs, v.GapUs); span > 0 && ok && topic.Len() > keptKeys {
			below := window.Pane(us, span) - keptWindows*span
			if last, ok := l.expired.Load(v.Id); !ok || last.(int64) < below { // once for each: it looks at all keys
				l.expired.Store(v.Id, below)
				topic.Expire(below)
			}
		}
	}
}

// A view's topic shows the newest window of each key. Past keptKeys, keys whose newest window is more than keptWindows old go.
const (
	keptKeys    = 50_000
	keptWindows = 20
)

// positionRow makes what the map shows; false while the device has no place.
func positionRow(p positioned) (live.Row, bool) {
	at := p.stream.Position
	lat, lon, speed, ok := placeOf(at, p.row)
	if !ok {
		return live.Row{}, false
	}
	return live.Row{Key: p.key, Order: p.us, Lat: lat, Lon: lon, Placed: true, ReceivedUs: p.received,
		Values: []value.Value{value.OfString(keyText([]byte(p.key))), value.OfDouble(lat), value.OfDouble(lon), speed, numberAt(p.row, at.Heading), value.OfTime(p.us)}}, true
}

// placeOf gives where a device is, and its speed in km/h or NULL; false while it has no place.
func placeOf(at *plan.Position, row []value.Value) (lat, lon float64, speed value.Value, ok bool) {
	y, x := numberAt(row, at.Lat), numberAt(row, at.Lon)
	if y.IsNull() || x.IsNull() || math.Abs(y.Float()) > 90 || math.Abs(x.Float()) > 180 {
		return 0, 0, value.Value{}, false
	}
	speed = numberAt(row, at.Speed)
	if !speed.IsNull() {
		speed = value.OfDouble(speed.Float() * at.Kmh)
	}
	return y.Float(), x.Float(), speed, true
}

// numberAt gives a column as a DOUBLE; NULL where there is none.
func numberAt(row []value.Value, column int32) value.Value {
	if column < 0 || row[column].IsNull() {
		return value.Value{}
	}
	return value.OfDouble(row[column].Float())
}

// viewRow places a row by its cell, if it has one.
func viewRow(r result) live.Row {
	row := live.Row{Key: r.key, Order: r.order, Values: r.row}
	for _, v := range r.row {
		if v.Kind() == value.Cell {
			row.Lat, row.Lon = cell.Center(v.Cell())
			row.Placed = true
			break
		}
	}
	return row
}
