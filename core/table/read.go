package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// read gives the rows of a file as the table's definition has them. One bad row refuses the file: half of a table would give wrong
// answers where none at all is noticed. Places in errors are lines of a CSV file, objects of a JSON one or rows of Parquet, from 1.
func read(def *plan.Table, maxRows int, files ...file) (*reference.Table, error) {
	r := &reader{def: def, most: maxRows}
	var err error
	switch def.Format {
	case "csv":
		err = r.csv(files[0].data)
	case "parquet":
		err = r.parquet(files)
	default:
		err = r.json(files[0].data)
	}
	if err != nil {
		return nil, err
	}
	t, err := reference.New(reference.Keys(def), len(def.Columns), r.rows)
	var twice *reference.DuplicateError
	if errors.As(err, &twice) {
		return nil, fmt.Errorf("%s and %s have the same key", r.place(r.places[twice.First]), r.place(r.places[twice.Second]))
	}
	return t, err
}

// file is one of the contents of a table.
type file struct {
	name string
	data []byte
}

type reader struct {
	def    *plan.Table
	most   int
	rows   [][]value.Value
	places []int
}

func (r *reader) place(n int) string {
	switch r.def.Format {
	case "csv":
		return fmt.Sprintf("line %d", n)
	case "parquet":
		return fmt.Sprintf("row %d", n)
	}
	return fmt.Sprintf("object %d", n)
}

func (r *reader) add(place int, row []value.Value) error {
	for i, c := range r.def.Columns {
		if c.Key && row[i].IsNull() {
			return fmt.Errorf("%s: the key %s is missing", r.place(place), c.Name)
		}
	}
	if len(r.rows) == r.most {
		return fmt.Errorf("it has more than %d rows (tables.max_rows)", r.most)
	}
	r.rows, r.places = append(r.rows, row), append(r.places, place)
	return nil
}

// csv reads RFC 4180 with a header, whose names may be in any order and more than the table has. A field without text is NULL.
func (r *reader) csv(data []byte) error {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty; its first line must name the columns")
	}
	if err != nil {
		return err
	}
	header = slices.Clone(header)
	fields := make([]int, len(r.def.Columns))
	for i, c := range r.def.Columns {
		fields[i] = slices.IndexFunc(header, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), c.Name) })
		if fields[i] < 0 {
			return fmt.Errorf("its first line names no column %s; it has %s", c.Name, strings.Join(header, ", "))
		}
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		row := make([]value.Value, len(fields))
		for i, c := range r.def.Columns {
			text := strings.TrimSpace(record[fields[i]])
			if text == "" {
				continue
			}
			if row[i], err = parse(c, strings.Clone(text)); err != nil {
				return fmt.Errorf("line %d: %s: %w", line, c.Name, err)
			}
		}
		if err := r.add(line, row); err != nil {
			return err
		}
	}
}

func parse(c *plan.Column, text string) (value.Value, error) {
	v, err := value.Parse(c.Type.Value(), text)
	if err == nil && v.Kind() == value.Cell && !cell.Valid(v.Cell()) {
		err = fmt.Errorf("%q is no H3 cell", text)
	}
	return v, err
}

// json reads an array of objects, or objects one behind the other, as devices' payloads are read.
func (r *reader) json(data []byte) error {
	def := &plan.Stream{Name: r.def.Name, Format: "json", Topic: "table", Timestamp: -1, Dedupe: "none"}
	for _, c := range r.def.Columns {
		c = proto.CloneOf(c)
		c.Key = false // a payload without its key would be said to be a device's mistake
		if c.Type.Value().Kind == value.Cell {
			c.Type.Kind = uint32(value.String)
		}
		def.Columns = append(def.Columns, c)
	}
	decoder, err := payload.New(def)
	if err != nil {
		return err
	}
	in := json.NewDecoder(bytes.NewReader(data))
	array := bytes.HasPrefix(bytes.TrimSpace(data), []byte("["))
	if array {
		if _, err := in.Token(); err != nil {
			return err
		}
	}
	for n := 1; in.More(); n++ {
		var object json.RawMessage
		if err := in.Decode(&object); err != nil {
			return fmt.Errorf("object %d: %w", n, err)
		}
		var out payload.Batch
		decoder.Decode(def.Topic, object, 0, &out)
		if len(out.Rejects) > 0 {
			return fmt.Errorf("object %d: %s: %s", n, out.Rejects[0].Reason, out.Rejects[0].Detail)
		}
		if len(out.Readings) != 1 {
			return fmt.Errorf("object %d: expected an object with the columns as members", n)
		}
		row := slices.Clone(out.Readings[0].Row[:len(def.Columns)])
		for i, c := range r.def.Columns {
			if c.Type.Value().Kind == value.Cell && !row[i].IsNull() {
				if row[i], err = parse(c, row[i].Str()); err != nil {
					return fmt.Errorf("object %d: %s: %w", n, c.Name, err)
				}
			}
		}
		if err := r.add(n, row); err != nil {
			return err
		}
	}
	if array {
		if _, err := in.Token(); err != nil {
			return fmt.Errorf("the array is not closed: %w", err)
		}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the last object")
	}
	return nil
}
