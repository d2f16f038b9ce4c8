package sql

import (
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// streamBody: (name TYPE [KEY] [PATH '…'], …) WITH (option = value, …).
func (p *parser) streamBody(c Create) *CreateStream {
	s := &CreateStream{Create: c}
	if p.accept("AS") {
		p.unites = true
		s.Query = p.united()
		p.unites = false
		return s
	}
	s.Columns, s.Options = p.columnsAndOptions()
	return s
}

func (p *parser) columnsAndOptions() (columns []ColumnDef, options []Option) {
	p.expectMark("(")
	columns = list(p, maxColumns, "columns", p.columnDef)
	p.expectMark(")")
	if p.accept("WITH") {
		p.expectMark("(")
		options = list(p, maxColumns, "options", p.option)
		p.expectMark(")")
	}
	return columns, options
}

// tableBody: (name TYPE [PRIMARY] [KEY] [PATH '…'], …) WITH (file = '…', …).
func (p *parser) tableBody(c Create) *CreateTable {
	t := &CreateTable{Create: c}
	if p.isWords("AS") {
		fail(p.tok.pos, "a table is read from a file or a topic; what a SELECT keeps is a view: CREATE VIEW %s AS SELECT …", c.Name.Name)
	}
	t.Columns, t.Options = p.columnsAndOptions()
	return t
}

func (p *parser) columnDef() ColumnDef {
	c := ColumnDef{Name: p.name("a column"), Type: p.typeName()}
	for {
		switch {
		case p.accept("KEY"), p.accept("PRIMARY", "KEY"):
			c.Key = true
		case p.accept("PATH"):
			c.PathPos = p.tok.pos
			if p.tok.kind != stringToken {
				p.expected("a path like '$.a.b'")
			}
			c.Path = p.advance().text
		case p.isMark(","), p.isMark(")"):
			return c
		default:
			p.expected("KEY, PATH, `,` or `)`")
		}
	}
}

// types by every name that is taken for them.
var typeNames = map[string]value.Kind{
	"STRING": value.String, "VARCHAR": value.String, "BIGINT": value.Int, "INT": value.Int, "INTEGER": value.Int,
	"DOUBLE": value.Double, "DECIMAL": value.Decimal, "BOOLEAN": value.Bool, "TIMESTAMP": value.Timestamp, "CELL": value.Cell,
}

var typeList = []string{"STRING", "BIGINT", "DOUBLE", "DECIMAL", "BOOLEAN", "TIMESTAMP", "VARCHAR", "INT", "INTEGER"}

// typeAdvice answers for types of other systems.
var typeAdvice = map[string]string{
	"TEXT": "STRING", "CHAR": "STRING", "FLOAT": "DOUBLE", "REAL": "DOUBLE", "NUMERIC": "DECIMAL", "LONG": "BIGINT",
	"SMALLINT": "BIGINT", "TINYINT": "BIGINT", "BOOL": "BOOLEAN", "DATETIME": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMP", "DATE": "TIMESTAMP",
}

func (p *parser) typeName() value.Type {
	upper := strings.ToUpper(p.tok.text)
	kind, ok := typeNames[upper]
	if p.tok.kind != wordToken || !ok {
		if p.tok.kind == wordToken {
			if to := typeAdvice[upper]; to != "" {
				fail(p.tok.pos, "no type `%s`; use %s", p.tok.text, to)
			}
			fail(p.tok.pos, "no type `%s`; the types are %s%s", shorten(p.tok.text), strings.Join(typeList[:6], ", "), didYouMean(p.tok.text, typeList))
		}
		p.expected("a type (" + strings.Join(typeList[:6], ", ") + ")")
	}
	at := p.advance().pos
	t := value.Type{Kind: kind}
	if kind == value.Decimal {
		t.Precision, t.Scale = p.digits(at)
	}
	return t
}

// digits reads the (p,s) of DECIMAL. A DECIMAL is a 64-bit integer, so it has at most 18 digits.
func (p *parser) digits(at Pos) (precision, scale uint8) {
	if !p.acceptMark("(") {
		fail(at, "DECIMAL needs its digits: DECIMAL(10,2) has 10, 2 of them after the point")
	}
	number := func(what string, least, most int64) uint8 {
		place := p.tok.pos
		n := p.integer(what)
		if n < least || n > most {
			fail(place, "%s is %d to %d, not %d", what, least, most, n)
		}
		return uint8(n)
	}
	precision = number("the number of digits of a DECIMAL", 1, 18)
	if p.acceptMark(",") {
		scale = number("the number of digits after the point", 0, int64(precision))
	}
	p.expectMark(")")
	return precision, scale
}

// integer takes a whole number without sign.
func (p *parser) integer(what string) int64 {
	if p.tok.kind != numberToken {
		p.expected(what)
	}
	n, err := strconv.ParseInt(p.tok.text, 10, 64)
	if err != nil {
		fail(p.tok.pos, "expected %s, a whole number; found %s", what, p.tok)
	}
	p.advance()
	return n
}

func (p *parser) option() Option {
	o := Option{Name: p.name("an option")}
	p.expectMark("=")
	o.ValuePos = p.tok.pos
	if p.tok.kind != stringToken && p.tok.kind != numberToken && p.tok.kind != wordToken {
		p.expected("the option's value in single quotes")
	}
	o.Value = p.advance().text
	return o
}
