package core

import (
	"context"
	"errors"
	"math"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

type object = map[string]any

// Page is what the dashboard needs to start: where to look, and the first view that has a cell and a number to colour it by.
func (c *Core) Page() any {
	p := c.catalog.plan()
	page := object{"title": c.cfg.Map.Title, "center": []float64{c.cfg.Map.Lon, c.cfg.Map.Lat}, "zoom": c.cfg.Map.Zoom,
		"basemap": nil, "heat": nil, "version": c.version}
	if c.cfg.Map.Basemap != "" {
		page["basemap"] = "/api/v1/basemap"
	}
	positions := []string{}
	for _, s := range p.Streams {
		if s.Position != nil {
			positions = append(positions, s.Name)
		}
	}
	page["position_streams"] = positions
	for _, v := range p.Views {
		if heat := heatOf(v); heat != nil {
			page["heat"] = heat
			break
		}
	}
	return page
}

// heatOf prefers a measured number over a count.
func heatOf(v *plan.View) object {
	var cellName, number, count string
	for i, c := range v.Outputs {
		switch k := value.Kind(c.Type.GetKind()); {
		case k == value.Cell && cellName == "":
			cellName = c.Name
		case isKey(v, i):
		case k == value.Double && number == "":
			number = c.Name
		case k.Numeric() && count == "":
			count = c.Name
		}
	}
	if number == "" {
		number = count
	}
	if cellName == "" || number == "" {
		return nil
	}
	return object{"view": v.Name, "cell": cellName, "value": number}
}

// Basemap is the path of the GeoJSON file configured.
func (c *Core) Basemap() string { return c.cfg.Map.Basemap }

func columnsOf(r sql.Relation) []object {
	list := make([]object, len(r.Columns))
	for i, col := range r.Columns {
		list[i] = object{"name": col.Name, "type": col.Type.String()}
	}
	return list
}

// Streams gives the streams and where their watermarks stand.
func (c *Core) Streams() any {
	list := []object{}
	for _, s := range c.catalog.plan().Streams {
		var keys []string
		for _, col := range s.Columns {
			if col.Key {
				keys = append(keys, col.Name)
			}
		}
		o := object{"name": s.Name, "topic": s.Topic, "format": s.Format, "disorder_ms": s.DisorderUs / 1000, "sql": s.Sql, "keys": keys,
			"columns": columnsOf(sql.StreamRelation(s)), "position": s.Position != nil, "watermark": c.watermarkText(s.Id)}
		if len(keys) > 0 {
			o["key"] = keys[0]
		}
		if t := c.hub.Lookup("positions:" + s.Name); t != nil {
			o["devices"] = t.Len()
		}
		list = append(list, o)
	}
	return object{"streams": list}
}

// Views gives the views and where their watermarks stand.
func (c *Core) Views() any {
	p := c.catalog.plan()
	list := []object{}
	for _, v := range p.Views {
		list = append(list, object{"name": v.Name, "stream": sql.SourceName(p, v), "sql": v.Sql, "columns": columnsOf(sql.ViewRelation(v)),
			"window_s": float64(v.WindowUs) / 1e6, "advance_s": float64(v.AdvanceUs) / 1e6, "gap_s": float64(v.GapUs) / 1e6, "grace_s": float64(v.GraceUs) / 1e6, "retention_s": float64(v.RetentionUs) / 1e6,
			"emit_final": v.EmitFinal, "watermark": c.watermarkText(v.Id), "whole_since": sinceText(c.wholeSince(v)), "rollups": c.rollupsOf(v)})
	}
	return object{"views": list}
}

// wholeSince is the time from which on all windows of a view are here, as they are and not in larger ones; math.MinInt64 if none was ever given up.
func (c *Core) wholeSince(v *plan.View) int64 {
	m := c.moment(v)
	since, ok, err := kept{m}.Since(context.Background(), &store.Question{View: v, From: math.MinInt64, To: math.MaxInt64, Step: store.Own})
	if err = errors.Join(err, m.store.Close()); err != nil || !ok {
		c.log.Error("what there is of a view can't be told", "view", v.Name, "error", err)
		return math.MaxInt64 / 2 // nothing is sure to be
	}
	return since
}

// sinceText is null if nothing was ever given up.
func sinceText(us int64) any {
	if us == math.MinInt64 {
		return nil
	}
	return value.FormatTime(us)
}

// rollupsOf gives the sizes of windows that a view is rolled up into, and from when to when there are some, in all partitions.
func (c *Core) rollupsOf(v *plan.View) []object {
	list := []object{}
	for _, l := range c.rollups.Held(v.Id) {
		list = append(list, object{"window_s": float64(l.Size) / 1e6, "from": value.FormatTime(l.From), "to": value.FormatTime(l.To)})
	}
	return list
}

// Edges gives what each edge said last.
func (c *Core) Edges() any {
	list := []object{}
	for _, e := range c.catalog.edges.list() {
		s := e.Stats
		list = append(list, object{"edge": e.Edge, "last_seen": value.FormatTime(e.HeardUs), "epoch": e.Epoch, "plan_version": s.PlanVersion,
			"readings": s.Readings, "rejected": s.Rejected, "duplicates": s.Duplicates, "clients": s.Clients, "outbox_bytes": s.OutboxBytes, "version": s.Version,
			"state": edgeState(s), "disk_free_bytes": s.DiskFreeBytes, "plan_problem": s.PlanProblem})
	}
	return object{"edges": list}
}

// edgeState is "full" while an edge takes nothing in for want of disk; else "ok".
func edgeState(s *wire.Stats) string {
	if s.DiskFull {
		return "full"
	}
	return "ok"
}

// Partitions gives each partition's place.
func (c *Core) Partitions() any {
	p := c.catalog.plan()
	list := []object{}
	for _, part := range c.partitions {
		position, err := c.store.Position(part.id)
		if err != nil {
			c.log.Error("partition's place", "partition", part.id, "error", err)
		}
		watermarks := object{}
		for _, s := range p.Streams {
			if us, ok := part.output(s.Id); ok {
				watermarks[s.Name] = value.FormatTime(us)
			}
		}
		list = append(list, object{"partition": part.id, "sequence": position, "watermarks": watermarks})
	}
	return object{"partitions": list}
}
