package sql

import (
	"path"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// tableOptions are what CREATE TABLE … WITH (…) may say, and tableFormats what its files may be.
var (
	tableOptions = []string{"file", "format"}
	tableFormats = []string{"csv", "json", "parquet"}
)

// TableRelation is a table's columns.
func TableRelation(t *plan.Table) Relation {
	return Relation{Name: t.Name, Columns: columnsOf(t.Columns)}
}

func columnsOf(list []*plan.Column) []Column {
	columns := make([]Column, len(list))
	for i, c := range list {
		columns[i] = Column{c.Name, c.Type.Value()}
	}
	return columns
}

// planTable checks a CREATE TABLE and gives its definition, without an id and without contents.
func planTable(st *CreateTable) *plan.Table {
	s := &scope{Relation: Relation{Name: st.Name.Name}}
	def := &plan.Table{Name: st.Name.Name, Sql: st.Source()}
	keyed := false
	for _, c := range st.Columns {
		if s.find(Ident{Name: c.Name.Name}) >= 0 {
			fail(c.Name.Pos, "column `%s` is declared twice", c.Name.Name)
		}
		s.Columns = append(s.Columns, Column{c.Name.Name, c.Type})
		def.Columns = append(def.Columns, &plan.Column{Name: c.Name.Name, Type: planType(c.Type), Key: c.Key, Path: jsonPath(c)})
		keyed = keyed || c.Key
	}
	if !keyed {
		fail(st.Name.Pos, "table %s has no key to find its rows by: write KEY behind a column", st.Name.Name)
	}
	o := namedOptions(st.Options, tableOptions, nil)
	file, ok := o["file"]
	if !ok || strings.TrimSpace(file.Value) == "" {
		fail(st.Name.Pos, "table %s has no file and no topic: WITH (file = 'districts.csv')", st.Name.Name)
	}
	def.File = strings.TrimSpace(file.Value)
	if path.IsAbs(def.File) || slices.Contains(strings.Split(def.File, "/"), "..") || strings.ContainsAny(def.File, "\x00\\") {
		fail(file.ValuePos, "'%s': a table's file lies in the core's directory of tables (tables.dir), and is named from there", shorten(def.File))
	}
	def.Format = o.word("format", strings.ToLower(strings.TrimPrefix(path.Ext(def.File), ".")))
	if def.Format == "ndjson" || def.Format == "jsonl" {
		def.Format = "json"
	}
	if !slices.Contains(tableFormats, def.Format) {
		at := file.ValuePos
		if opt, said := o["format"]; said {
			at = opt.ValuePos
		}
		fail(at, "a table's file is csv, json or parquet, not '%s'; say which: format = 'csv'", shorten(def.Format))
	}
	for _, c := range st.Columns {
		if def.Format != "json" && c.PathPos != (Pos{}) {
			fail(c.PathPos, "PATH is for JSON; columns of CSV and Parquet go by their names")
		}
	}
	return def
}

// createTopicTable is CREATE TABLE … WITH (topic = …): a stream of which the newest row of each key counts.
func createTopicTable(p *plan.Plan, st *CreateTable) (string, bool) {
	old, exists := findNamed(p.Streams, st.Name)
	if exists && keep(st.Create, "table", old.Name, old.Sql, st.Source()) {
		return "table " + old.Name + " exists already", false
	}
	def := planTopicTable(st)
	if exists {
		built(p, st.Name.Pos, "table "+old.Name+" cannot be replaced", old.Id)
	} else if len(p.Streams) == maxDefined {
		fail(st.Name.Pos, "there are %d streams and tables already; no more fit", maxDefined)
	}
	def.Id = nextID(p)
	p.Streams = put(p.Streams, def)
	return "table " + def.Name + verb(exists), true
}

func planTopicTable(st *CreateTable) *plan.Stream {
	def := planStream(&CreateStream{origin: st.origin, Create: st.Create, Columns: st.Columns, Options: st.Options})
	if !slices.ContainsFunc(def.Columns, func(c *plan.Column) bool { return c.Key }) {
		fail(st.Name.Pos, "table %s has no key to find its rows by: write KEY behind a column", st.Name.Name)
	}
	def.Table = true
	return def
}

// fromTopic reports that a table's rows come from devices.
func fromTopic(st *CreateTable) bool {
	return slices.ContainsFunc(st.Options, func(o Option) bool { return o.Name.Is("topic") })
}

func createTable(p *plan.Plan, st *CreateTable) (string, bool) {
	free(p, st.Create, "table")
	if fromTopic(st) {
		if t, ok := findNamed(p.Tables, st.Name); ok {
			fail(st.Name.Pos, "table %s is read from a file; DROP TABLE first", t.Name)
		}
		return createTopicTable(p, st)
	}
	if s, ok := findNamed(p.Streams, st.Name); ok {
		fail(st.Name.Pos, "table %s is read from a topic; DROP TABLE first", s.Name)
	}
	old, exists := findNamed(p.Tables, st.Name)
	if exists && keep(st.Create, "table", old.Name, old.Sql, st.Source()) {
		return "table " + old.Name + " exists already", false
	}
	def := planTable(st)
	if exists {
		if views := viewsJoining(p, old.Id); len(views) > 0 {
			fail(st.Name.Pos, "table %s cannot be replaced: %s on it; DROP VIEW first (new contents need no new definition: change the file)", old.Name, readers("view", views))
		}
	} else if len(p.Tables) == maxDefined {
		fail(st.Name.Pos, "there are %d tables already; no more fit", maxDefined)
	}
	def.Id = nextID(p)
	p.Tables = put(p.Tables, def)
	return "table " + def.Name + verb(exists), true
}

func dropTable(p *plan.Plan, st *Drop) (string, bool) {
	if s, ok := findNamed(p.Streams, st.Name); ok && s.Table {
		built(p, st.Name.Pos, "table "+s.Name+" cannot be dropped", s.Id)
		p.Streams = without(p.Streams, s)
		return "table " + s.Name + " dropped", true
	}
	t, ok := findNamed(p.Tables, st.Name)
	if !ok {
		return missing(st, "table", namesOf(p.Tables)), false
	}
	built(p, st.Name.Pos, "table "+t.Name+" cannot be dropped", t.Id)
	if views := viewsJoining(p, t.Id); len(views) > 0 {
		fail(st.Name.Pos, "table %s cannot be dropped: %s on it; DROP VIEW first", t.Name, readers("view", views))
	}
	p.Tables = without(p.Tables, t)
	return "table " + t.Name + " dropped", true
}

func viewsJoining(p *plan.Plan, table uint32) []string {
	var names []string
	for _, v := range p.Views {
		if slices.ContainsFunc(plan.Sides(v), func(s *plan.View) bool {
			return slices.ContainsFunc(s.Joins, func(j *plan.Join) bool { return j.Table == table })
		}) {
			names = append(names, v.Name)
		}
	}
	return names
}
