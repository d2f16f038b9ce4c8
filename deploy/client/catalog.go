package client

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	askWithin = 2 * time.Second  // Tab waits so long for the core
	askAll    = 32               // relations, the columns of which are asked for while a statement names none
	staleIn   = 30 * time.Second // others create and drop, too
)

// builtIn are the tables that a core may have of itself; it is asked which.
var builtIn = []string{"alerts", "edges", "fence_events", "late", "rejected"}

// relation is what can be selected from.
type relation struct {
	name, kind string
	of         string // a stream's topic, a view's stream, a table's file
}

// catalog remembers the core's names.
type catalog struct {
	server *server

	mu      sync.Mutex
	asked   time.Time
	list    []relation
	columns map[string][]string // of the names that were asked for, in small letters
}

// forget makes the next question go to the core.
func (c *catalog) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.list, c.columns = time.Time{}, nil, nil
}

// relations lists streams, views, tables, and the core's own tables.
func (c *catalog) relations(ctx context.Context) ([]relation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.asked) < staleIn {
		return c.list, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var list []relation
	columns := map[string][]string{}
	for _, kind := range []string{"stream", "view", "table"} {
		rows, err := c.rows(ctx, "SHOW "+strings.ToUpper(kind)+"S")
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			list = append(list, relation{row[0], kind, row[1]})
		}
	}
	for _, name := range builtIn {
		rows, err := c.rows(ctx, "DESCRIBE "+name)
		if err != nil || slices.ContainsFunc(list, func(r relation) bool { return strings.EqualFold(r.name, name) }) {
			continue // this core has none of that name, or a user made it
		}
		list = append(list, relation{name, "built in", ""})
		columns[name] = firsts(rows)
	}
	c.asked, c.list, c.columns = time.Now(), list, columns
	return list, nil
}

// columnsOf gives a relation's columns, and none if the core doesn't.
func (c *catalog) columnsOf(ctx context.Context, name string) []string {
	list, err := c.relations(ctx)
	at := slices.IndexFunc(list, func(r relation) bool { return strings.EqualFold(r.name, name) })
	if err != nil || at < 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.ToLower(name)
	if known, ok := c.columns[key]; ok {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	rows, err := c.rows(ctx, "DESCRIBE "+quoted(list[at].name))
	if err != nil || c.columns == nil {
		return firsts(rows)
	}
	c.columns[key] = firsts(rows)
	return c.columns[key]
}

// allColumns gives those of all relations, if they are few enough to ask for.
func (c *catalog) allColumns(ctx context.Context) (all []string) {
	list, err := c.relations(ctx)
	if err != nil || len(list) > askAll {
		return nil
	}
	for _, r := range list {
		all = append(all, c.columnsOf(ctx, r.name)...)
	}
	return all
}

// rows gives the first two columns of an answer.
func (c *catalog) rows(ctx context.Context, sql string) (rows [][2]string, err error) {
	a, err := c.server.read(ctx, sql)
	if err != nil {
		return nil, err
	}
	_, err = each(ctx, a.Rows, func(row rawRow) error {
		if len(row) > 1 {
			rows = append(rows, [2]string{plain(row[0]), plain(row[1])})
		}
		return nil
	})
	return rows, err
}

func firsts(rows [][2]string) []string {
	var list []string
	for _, r := range rows {
		list = append(list, r[0])
	}
	return list
}
