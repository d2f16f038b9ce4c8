package core

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// fenceWatch watches the devices of a stream, in one partition, at fences. Event times here are ms since 1970, as core/fence has them.
type fenceWatch struct {
	def    *plan.Stream
	set    *fence.Set
	engine *fence.Engine
	fixes  []fence.Fix           // of a batch, not looked at yet
	held   map[string]*heldEvent // what may still change, by event ID
	next   int64                 // none of them is settled while the watermark is not above it
	oldest int64                 // none of them is before it, µs
	late   uint64                // counted so far
}

// heldEvent is an event that was told, and of which a late position may yet make something else. Once none can come any more, it is a row for views.
type heldEvent struct {
	number uint64 // in the table fence_events
	until  int64
	row    []value.Value
}

// Places of a row of fence_events, as sql.FenceEvents has them.
const (
	eventDevice = iota
	eventFence
	eventKind
	eventTs
	eventLat
	eventLon
	eventSpeed
	eventDwell
	eventStream
	eventID
)

// toldEvent is an event for viewers.
type toldEvent struct {
	row                 []value.Value
	replaces, withdrawn string
}

func (p *partition) newWatch(def *plan.Stream) *fenceWatch {
	return &fenceWatch{def: def, held: map[string]*heldEvent{}, next: math.MaxInt64, oldest: math.MaxInt64, engine: fence.New(fence.Config{
		LostAfter: p.cfg.Fences.LostAfter, Forget: p.cfg.Fences.Forget, Pending: p.cfg.Fences.MaxPending})}
}

// adoptFences takes over the fences in force, and the streams that have positions.
func (p *partition) adoptFences(t *turn) error {
	if p.fences == nil {
		return nil
	}
	now := p.fences.current.Load()
	if now == p.edition && p.watchedPlan == p.plan.Version {
		return nil
	}
	for id, w := range p.watches {
		if s := p.streams[id]; s == nil || s.def.Position == nil {
			delete(p.watches, id)
			p.fences.where.forget(w.def.Name)
		}
	}
	for id, s := range p.streams {
		if s.def.Position == nil {
			continue
		}
		w := p.watches[id]
		if w == nil {
			w = p.newWatch(s.def)
			p.watches[id] = w
		}
		if set := now.of(s.def.Name); w.set != set || p.edition == nil {
			w.set = set
			if err := p.tellAll(t, w, p.edition, w.engine.Use(set, now.at, nil)); err != nil {
				return err
			}
		}
	}
	t.fenced = now != p.edition
	p.edition, p.watchedPlan = now, p.plan.Version
	return nil
}

// restoreFences brings devices and what was told of them back. What the fences' edits did since comes with the first turn.
func (p *partition) restoreFences() error {
	if p.fences == nil {
		return nil
	}
	var err error
	if p.entries[state.TableFences], err = p.store.LastEntry(state.TableFences, p.id); err != nil {
		return err
	}
	now := p.fences.current.Load()
	for id, s := range p.streams {
		if s.def.Position == nil {
			continue
		}
		w := p.newWatch(s.def)
		p.watches[id] = w
		w.engine.Use(now.of(s.def.Name), now.at, nil)
		if mark := s.output(); mark > dawn {
			w.engine.Resume(floorMs(mark))
		}
		var list []moved
		err := p.store.Devices(p.id, id, func(device string, stored []byte) error {
			if err := w.engine.Restore(device, stored); err != nil {
				return err
			}
			if in := w.engine.In(device, nil); len(in) > 0 {
				list = append(list, moved{deviceOf{s.def.Name, keyText([]byte(device))}, in})
			}
			return nil
		})
		if err == nil {
			err = p.store.Moves(p.id, id, w.engine.Relive)
		}
		if err != nil {
			return fmt.Errorf("stream %s at fences: %w", s.def.Name, err)
		}
		p.fences.where.take(list)
		err = p.store.FenceEvents(p.id, id, func(event string, stored []byte) error {
			h, err := readHeld(stored)
			if err == nil {
				w.hold(event, h)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("stream %s at fences: %w", s.def.Name, err)
		}
	}
	return nil
}

func floorMs(us int64) int64 {
	if us < 0 {
		us -= 999
	}
	return us / 1000
}

// observed takes a position to the fences: it is looked at when the batch's others are (look).
func (p *partition) observed(def *plan.Stream, key []byte, row []value.Value, us int64) {
	w := p.watches[def.Id]
	if w == nil || w.set == nil || w.set.Len() == 0 && w.engine.Devices() == 0 {
		return
	}
	lat, lon, speed, ok := placeOf(def.Position, row)
	if !ok {
		return
	}
	f := fence.Fix{Device: string(key), At: floorMs(us), Lat: lat, Lon: lon, Speed: math.NaN()}
	if !speed.IsNull() {
		f.Speed = speed.Float()
	}
	w.fixes = append(w.fixes, f)
}

// look lets the fences see the positions of a batch.
func (p *partition) look(t *turn, stream uint32) error {
	w := p.watches[stream]
	if w == nil || len(w.fixes) == 0 {
		return nil
	}
	p.happened = w.engine.Observe(w.fixes, p.happened[:0])
	clear(w.fixes)
	w.fixes = w.fixes[:0]
	return p.tellAll(t, w, p.edition, p.happened)
}

// advanceFences lets what happens by waiting happen, hands on what is settled, and keeps what changed.
func (p *partition) advanceFences(t *turn) error {
	for id, w := range p.watches {
		mark := p.streams[id].output()
		if mark > dawn {
			p.happened = w.engine.Advance(floorMs(mark), p.happened[:0])
			if err := p.tellAll(t, w, p.edition, p.happened); err != nil {
				return err
			}
			p.settle(t, w, floorMs(mark))
		}
		w.engine.Changed(func(device string, state []byte) { t.tx.Device(p.id, id, device, state) },
			func(number uint64, entry []byte) { t.tx.Moves(p.id, id, number, entry) })
		p.m.fenceLate.Add(float64(w.engine.Late - w.late))
		w.late = w.engine.Late
	}
	if mark := p.eventsBefore(time.Minute); mark > dawn {
		p.outputs[plan.FenceEvents] = mark
	}
	return nil
}

// settle makes rows of the events that no position can change any more.
func (p *partition) settle(t *turn, w *fenceWatch, mark int64) {
	if mark <= w.next {
		return
	}
	type settled struct {
		id  string
		row []value.Value
	}
	var list []settled
	w.next, w.oldest = math.MaxInt64, math.MaxInt64
	for id, h := range w.held {
		if h.until < mark {
			list = append(list, settled{id, h.row})
			delete(w.held, id)
		} else {
			w.next, w.oldest = min(w.next, h.until), min(w.oldest, h.row[eventTs].Int())
		}
	}
	slices.SortFunc(list, func(a, b settled) int {
		return cmp.Or(cmp.Compare(a.row[eventTs].Int(), b.row[eventTs].Int()), cmp.Compare(a.id, b.id))
	})
	for _, e := range list {
		us := e.row[eventTs].Int()
		t.tx.FenceEvent(p.id, w.def.Id, e.id, nil)
		p.made(t, plan.FenceEvents, us, e.row)
		p.judge(t, plan.FenceEvents, us, string(value.Append(value.Append(nil, e.row[eventDevice]), e.row[eventFence])), e.row)
	}
}

// eventsBefore is the time before which no row of fence_events comes any more, but of a device that turned at a border and was silent for longer than patience.
func (p *partition) eventsBefore(patience time.Duration) int64 {
	mark := int64(math.MaxInt64)
	for id, w := range p.watches {
		mark = min(mark, p.streams[id].output(), w.oldest)
		if at := w.engine.Undecided(patience); at < math.MaxInt64 {
			mark = min(mark, at*1000)
		}
	}
	if mark == math.MaxInt64 {
		return dawn // there is no stream with positions
	}
	return mark
}

func (w *fenceWatch) hold(id string, h *heldEvent) {
	w.held[id] = h
	w.next, w.oldest = min(w.next, h.until), min(w.oldest, h.row[eventTs].Int())
}

// tellAll makes rows, points and messages of what happened, by the fences as they were then.
func (p *partition) tellAll(t *turn, w *fenceWatch, ed *edition, events []fence.Event) error {
	for i := range events {
		e := &events[i]
		if ed != nil {
			if f := ed.features[e.Fence]; f != nil && !f.Tells(e.Kind) {
				continue
			}
		}
		if err := p.tell(t, w, e); err != nil {
			return err
		}
	}
	for i := range events { // whatever is told of them
		if i == 0 || events[i].Device != events[i-1].Device {
			device := deviceOf{w.def.Name, keyText([]byte(events[i].Device))}
			t.moved = append(t.moved, moved{device, w.engine.In(events[i].Device, nil)})
		}
	}
	return nil
}

func (p *partition) tell(t *turn, w *fenceWatch, e *fence.Event) error {
	row := eventRow(w.def, e)
	told := toldEvent{row: row}
	p.m.fenceEvents.WithLabelValues(string(e.Kind)).Inc()
	if e.Withdrawn {
		told.withdrawn = e.ID
		p.takeBack(t, w, e.ID)
		t.events = append(t.events, told)
		return nil
	}
	h := &heldEvent{until: max(e.At, w.engine.Newest(e.Device)), row: row}
	if old := w.held[e.Replaces]; old != nil {
		h.number = old.number
		told.replaces = idOf(w.def, e.Replaces)
		if e.Replaces != e.ID {
			old.number = 0
			p.takeBack(t, w, e.Replaces)
		}
	}
	p.afterFinal(tableID(state.TableFences), sql.FenceEvents.Name, row[eventTs].Int())
	if h.number == 0 {
		h.number = p.nextEntry(state.TableFences)
	}
	t.tx.Entry(state.TableFences, p.id, h.number, value.AppendRow(nil, row))
	w.hold(e.ID, h)
	t.tx.FenceEvent(p.id, w.def.Id, e.ID, h.append(nil))
	p.effect(t, eventPoint(row, false))
	t.events = append(t.events, told)
	return nil
}

// takeBack deletes an event that proved wrong.
func (p *partition) takeBack(t *turn, w *fenceWatch, id string) {
	h := w.held[id]
	if h == nil {
		return
	}
	if h.number > 0 {
		t.tx.DropEntry(state.TableFences, p.id, h.number)
	}
	delete(w.held, id)
	t.tx.FenceEvent(p.id, w.def.Id, id, nil)
	p.effect(t, eventPoint(h.row, true))
}

// effect queues a point for the history store.
func (p *partition) effect(t *turn, point []byte) {
	if p.sink == nil {
		return
	}
	p.effects++
	t.effects++
	t.tx.Effect(p.id, p.effects, point)
}

// idOf tells events of two streams apart.
func idOf(def *plan.Stream, id string) string { return id + "@" + def.Name }

func eventRow(def *plan.Stream, e *fence.Event) []value.Value {
	row := make([]value.Value, len(sql.FenceEvents.Columns))
	row[eventDevice], row[eventFence], row[eventKind] = value.OfString(keyText([]byte(e.Device))), value.OfString(e.Fence), value.OfString(string(e.Kind))
	row[eventTs], row[eventLat], row[eventLon] = value.OfTime(e.At*1000), value.OfDouble(e.Lat), value.OfDouble(e.Lon)
	if !math.IsNaN(e.Speed) {
		row[eventSpeed] = value.OfDouble(e.Speed)
	}
	if e.Kind != fence.Enter && e.Kind != fence.Cross {
		row[eventDwell] = value.OfDouble(e.Inside.Seconds())
	}
	row[eventStream], row[eventID] = value.OfString(def.Name), value.OfString(idOf(def, e.ID))
	return row
}

// eventPoint is a point of measurement fence_events: its place among others is fence, kind, device, stream and time.
func eventPoint(row []value.Value, retracted bool) []byte {
	pair := func(i int) influx.Pair { return influx.Pair{Name: sql.FenceEvents.Columns[i].Name, Value: row[i]} }
	point := influx.Point{Measurement: sql.FenceEvents.Name, TimeUs: row[eventTs].Int(),
		Tags:   []influx.Pair{pair(eventDevice), pair(eventFence), pair(eventKind), pair(eventStream)},
		Fields: []influx.Pair{pair(eventLat), pair(eventLon), pair(eventSpeed), pair(eventDwell), pair(eventID), {Name: "retracted", Value: value.OfBool(retracted)}}}
	return point.Line()
}

func (h *heldEvent) append(dst []byte) []byte {
	return value.AppendRow(binary.AppendVarint(binary.AppendUvarint(dst, h.number), h.until), h.row)
}

func readHeld(stored []byte) (*heldEvent, error) {
	h := &heldEvent{row: make([]value.Value, len(sql.FenceEvents.Columns))}
	var n, m int
	if h.number, n = binary.Uvarint(stored); n <= 0 {
		return nil, value.ErrCorrupt
	}
	if h.until, m = binary.Varint(stored[n:]); m <= 0 {
		return nil, value.ErrCorrupt
	}
	_, err := value.ReadRow(stored[n+m:], h.row)
	return h, err
}

var eventColumns = []live.Column{{Name: "id", Kind: value.String}, {Name: "fence", Kind: value.String}, {Name: "device", Kind: value.String},
	{Name: "stream", Kind: value.String}, {Name: "kind", Kind: value.String}, {Name: "ts", Kind: value.Timestamp}, {Name: "lat", Kind: value.Double},
	{Name: "lon", Kind: value.Double}, {Name: "speed_kmh", Kind: value.Double}, {Name: "dwell_s", Kind: value.Double}, {Name: "replaces", Kind: value.String},
	{Name: "withdrawn", Kind: value.Bool}}

// keptEvents is how many of the newest events fences:* gives who subscribes to it, and keptOfFence one fence's topic, of which there are thousands.
const (
	keptEvents  = 500
	keptOfFence = 20
)

// fenceEvents gives viewers events: all of them, and those of each fence.
func (l *publisher) fenceEvents(events []toldEvent) {
	if len(events) == 0 {
		return
	}
	all := make([]live.Row, 0, len(events))
	by := map[string][]live.Row{}
	for _, e := range events {
		r := e.row
		replaces := value.Value{}
		if e.replaces != "" {
			replaces = value.OfString(e.replaces)
		}
		row := live.Row{Key: r[eventID].Str(), Order: r[eventTs].Int(), Lat: r[eventLat].Float(), Lon: r[eventLon].Float(), Placed: true,
			Values: []value.Value{r[eventID], r[eventFence], r[eventDevice], r[eventStream], r[eventKind], r[eventTs], r[eventLat], r[eventLon], r[eventSpeed],
				r[eventDwell], replaces, value.OfBool(e.withdrawn != "")}}
		all = append(all, row)
		by[r[eventFence].Str()] = append(by[r[eventFence].Str()], row)
	}
	l.keep("fences:*", all, keptEvents)
	for id, rows := range by {
		l.keep("fences:"+id, rows, keptOfFence)
	}
}

func (l *publisher) keep(name string, rows []live.Row, most int) {
	topic := l.hub.Topic(name, eventColumns, false)
	topic.Put(rows, 0, false)
	topic.Trim(most)
}
