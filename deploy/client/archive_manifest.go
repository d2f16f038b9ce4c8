package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// manifestName is a day's; readers of Hive layouts pass over names that begin with _.
const manifestName = "_manifest.json"

// manifestFormat is raised when an older hexpane could not go on with what a newer one began.
const manifestFormat = 1

// manifest says what a day of an archive holds. It is there before the day's first part, grows with each, and is complete after the last: what it
// does not name yet is written (again, if a kill came between a part and its mention: the same rows, under the same name).
type manifest struct {
	Format   int     `json:"format"`
	View     string  `json:"view"`
	Date     string  `json:"date"`
	SQL      string  `json:"sql"`    // the view or the pattern, as it was; empty: fence_events or alerts
	PartS    int64   `json:"part_s"` // length of time of a part
	Parts    []piece `json:"parts"`
	Complete bool    `json:"complete"`
}

// piece is a part of a day, with the windows that start in [From, To). File is empty if there are none.
type piece struct {
	File  string    `json:"file,omitempty"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Rows  int64     `json:"rows"`
	Bytes int64     `json:"bytes"`
}

// readManifest gives a day's manifest; nil if it has none.
func readManifest(ctx context.Context, t target, dir string) (*manifest, error) {
	text, err := t.get(ctx, dir+manifestName)
	if err != nil || text == nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s is no manifest; remove it to archive the day anew: %w", t.name(dir+manifestName), err)
	}
	if m.Format > manifestFormat {
		return nil, fmt.Errorf("%s is of a newer hexpane (format %d)", t.name(dir+manifestName), m.Format)
	}
	return m, nil
}

func (m *manifest) write(ctx context.Context, t target, dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := t.spool(dir)
	if err != nil {
		return err
	}
	defer discard(f)
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := t.put(ctx, dir+manifestName, f); err != nil {
		return fmt.Errorf("write %s: %w", t.name(dir+manifestName), err)
	}
	return nil
}

// hiveName is a name as a directory of a Hive layout has it.
func hiveName(name string) string { return url.PathEscape(name) }
