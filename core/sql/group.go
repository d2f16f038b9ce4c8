package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// grouping is a select with its rows put into groups. Expressions after it see one row per group: the keys, then the
// aggregates, then (in a view) window_start and window_end.
type grouping struct {
	scope      *scope
	row        *binder // over the relation's columns, inside of aggregates and keys
	items      []Item
	keys       []groupKey
	aggregates []*plan.Aggregate
	known      map[string]int          // aggregates by their bytes
	lists      int                     // of the aggregates, those that keep one
	states     []int                   // of the view read: aggregates whose states MERGE takes
	merges     map[int]*plan.Aggregate // by aggregate: what MERGE merges
	windowed   bool
	expanding  bool // inside an alias: aliases do not mean aliases
}

type groupKey struct {
	name  string
	expr  Expr
	bound *plan.Expr
}

func newGrouping(s *scope, sel *Select, groupBy []Expr, now *int64, nodes *work) *grouping {
	g := &grouping{scope: s, known: map[string]int{}, merges: map[int]*plan.Aggregate{}, items: sel.Items, row: &binder{leaf: s.rowLeaf("an aggregate"), now: now, nodes: nodes}}
	keyBinder := &binder{leaf: s.rowLeaf("GROUP BY"), now: now, nodes: nodes}
	for i, e := range groupBy {
		k := g.key(e, i)
		if g.isKey(k.expr) {
			continue
		}
		k.bound = keyBinder.bind(k.expr)
		g.keys = append(g.keys, k)
	}
	return g
}

func (g *grouping) isKey(e Expr) bool {
	for _, k := range g.keys {
		if same(k.expr, e) {
			return true
		}
	}
	return false
}

// key finds what a GROUP BY entry means: a column, else an alias of the select list, else its place in it (from 1),
// else an expression. That a column goes before an alias is Postgres's and ksqlDB's order.
func (g *grouping) key(e Expr, i int) groupKey {
	switch x := e.(type) {
	case *Name:
		if x.Table == nil && g.scope.find(x.Ident) < 0 {
			if item := g.aliased(x.Ident); item != nil {
				return groupKey{name: item.Alias.Name, expr: item.Expr}
			}
			fail(x.Ident.Pos, "no column and no alias `%s` to group by%s", x.Ident.Name, didYouMean(x.Ident.Name, append(g.scope.names(), g.aliases()...)))
		}
	case *Literal:
		if x.Kind != NumberLiteral {
			fail(x.Pos, "a literal groups nothing")
		}
		item := g.items[place(x, len(g.items))-1]
		return groupKey{name: g.keyName(item.Expr, i), expr: item.Expr}
	}
	return groupKey{name: g.keyName(e, i), expr: e}
}

// keyName is the alias of the select item that shows the key, else the column's own name.
func (g *grouping) keyName(e Expr, i int) string {
	for _, item := range g.items {
		if item.Alias != nil && same(item.Expr, e) {
			return item.Alias.Name
		}
	}
	if n, ok := e.(*Name); ok {
		return g.scope.Columns[g.scope.column(n)].Name
	}
	return fmt.Sprintf("key_%d", i+1)
}

// place reads a literal as a position in the select list.
func place(l *Literal, most int) int {
	for n := 1; n <= most; n++ {
		if l.Text == fmt.Sprint(n) {
			return n
		}
	}
	fail(l.Pos, "%s is no position in the select list, which has 1 to %d", shorten(l.Text), most)
	return 0
}

func (g *grouping) aliased(name Ident) *Item {
	for i, item := range g.items {
		if item.Alias != nil && sameIdent(name, *item.Alias) {
			return &g.items[i]
		}
	}
	return nil
}

func (g *grouping) aliases() []string {
	var names []string
	for _, item := range g.items {
		if item.Alias != nil {
			names = append(names, item.Alias.Name)
		}
	}
	return names
}

// windowBounds are the names of a window's bounds, ksqlDB's among them.
var windowBounds = map[string]int{"WINDOW_START": 0, "WINDOW_END": 1, "WINDOWSTART": 0, "WINDOWEND": 1}

func (g *grouping) windowBound(n *Name) (int, bool) {
	i, ok := windowBounds[strings.ToUpper(n.Ident.Name)]
	return i, ok && g.windowed && g.scope.find(n.Ident) < 0
}

// leaf is the binder's, after grouping. mayAlias says whether names of the select list are known (HAVING, ORDER BY).
// The bounds' indexes follow the aggregates, whose number is not known yet: settle puts them right.
func (g *grouping) leaf(mayAlias bool) func(Expr) *plan.Expr {
	var own *binder
	return func(e Expr) *plan.Expr {
		if n, ok := e.(*Name); ok && n.Table != nil {
			g.scope.column(n) // same, below, does not look at the table's name
		}
		for i, k := range g.keys {
			if same(k.expr, e) {
				return columnExpr(i, typeOf(k.bound))
			}
		}
		switch x := e.(type) {
		case *Call:
			if name, ok := aggregateName(x); ok {
				return g.aggregate(x, name)
			}
		case *Name:
			if i, ok := g.windowBound(x); ok {
				return columnExpr(boundColumn+i, value.Type{Kind: value.Timestamp})
			}
			if item := g.aliased(x.Ident); item != nil && mayAlias && !g.expanding && x.Table == nil {
				g.expanding = true
				defer func() { g.expanding = false }()
				if own == nil {
					own = g.binder(true)
				}
				return own.bind(item.Expr)
			}
			g.scope.column(x)
			fail(x.Ident.Pos, "column `%s` is neither in GROUP BY nor inside an aggregate", x.Ident.Name)
		}
		return nil
	}
}

func (g *grouping) binder(mayAlias bool) *binder {
	return &binder{leaf: g.leaf(mayAlias), now: g.row.now, nodes: g.row.nodes}
}

// boundColumn stands for window_start's index, and boundColumn+1 for window_end's, until settle.
const boundColumn = 1 << 15

// settle puts the window bounds after the keys and aggregates, now that all of these are known.
func (g *grouping) settle(e *plan.Expr) {
	if c, ok := e.GetNode().(*plan.Expr_Column); ok && c.Column >= boundColumn {
		c.Column = c.Column - boundColumn + uint32(len(g.keys)+len(g.aggregates))
	}
	for _, a := range e.GetCall().GetArguments() {
		g.settle(a)
	}
}

// outputName of a select item: its alias, a column's name, a function's name in small letters, or col_n.
func outputName(item Item, n int) string {
	if item.Alias != nil {
		return item.Alias.Name
	}
	switch x := item.Expr.(type) {
	case *Name:
		return x.Ident.Name
	case *Call:
		if isLetter(rune(x.Function[0])) && powers[x.Function] == 0 && !strings.Contains(x.Function, " ") && x.Function != "NEG" && x.Function != "CASE_OF" {
			return strings.ToLower(x.Function)
		}
	}
	return fmt.Sprintf("col_%d", n+1)
}
