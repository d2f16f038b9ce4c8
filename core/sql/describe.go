package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

var text = value.Type{Kind: value.String}

// Describe lists the columns of a stream, table, view or pattern: name, type, and what else is to know of each; of an alert it tells the parts.
func Describe(p *plan.Plan, name Ident, tables ...Relation) (r Result, err error) {
	defer catch(&err)
	r.Columns = []Column{{"column", text}, {"type", text}, {"note", text}}
	row := func(c Column, notes ...string) {
		r.Rows = append(r.Rows, texts(c.Name, c.Type.String(), strings.Join(notes, ", ")))
	}
	if s, ok := findNamed(p.GetStreams(), name); ok {
		for i, c := range StreamRelation(s).Columns {
			row(c, streamNotes(s, i)...)
		}
		return r, nil
	}
	if v, ok := findNamed(p.GetViews(), name); ok {
		for i, c := range ViewRelation(v).Columns {
			var notes []string
			if i < len(v.OutputExprs) {
				if key, ok := v.OutputExprs[i].Node.(*plan.Expr_Column); ok && int(key.Column) < len(v.Keys) {
					notes = []string{"key"}
				}
			}
			row(c, notes...)
		}
		return r, nil
	}
	if d, ok := findNamed(p.GetPatterns(), name); ok {
		for i, c := range PatternRelation(d).Columns {
			if i < len(d.Outputs) && PatternKey(d, i) >= 0 {
				row(c, "key")
			} else {
				row(c)
			}
		}
		return r, nil
	}
	if a, ok := findNamed(p.GetAlerts(), name); ok {
		return describeAlert(p, a), nil
	}
	if t, ok := findNamed(p.GetTables(), name); ok {
		for i, c := range TableRelation(t).Columns {
			var notes []string
			if t.Columns[i].Key {
				notes = append(notes, "key")
			}
			if path := t.Columns[i].Path; path != "" {
				notes = append(notes, "path "+writtenPath(path))
			}
			row(c, notes...)
		}
		return r, nil
	}
	if q, ok := findNamed(p.GetQueries(), name); ok {
		for _, c := range q.Columns {
			r.Rows = append(r.Rows, texts(c.Name, c.Type.Value().String(), ""))
		}
		return r, nil
	}
	names := append(append(namesOf(p.GetStreams()), namesOf(p.GetQueries())...), namesOf(p.GetViews())...)
	names = append(append(names, namesOf(p.GetPatterns())...), namesOf(p.GetAlerts())...)
	for _, t := range tables {
		if name.Is(t.Name) {
			for _, c := range t.Columns {
				row(c)
			}
			return r, nil
		}
		names = append(names, t.Name)
	}
	fail(name.Pos, "no stream, view, pattern, alert or table `%s`%s", name.Name, didYouMean(name.Name, names))
	return r, nil
}

func streamNotes(s *plan.Stream, i int) []string {
	var notes []string
	note := func(is bool, what string) {
		if is {
			notes = append(notes, what)
		}
	}
	c := s.Columns[i]
	note(c.Key, "key")
	note(c.Path != "", "path "+writtenPath(c.Path))
	note(strings.Contains("/"+s.Topic+"/", "/{"+c.Name+"}/"), "from the topic")
	note(int(s.Timestamp) == i, "event time")
	if at := s.Position; at != nil {
		note(int(at.Lat) == i, "latitude")
		note(int(at.Lon) == i, "longitude")
		note(int(at.Speed) == i, "speed")
		note(int(at.Heading) == i, "heading")
	}
	note(s.Dedupe == "sequence:"+c.Name, "sequence")
	return notes
}

// List answers SHOW STREAMS, SHOW TABLES, SHOW VIEWS, SHOW PATTERNS and SHOW ALERTS; SHOW EDGES is not the plan's to answer, and ok is false.
func List(p *plan.Plan, st *Show) (r Result, ok bool) {
	switch st.What {
	case "STREAMS":
		r.Columns = []Column{{"name", text}, {"topic", text}, {"format", text}, {"sql", text}}
		for _, s := range p.GetStreams() {
			if !s.Table {
				r.Rows = append(r.Rows, texts(s.Name, s.Topic, s.Format, s.Sql))
			}
		}
		for _, q := range p.GetQueries() {
			r.Rows = append(r.Rows, texts(q.Name, "", "", q.Sql))
		}
	case "TABLES":
		r.Columns = []Column{{"name", text}, {"file", text}, {"format", text}, {"rows", value.Type{Kind: value.Int}}, {"sql", text}}
		for _, t := range p.GetTables() {
			r.Rows = append(r.Rows, append(texts(t.Name, t.File, t.Format), value.OfInt(int64(t.Rows)), value.OfString(t.Sql)))
		}
		for _, s := range p.GetStreams() {
			if s.Table {
				r.Rows = append(r.Rows, append(texts(s.Name, s.Topic, s.Format), value.Value{}, value.OfString(s.Sql)))
			}
		}
	case "VIEWS":
		r.Columns = []Column{{"name", text}, {"stream", text}, {"window", text}, {"sql", text}}
		for _, v := range p.GetViews() {
			r.Rows = append(r.Rows, texts(v.Name, SourceName(p, v), windowText(v), v.Sql))
		}
	case "PATTERNS":
		r.Columns = []Column{{"name", text}, {"stream", text}, {"key", text}, {"within", text}, {"sql", text}}
		for _, d := range p.GetPatterns() {
			r.Rows = append(r.Rows, texts(d.Name, PatternSource(p, d), strings.Join(namesOf(d.Keys), ", "), withinText(d), d.Sql))
		}
	case "ALERTS":
		return listAlerts(p), true
	default:
		return r, false
	}
	return r, true
}

func texts(list ...string) []value.Value {
	row := make([]value.Value, len(list))
	for i, s := range list {
		row[i] = value.OfString(s)
	}
	return row
}
