package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// backupList names a backup's files with their sizes and checksums. It is written last, so a copy of half a backup has none, and what is not as it says was
// damaged since: a log of Pebble that lost its end, for one, would else be read as one that ended there.
const backupList = "files.json"

// backupFormat is raised when an older hexpane could not restore what a newer one wrote.
const backupFormat = 1

type backupFiles struct {
	Format int          `json:"format"`
	Files  []backupFile `json:"files"`
}

type backupFile struct {
	Name   string `json:"name"` // with / between folders
	Bytes  int64  `json:"bytes"`
	CRC32C uint32 `json:"crc32c"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeList reads all files of a backup, and writes the list of them.
func writeList(ctx context.Context, dir string) error {
	list := backupFiles{Format: backupFormat}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == backupList {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		sum := crc32.New(castagnoli)
		n, err := io.Copy(sum, f)
		list.Files = append(list.Files, backupFile{name, n, sum.Sum32()})
		return err
	})
	if err != nil {
		return fmt.Errorf("backup: read %s: %w", dir, err)
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	file := filepath.Join(dir, backupList)
	if err := errors.Join(os.WriteFile(file, text, 0o640), syncPath(file), syncPath(dir)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// parseList takes a list apart; it is of a disk, so it may hold anything.
func parseList(text []byte) (*backupFiles, error) {
	list := new(backupFiles)
	if err := json.Unmarshal(text, list); err != nil {
		return nil, fmt.Errorf("its list of files, %s, can't be read: %w", backupList, err)
	}
	if list.Format != backupFormat {
		return nil, fmt.Errorf("it is of format %d, and this hexpane restores format %d", list.Format, backupFormat)
	}
	plans := 0
	for _, f := range list.Files {
		inside := strings.TrimPrefix(f.Name, backupState+"/")
		switch {
		case f.Name == backupPlan:
			plans++
		case inside == f.Name || !fs.ValidPath(inside) || inside == "." || f.Bytes < 0:
			return nil, fmt.Errorf("its list of files, %s, names %q, which no backup has", backupList, f.Name)
		}
	}
	if plans != 1 || len(list.Files) < 2 {
		return nil, fmt.Errorf("its list of files, %s, has no plan or no state", backupList)
	}
	return list, nil
}

// readList gives a backup's list.
func readList(backup string) (*backupFiles, error) {
	text, err := os.ReadFile(filepath.Join(backup, backupList))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no backup of a core, or not a whole one: it lacks %s, which is written last", backup, backupList)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no backup of a core: %w", backup, err)
	}
	list, err := parseList(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole backup: %w", backup, err)
	}
	return list, nil
}

// copyTo writes a file of a backup to w, and wants it as it was when the backup was made.
func (f *backupFile) copyTo(w io.Writer, backup string) error {
	in, err := os.Open(filepath.Join(backup, filepath.FromSlash(f.Name)))
	if err != nil {
		return fmt.Errorf("%s is not a whole backup: %w", backup, err)
	}
	defer in.Close()
	sum := crc32.New(castagnoli)
	n, err := io.Copy(io.MultiWriter(w, sum), in)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", filepath.Join(backup, f.Name), err)
	case n != f.Bytes:
		return fmt.Errorf("%s is not a whole backup: %s has %d bytes, and had %d when it was made", backup, f.Name, n, f.Bytes)
	case sum.Sum32() != f.CRC32C:
		return fmt.Errorf("%s is damaged: %s has other bytes than when it was made", backup, f.Name)
	}
	return nil
}

// copyState copies a backup's state to a new directory, all of it synced, and gives its plan.
func (l *backupFiles) copyState(backup, dir string) (plan []byte, err error) {
	folders := []string{dir, filepath.Dir(dir)}
	for i := range l.Files {
		f := &l.Files[i]
		if f.Name == backupPlan {
			var text strings.Builder
			if err := f.copyTo(&text, backup); err != nil {
				return nil, err
			}
			plan = []byte(text.String())
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(f.Name, backupState+"/")))
		if folder := filepath.Dir(to); !slices.Contains(folders, folder) {
			folders = append([]string{folder}, folders...)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
		out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
		if err := errors.Join(f.copyTo(out, backup), out.Sync(), out.Close()); err != nil {
			return nil, err
		}
	}
	for _, folder := range folders {
		if err := syncPath(folder); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	return plan, nil
}
