package parquet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/parquet-go/parquet-go/format"
)

// Limits of a file that is read.
type Limits struct {
	Rows  int   // in it
	Bytes int64 // of the columns read, unpacked
}

// Read gives a file's rows, with the columns wanted in their order; a column is found by its name, whatever its letters' case. A row may
// be kept. What the file says of itself is believed no further than the limits go. Values are taken as Convert does.
func Read(data []byte, want []Column, most Limits, each func(row []value.Value) error) error {
	meta, err := footerOf(data)
	if err != nil {
		return err
	}
	leaves, err := leavesOf(meta)
	if err != nil {
		return err
	}
	places := make([]int, len(want))
	for i, c := range want {
		places[i] = slices.IndexFunc(leaves, func(l leaf) bool { return strings.EqualFold(l.name, c.Name) })
		if places[i] < 0 {
			return fmt.Errorf("it has no column %s; it has %s", c.Name, strings.Join(namesOf(leaves), ", "))
		}
		l := leaves[places[i]]
		if l.nested {
			return fmt.Errorf("column %s is a list or a structure; plain columns are read", c.Name)
		}
		if _, err := converter(l, c.Type); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	rows, budget := int64(0), most.Bytes
	for n, group := range meta.RowGroups {
		if group.NumRows < 0 || len(group.Columns) != len(leaves) {
			return fmt.Errorf("row group %d: %w", n+1, errCut)
		}
		if rows += group.NumRows; group.NumRows > int64(most.Rows) || rows > int64(most.Rows) {
			return fmt.Errorf("it has more than %d rows", most.Rows)
		}
		columns := make([][]value.Value, len(want))
		for i, c := range want {
			convert, err := converter(leaves[places[i]], c.Type)
			if err != nil {
				return err
			}
			ch := &chunk{leaf: leaves[places[i]], meta: &group.Columns[places[i]].MetaData, convert: convert, rows: int(group.NumRows), budget: &budget}
			if columns[i], err = ch.read(data); err != nil {
				return fmt.Errorf("column %s, row group %d: %w", c.Name, n+1, err)
			}
		}
		for i := range int(group.NumRows) {
			row := make([]value.Value, len(want))
			for c := range columns {
				row[c] = columns[c][i]
			}
			if err := each(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaf is a column that has values.
type leaf struct {
	name     string
	element  format.SchemaElement
	optional bool
	nested   bool // in a list or a structure
}

func namesOf(leaves []leaf) (names []string) {
	for _, l := range leaves {
		names = append(names, l.name)
	}
	return names
}

// leavesOf walks the schema, which is a tree in depth-first order.
func leavesOf(meta *format.FileMetaData) (leaves []leaf, err error) {
	rest := meta.Schema
	if len(rest) == 0 {
		return nil, errCut
	}
	var walk func(depth int, nested bool) error
	walk = func(depth int, nested bool) error {
		if depth > maxDepth {
			return errors.New("its columns lie too deep in one another")
		}
		if len(rest) == 0 {
			return errCut
		}
		e := rest[0]
		rest = rest[1:]
		repetition := format.Required
		if e.RepetitionType.Valid {
			repetition = e.RepetitionType.V
		}
		if !e.NumChildren.Valid || e.NumChildren.V == 0 && depth > 0 {
			leaves = append(leaves, leaf{name: e.Name, element: e, optional: repetition == format.Optional, nested: nested || repetition == format.Repeated})
			return nil
		}
		if e.NumChildren.V < 0 || int64(e.NumChildren.V) > int64(len(rest)) {
			return errCut
		}
		for range e.NumChildren.V {
			if err := walk(depth+1, depth > 0); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(0, false); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errCut
	}
	return leaves, nil
}
