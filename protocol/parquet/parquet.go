// Package parquet writes rows as Apache Parquet files and reads them back: what a data lake, a notebook or another hexpane takes.
//
//	parquet.go  columns: which Parquet type is which of ours
//	write.go    rows → a file, a row group at a time
//	read.go     a file → the columns asked for
//	guard.go    what is looked at before the library may believe a file
//
// Archives outlive the program that wrote them, so the types are an agreement: STRING and CELL (as its text) are UTF-8, BIGINT is INT64,
// DECIMAL(p, s) is INT64 with that logical type, TIMESTAMP is INT64 of µs in UTC, and every column is optional: NULL is absent.
// The format itself is parquet-go's; nothing here knows of files, HTTP or SQL.
package parquet

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/parquet-go/parquet-go"
)

// MediaType is Parquet's over HTTP.
const MediaType = "application/vnd.apache.parquet"

// Column of a file.
type Column struct {
	Name string
	Type value.Type
}

// node is a column's in a file's schema. A column of no type (a bare NULL is one) is written as text.
func node(t value.Type) parquet.Node {
	var n parquet.Node
	switch t.Kind {
	case value.Int:
		n = parquet.Leaf(parquet.Int64Type)
	case value.Double:
		n = parquet.Leaf(parquet.DoubleType)
	case value.Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case value.Decimal:
		n = parquet.Decimal(int(t.Scale), max(int(t.Precision), leastPrecision), parquet.Int64Type)
	case value.Timestamp:
		n = parquet.Timestamp(parquet.Microsecond)
	default:
		n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	return parquet.Optional(n)
}

// leastPrecision is the format's of a DECIMAL that is an INT64; a smaller one would have to be an INT32.
const leastPrecision = 10

// row is a schema's root. The library's own group sorts its fields by name.
type row struct {
	parquet.Group
	fields []parquet.Field
}

func (r row) Fields() []parquet.Field { return r.fields }

type field struct {
	parquet.Node
	name string
}

func (f field) Name() string                         { return f.name }
func (field) Value(base reflect.Value) reflect.Value { return base } // rows are given as values, never as Go structures

func schemaOf(columns []Column) *parquet.Schema {
	r := row{Group: parquet.Group{}}
	for i, name := range names(columns) {
		n := node(columns[i].Type)
		r.Group[name] = n
		r.fields = append(r.fields, field{n, name})
	}
	return parquet.NewSchema("row", r)
}

// names are the columns', each once: readers of Parquet find a column by its name, and SELECT may name two alike.
func names(columns []Column) []string {
	taken, list := map[string]bool{}, make([]string, len(columns))
	for i, c := range columns {
		name := c.Name
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d", c.Name, n)
		}
		taken[strings.ToLower(name)] = true
		list[i] = name
	}
	return list
}
