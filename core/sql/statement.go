package sql

import (
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Statement is one parsed statement: *CreateStream, *CreateTable, *CreateView, *CreatePattern, *CreateAlert, *Drop, *Show, *DescribeStatement,
// *Explain, *Insert or *Select.
type Statement interface {
	Source() string // as written, without the ;
	Place() Pos     // where it starts
}

type origin struct {
	text string
	at   Pos
}

// Source gives the statement as written.
func (o *origin) Source() string { return o.text }

// Place gives where the statement starts in what was parsed.
func (o *origin) Place() Pos { return o.at }

// Create is what the CREATE statements share.
type Create struct {
	Name        Ident
	OrReplace   bool
	IfNotExists bool
}

type (
	// CreateStream is CREATE STREAM name (columns) WITH (options), or AS SELECT ….
	CreateStream struct {
		origin
		Create
		Query   *Select // instead of the rest
		Columns []ColumnDef
		Options []Option
	}
	// ColumnDef is one column of a stream. Path is as written, "$.a.*.b", or "".
	ColumnDef struct {
		Name    Ident
		Type    value.Type
		Key     bool
		Path    string
		PathPos Pos
	}
	// Option is one entry of WITH (…).
	Option struct {
		Name     Ident
		Value    string
		ValuePos Pos
	}
	// CreateView is CREATE VIEW name AS SELECT ….
	CreateView struct {
		origin
		Create
		Query *Select
	}
	// CreateTable is CREATE TABLE name (columns) WITH (file = …).
	CreateTable struct {
		origin
		Create
		Columns []ColumnDef
		Options []Option
	}
	// Drop is DROP STREAM|TABLE|VIEW|PATTERN|ALERT [IF EXISTS] name; Kind is the word.
	Drop struct {
		origin
		Kind     string
		Name     Ident
		IfExists bool
	}
	// Show is SHOW STREAMS|TABLES|VIEWS|PATTERNS|ALERTS|EDGES; What is the upper-case plural.
	Show struct {
		origin
		What string
	}
	// DescribeStatement is DESCRIBE name.
	DescribeStatement struct {
		origin
		Name Ident
	}
	// Explain is EXPLAIN name or EXPLAIN statement; one of both is set.
	Explain struct {
		origin
		Name      *Ident
		Statement Statement
		// Scan says how the rows of a view would be read, a line each; nil: it is not said.
		Scan func(v *plan.View, q *Query) []string
	}
	// Insert is INSERT INTO stream [(columns)] VALUES (…), ….
	Insert struct {
		origin
		Stream  Ident
		Columns []Ident
		Rows    [][]Expr
	}
	// Select is a pull query, or what a view is made of.
	Select struct {
		origin
		Items   []Item // a lone Item with a nil Expr is *
		From    Ident
		Sub     *Select   // instead of From
		More    []*Select // UNION ALL of a sub-select
		union   *union    // what the SELECTs of a UNION ALL share
		query   uint32    // the id of the query that Sub was taken from
		Shift   *Shift
		Alias   *Ident
		Joins   []Join
		Match   *Match // of a CREATE PATTERN
		Window  *Window
		Where   Expr
		GroupBy []Expr
		Having  Expr
		OrderBy []Order
		Limit   *int64
		Offset  *int64
		Emit    Emit
		EmitPos Pos
	}
	// Join is [LEFT] JOIN table [AS alias] ON condition, or with a stream and WITHIN behind it.
	Join struct {
		Pos    Pos
		Left   bool
		Table  Ident
		Shift  *Shift
		Alias  *Ident
		Within *Within
		On     Expr
	}
	// Within is WITHIN 10 MINUTES, or WITHIN (before, after), and GRACE PERIOD 1 HOUR, nil where not given; in µs.
	Within struct {
		Pos           Pos
		Before, After int64
		Grace         *int64
	}
	// Item is one entry of a select list.
	Item struct {
		Expr  Expr
		Alias *Ident
		Pos   Pos
	}
	// Order is one entry of ORDER BY.
	Order struct {
		Expr       Expr
		Descending bool
		NullsFirst bool
	}
	// Window is WINDOW TUMBLING, HOPPING or SESSION (…). Grace and Retention are nil where not given, Advance is 0 of a tumbling one, a session
	// has a Gap and no Size; all are in µs.
	Window struct {
		Pos              Pos
		Size, Advance    int64
		Gap              int64
		Keys             []Ident // that TABLE(SESSION(… PARTITION BY …)) names
		Grace, Retention *int64
		Time             *Ident // of the form TABLE(TUMBLE(…)), which names the event time
	}
)

// Emit tells the EMIT clauses apart.
type Emit uint8

// The EMIT clauses.
const (
	EmitUnsaid Emit = iota
	EmitChanges
	EmitFinal
	EmitOnArrival // of CREATE PATTERN
)
