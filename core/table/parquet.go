package table

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
)

// maxFiles bounds a directory of Parquet files.
const maxFiles = 10_000

// parquet reads files one behind the other. What they unpack to is bounded before it is unpacked: a table's contents may not be larger.
func (r *reader) parquet(files []file) error {
	columns := make([]parquet.Column, len(r.def.Columns))
	for i, c := range r.def.Columns {
		columns[i] = parquet.Column{Name: c.Name, Type: c.Type.Value()}
	}
	held, n := 0, 0
	for _, f := range files {
		err := parquet.Read(f.data, columns, parquet.Limits{Rows: r.most, Bytes: 2 * reference.MaxBytes}, func(row []value.Value) error {
			for _, v := range row { // many rows may share a text that the file has once
				held += 1 + len(v.Str())
			}
			if held > reference.MaxBytes {
				return fmt.Errorf("its rows take more than %d bytes", reference.MaxBytes)
			}
			n++
			return r.add(n, row)
		})
		if err != nil && len(files) > 1 {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parquetFiles are those below a directory, as hexpane export lays them out; what begins with a point or a _ is none.
func parquetFiles(root *os.Root, dir string) (names []string, at stamp, err error) {
	err = fs.WalkDir(root.FS(), path.Clean(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); name != dir && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(name, ".parquet") {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(names) == maxFiles {
			return fmt.Errorf("%s has more than %d Parquet files", dir, maxFiles)
		}
		names = append(names, name)
		at.size += info.Size()
		at.files++
		at.modified = later(at.modified, info.ModTime())
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s is a directory without a Parquet file", dir)
	}
	return names, at, err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
