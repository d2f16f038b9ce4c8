package sql

// What a statement may be at most. They are far above what an analyst writes, and small enough that refusing a
// hostile statement costs milliseconds.
const (
	maxSource     = 4 << 20 // bytes of one Parse
	maxStatements = 3000    // in one Parse: all that may be defined, and more
	maxStatement  = 1 << 18 // bytes of one statement but INSERT
	maxDepth      = 100     // nesting of an expression, and of parentheses
	maxList       = 10_000  // IN lists, function arguments, INSERT rows
	maxColumns    = 512     // of a stream, of a select list
	maxKeys       = 32      // GROUP BY, ORDER BY
	maxJoins      = 8       // of one view
	maxUnion      = 16      // SELECTs of one UNION ALL
	maxNodes      = 50_000  // expression nodes of one plan or query, aliases expanded; 16 bytes of text count as one
	maxName       = 128     // bytes of a name
	maxDefined    = 1000    // streams, and views, in a plan
	maxPlan       = 900_000 // bytes of a plan: it is one message
)

// Limits of a running pull query. More rows or groups than this is an error that says so, never an
// exhausted core.
const (
	MaxResultRows = 500_000
	MaxGroups     = 500_000
)
