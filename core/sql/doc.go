// Package sql turns statements into plans: text → syntax → checked, typed plan. What a plan says to edges and cores
// is protocol/plan's; what expressions compute is protocol/expr's; this package only ever runs a pull query's sorting
// and grouping over rows that someone else reads.
//
//	text ──Parse──▶ []Statement ──Apply──▶ *plan.Plan          (CREATE, DROP)
//	                            ──Resolve, CompileSelect──▶ *Query ──Run──▶ Result
//	                            ──Describe, ExplainText, List, InsertRows──▶ …
//
// Start here:
//
//	statement.go  the statements; syntax.go the expressions in them
//	lexer.go → parser.go → parse_statement.go, parse_stream.go, parse_select.go, parse_window.go, parse_expr.go
//	bind.go       names, calls and literals → typed plan.Expr (make.go); coerce.go literals that take their neighbour's type
//	group.go      GROUP BY, HAVING: what both views and pull queries do; aggregate.go the calls of aggregates
//	apply.go      a statement changes the catalogue; stream.go and view.go define; options.go, position.go, window.go
//	match.go, parse_pattern.go MATCH_RECOGNIZE; pattern.go, pattern_reference.go plan it; explain_pattern.go
//	select.go     a pull query; run.go, order.go its work; hints.go what the store may skip
//	insert.go, describe.go, explain.go, format.go, suggest.go, error.go, limits.go
//
// Everything is a pure function of its arguments: no clock (NOW() is an argument), no files, no goroutines. Errors
// are *Error with line and column. Inside the package an error unwinds as a panic of *Error, caught at each exported
// function (error.go), because a parser that checks an error after every token hides its grammar.
//
// A statement is hostile until proven otherwise: source size, nesting, list lengths and the size of the expression
// trees it expands to are all bounded (limits.go).
package sql
