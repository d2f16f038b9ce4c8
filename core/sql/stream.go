package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// planStream checks a CREATE STREAM and gives its definition, without an id.
func planStream(st *CreateStream) *plan.Stream {
	s := &scope{Relation: Relation{Name: st.Name.Name}}
	def := &plan.Stream{Name: st.Name.Name, Sql: st.Source()}
	keyed := false
	for _, c := range st.Columns {
		if s.find(Ident{Name: c.Name.Name}) >= 0 {
			fail(c.Name.Pos, "column `%s` is declared twice", c.Name.Name)
		}
		if c.Type.Kind == value.Cell {
			fail(c.Name.Pos, "column `%s`: a CELL is what h3(lat, lon, resolution) gives; devices send STRINGs", c.Name.Name)
		}
		s.Columns = append(s.Columns, Column{c.Name.Name, c.Type})
		def.Columns = append(def.Columns, &plan.Column{Name: c.Name.Name, Type: planType(c.Type), Key: c.Key, Path: jsonPath(c)})
		keyed = keyed || c.Key
	}
	o := readOptions(st.Options)
	def.Topic = topic(o, s, st)
	def.Format = o.format()
	def.Timestamp = int32(o.timestamp(s))
	def.DisorderUs = o.disorder()
	def.Position = o.position(s, keyed)
	def.Dedupe = o.dedupe(s)
	if def.Overflow = o.overflow(); def.Position == nil && o["overflow"] != (Option{}) {
		fail(o["overflow"].ValuePos, "overflow is about rows, and stream %s forwards none: it has no position", s.Name)
	}
	return def
}

// jsonPath takes the "$." off; * is any one key, ['key'] a key with any characters, [n] an element.
func jsonPath(c ColumnDef) string {
	if c.PathPos == (Pos{}) {
		return ""
	}
	path, ok := strings.CutPrefix(c.Path, "$")
	dotted := strings.HasPrefix(path, ".")
	if !ok || !dotted && !strings.HasPrefix(path, "['") && !strings.HasPrefix(path, `["`) {
		fail(c.PathPos, "a path is like '$.a.b', '$.*.b' (* is any one key), '$.a[0]' or '$[\"a/b\"]', not '%s'", shorten(c.Path))
	}
	if path = strings.TrimPrefix(path, "."); !strings.ContainsAny(path, "[]\"") {
		for _, key := range strings.Split(path, ".") {
			if key == "" {
				fail(c.PathPos, "the path '%s' has an empty key", shorten(c.Path))
			}
		}
	}
	if err := payload.CheckPath(path); err != nil || dotted && strings.HasPrefix(path, "[") {
		fail(c.PathPos, "'%s' is no path: want keys like a.b, *, [0] or [\"a/b\"]", shorten(c.Path))
	}
	return path
}

// writtenPath is jsonPath's path as it is written.
func writtenPath(path string) string {
	if strings.HasPrefix(path, "[") {
		return "$" + path
	}
	return "$." + path
}

// topic checks the template and writes its {names} as the columns are written.
func topic(o options, s *scope, st *CreateStream) string {
	opt, ok := o["topic"]
	if !ok || opt.Value == "" {
		at := st.Name.Pos
		if ok {
			at = opt.ValuePos
		}
		fail(at, "stream %s has no topic: WITH (topic = 'city/{device}/position')", st.Name.Name)
	}
	if strings.ContainsRune(opt.Value, 0) || len(opt.Value) > 65535 {
		fail(opt.ValuePos, "no MQTT topic has a NUL or more than 65535 bytes")
	}
	levels := strings.Split(opt.Value, "/")
	seen := map[int]bool{}
	for i, level := range levels {
		switch {
		case level == "+", level == "#" && i == len(levels)-1:
		case level == "#":
			fail(opt.ValuePos, "# may only be the last level of a topic")
		case strings.HasPrefix(level, "{") && strings.HasSuffix(level, "}"):
			c := s.option(opt, level[1:len(level)-1])
			if seen[c] {
				fail(opt.ValuePos, "the topic fills column `%s` twice", s.Columns[c].Name)
			}
			seen[c] = true
			levels[i] = "{" + s.Columns[c].Name + "}"
		case strings.ContainsAny(level, "{}+#"):
			fail(opt.ValuePos, "`%s`: {column}, + and # stand for a whole level of the topic", shorten(level))
		}
	}
	return strings.Join(levels, "/")
}
