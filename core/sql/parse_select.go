package sql

import "strings"

// query: SELECT items FROM name [WINDOW …] [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [LIMIT n] [EMIT …].
// WINDOW may also follow WHERE, and LIMIT follow EMIT, as people write both.
func (p *parser) query() *Select {
	p.expect("SELECT")
	at := p.tok.pos
	distinct := p.accept("DISTINCT")
	s := &Select{Items: list(p, maxColumns, "columns", p.item)}
	for _, i := range s.Items {
		if i.Expr == nil && len(s.Items) > 1 {
			unsupported(i.Pos, "* beside other columns")
		}
	}
	p.expect("FROM")
	p.source(s)
	p.windowAndWhere(s)
	if p.accept("GROUP") {
		p.expect("BY")
		s.GroupBy = list(p, maxKeys, "GROUP BY keys", p.expr)
	}
	if p.accept("HAVING") {
		s.Having = p.expr()
	}
	p.windowAndWhere(s) // only to say that they come too late
	p.tail(s)
	if distinct {
		each(at, s)
	}
	return s
}

// each makes SELECT DISTINCT what it is: a group of each row that is shown.
func each(at Pos, s *Select) {
	if s.GroupBy != nil || s.Having != nil {
		unsupported(at, "DISTINCT beside GROUP BY")
	}
	for _, i := range s.Items {
		if i.Expr == nil {
			fail(i.Pos, "* cannot stand beside DISTINCT; name the columns")
		}
		if _, literal := i.Expr.(*Literal); literal || hasAggregate(i.Expr) {
			fail(i.Pos, "DISTINCT takes columns and expressions over them")
		}
		s.GroupBy = append(s.GroupBy, i.Expr)
	}
}

func (p *parser) item() Item {
	i := Item{Pos: p.tok.pos}
	if p.acceptMark("*") {
		return i
	}
	i.Expr = p.expr()
	if p.accept("AS") {
		name := p.name("a name after AS")
		i.Alias = &name
	} else if p.tok.kind == quotedToken || p.tok.kind == wordToken && !isReserved(p.tok) {
		name := p.name("a name")
		i.Alias = &name
	}
	return i
}

func (p *parser) source(s *Select) {
	if p.isMark("(") {
		p.sub(s)
	} else if p.isWords("TABLE") {
		p.windowTable(s)
	} else if s.From = p.name("the name of a stream or view"); p.isMark("(") {
		fail(p.tok.pos, "no table function `%s`; there is TABLE(TUMBLE(TABLE stream, DESCRIPTOR(time), INTERVAL '10' SECOND)), and HOP", s.From.Name)
	} else {
		s.Shift = p.shift()
	}
	if p.accept("AS") || p.tok.kind == quotedToken || p.tok.kind == wordToken && !isReserved(p.tok) {
		alias := p.name("a name for what is read")
		s.Alias = &alias
	}
	p.joins(s)
	switch {
	case p.isMark(","):
		fail(p.tok.pos, "a second table in FROM is written JOIN table ON …")
	case p.isWords("MATCH_RECOGNIZE") && p.recognizes && p.subs == 0:
		s.Match = p.match()
	case p.isWords("MATCH_RECOGNIZE"):
		fail(p.tok.pos, "MATCH_RECOGNIZE stands in CREATE PATTERN name AS SELECT …; views and SELECTs then read FROM name")
	case p.isWords("PARTITION"):
		unsupported(p.tok.pos, "PARTITION")
	}
}

// sub: (SELECT …).
func (p *parser) sub(s *Select) {
	at := p.tok.pos
	p.expectMark("(")
	if p.subs++; p.subs > maxSubs {
		fail(at, "sub-selects stand in one another more than %d deep", maxSubs)
	}
	s.Sub = p.united()
	s.Sub.at = at
	p.subs--
	p.expectMark(")")
}

// united: SELECT … [UNION ALL SELECT …]….
func (p *parser) united() *Select {
	start, at := p.tok.start, p.tok.pos
	s := p.query()
	s.at = at
	for p.isWords("UNION") {
		at := p.tok.pos
		p.advance()
		if !p.accept("ALL") {
			fail(at, "UNION would have to remember all rows to leave out what it gave; write UNION ALL, or SELECT DISTINCT over it")
		}
		if len(s.More) == maxUnion-1 {
			fail(at, "a UNION ALL of more than %d SELECTs", maxUnion)
		}
		more := p.query()
		more.at = at
		s.More = append(s.More, more)
	}
	s.origin.text = strings.TrimSpace(p.src[start:p.last])
	return s
}

// joins: [INNER] JOIN table [AS alias] ON condition, or LEFT [OUTER] JOIN, any number of them.
func (p *parser) joins(s *Select) {
	for {
		j := Join{Pos: p.tok.pos}
		switch {
		case p.isWords("RIGHT"), p.isWords("FULL"), p.isWords("OUTER"):
			fail(j.Pos, "%s JOIN would give rows that no reading made; there are JOIN and LEFT JOIN", strings.ToUpper(p.tok.text))
		case p.isWords("CROSS"), p.isWords("NATURAL"):
			fail(j.Pos, "%s JOIN: write JOIN table ON, so that the key is named", strings.ToUpper(p.tok.text))
		case p.accept("LEFT"):
			p.accept("OUTER")
			j.Left = true
			p.expect("JOIN")
		case p.accept("INNER"):
			p.expect("JOIN")
		case p.accept("JOIN"):
		default:
			return
		}
		if len(s.Joins) == maxJoins {
			fail(j.Pos, "a view joins at most %d tables", maxJoins)
		}
		j.Table = p.name("the name of a table")
		j.Shift = p.shift()
		if p.accept("AS") || p.tok.kind == quotedToken || p.tok.kind == wordToken && !isReserved(p.tok) {
			alias := p.name("a name for " + j.Table.Name)
			j.Alias = &alias
		}
		if p.isWords("WITHIN") {
			j.Within = p.within()
		}
		p.expect("ON")
		j.On = p.expr()
		s.Joins = append(s.Joins, j)
	}
}

func (p *parser) windowAndWhere(s *Select) {
	for {
		at := p.tok.pos
		switch {
		case p.isWords("WINDOW"), p.isWords("WHERE"):
			word := strings.ToUpper(p.tok.text)
			if s.GroupBy != nil || s.Having != nil {
				fail(at, "%s comes before GROUP BY and HAVING", word)
			}
			if word == "WHERE" && s.Where != nil || word == "WINDOW" && s.Window != nil {
				fail(at, "%s is given twice", word)
			}
			p.advance()
			if word == "WHERE" {
				s.Where = p.expr()
			} else {
				s.Window = p.window()
			}
		default:
			return
		}
	}
}

func (p *parser) tail(s *Select) {
	for {
		at := p.tok.pos
		switch {
		case p.isWords("ORDER") && s.OrderBy == nil:
			p.advance()
			p.expect("BY")
			s.OrderBy = list(p, maxKeys, "ORDER BY keys", p.order)
		case p.isWords("LIMIT") && s.Limit == nil:
			p.advance()
			n := p.integer("the number of rows")
			s.Limit = &n
		case p.isWords("OFFSET") && s.Offset == nil:
			p.advance()
			if p.tok.kind == stringToken || p.isWords("INTERVAL") {
				fail(p.tok.pos, "here OFFSET takes a number of rows; an earlier time is asked for behind the view: FROM %s OFFSET '7d'", s.From.Name)
			}
			n := p.integer("the number of rows to leave out")
			s.Offset = &n
			if !p.accept("ROWS") {
				p.accept("ROW")
			}
		case p.isWords("EMIT") && s.Emit == EmitUnsaid:
			p.advance()
			s.EmitPos = at
			if p.recognizes {
				p.emitOnArrival(s)
				break
			}
			s.Emit = EmitChanges
			if p.oneOf("CHANGES", "FINAL") == "FINAL" {
				s.Emit = EmitFinal
			}
		case p.isWords("UNION") && p.subs == 0 && !p.unites:
			fail(at, "UNION ALL stands in FROM: SELECT … FROM (SELECT … UNION ALL SELECT …)")
		case p.isWords("MATCH_RECOGNIZE"):
			fail(at, "MATCH_RECOGNIZE stands right behind what it reads: FROM stream MATCH_RECOGNIZE (…), and that in CREATE PATTERN")
		case p.isWords("PARTITION"):
			unsupported(at, "PARTITION")
		default:
			return
		}
	}
}

// order sorts NULLs as Postgres and DataFusion do: as if above all values, unless NULLS FIRST or LAST says else.
func (p *parser) order() Order {
	o := Order{Expr: p.expr()}
	if !p.accept("ASC") {
		o.Descending = p.accept("DESC")
	}
	o.NullsFirst = o.Descending
	if p.accept("NULLS") {
		o.NullsFirst = p.oneOf("FIRST", "LAST") == "FIRST"
	}
	return o
}
