package sql

import "strings"

// statementWords are what a statement can begin with.
var statementWords = []string{"CREATE", "DROP", "SHOW", "LIST", "DESCRIBE", "EXPLAIN", "INSERT", "SELECT"}

func (p *parser) statement() Statement {
	start, at := p.tok.start, p.tok.pos
	from := func() origin { return origin{text: strings.TrimSpace(p.src[start:p.last]), at: at} }
	switch {
	case p.isWords("CREATE"):
		return p.create(from)
	case p.accept("DROP"):
		d := &Drop{Kind: p.definable()}
		d.IfExists = p.accept("IF", "EXISTS")
		d.Name = p.name("a name")
		d.origin = from()
		return d
	case p.accept("SHOW"), p.accept("LIST"):
		s := &Show{What: p.oneOf("STREAMS", "TABLES", "VIEWS", "EDGES", "PATTERNS", "ALERTS")}
		s.origin = from()
		return s
	case p.accept("DESCRIBE"):
		d := &DescribeStatement{Name: p.name("the name of a stream, table, view, pattern or alert")}
		d.origin = from()
		return d
	case p.accept("EXPLAIN"):
		return p.explain(from)
	case p.accept("INSERT"):
		return p.insert(from)
	case p.isWords("SELECT"):
		s := p.query()
		s.origin = from()
		return s
	}
	fail(at, "expected a statement (%s …), found %s%s", strings.Join(statementWords, ", "), p.tok, didYouMean(p.tok.text, statementWords))
	return nil
}

// definable takes what can be created and dropped.
func (p *parser) definable() string { return p.oneOf("STREAM", "TABLE", "VIEW", "PATTERN", "ALERT") }

func (p *parser) create(from func() origin) Statement {
	p.expect("CREATE")
	var c Create
	c.OrReplace = p.accept("OR", "REPLACE")
	kind := p.definable()
	if p.accept("IF") {
		p.expect("NOT", "EXISTS")
		c.IfNotExists = true
	}
	c.Name = p.name("a name for the " + strings.ToLower(kind))
	switch kind {
	case "STREAM":
		s := p.streamBody(c)
		s.origin = from()
		return s
	case "TABLE":
		t := p.tableBody(c)
		t.origin = from()
		return t
	case "PATTERN":
		st := p.patternBody(c)
		st.origin = from()
		st.Query.origin = st.origin
		return st
	case "ALERT":
		st := p.alertBody(c)
		st.origin = from()
		return st
	}
	p.expect("AS")
	v := &CreateView{Create: c, Query: p.query()}
	v.origin = from()
	v.Query.origin = v.origin
	return v
}

func (p *parser) explain(from func() origin) Statement {
	e := &Explain{}
	switch {
	case p.isWords("SELECT"), p.isWords("CREATE"):
		e.Statement = p.statement()
	default:
		name := p.name("a name, SELECT or CREATE")
		e.Name = &name
	}
	e.origin = from()
	return e
}

// insert reads VALUES as expressions; InsertRows gives them types.
func (p *parser) insert(from func() origin) Statement {
	p.expect("INTO")
	s := &Insert{Stream: p.name("the name of a stream")}
	if p.acceptMark("(") {
		s.Columns = list(p, maxColumns, "columns", func() Ident { return p.name("a column") })
		p.expectMark(")")
	}
	p.expect("VALUES")
	s.Rows = list(p, maxList, "rows", func() []Expr {
		p.expectMark("(")
		row := list(p, maxColumns, "values", p.expr)
		p.expectMark(")")
		return row
	})
	s.origin = from()
	return s
}
