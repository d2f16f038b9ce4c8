package live

import (
	"context"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// Query is a push query that runs for a client.
type Query interface {
	// Columns are the names of its rows' values.
	Columns() []string
	// Next waits for a row. A nil row and no error is the end.
	Next(ctx context.Context) ([]value.Value, error)
	Close()
}

// queryRows is how many rows wait for a tick, and at most go out in one.
const queryRows = 1000

// queryPrefix is what topics of queries begin with: "query:" and the name that the client chose.
const queryPrefix = "query:"

// query is one of a client's.
type query struct {
	cancel  context.CancelFunc
	columns []string
	rows    chan []value.Value
	fresh   bool
	seq     uint64
	err     string // why it ended, once rows is closed
}

// ask starts a push query under a name of the client's. c.mu is held.
func (c *client) ask(id, text string) error {
	switch {
	case c.hub.cfg.Query == nil:
		return fmt.Errorf("push queries are not served here")
	case id == "" || text == "":
		return fmt.Errorf(`query wants an id and sql: {"action":"query","id":"q1","sql":"SELECT … EMIT CHANGES"}`)
	case c.queries[id] != nil:
		return fmt.Errorf("query %q runs already; unsubscribe from %q first", id, queryPrefix+id)
	case len(c.subs)+len(c.queries) >= c.hub.cfg.MaxTopics:
		return fmt.Errorf("too many topics: at most %d a client", c.hub.cfg.MaxTopics)
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := &query{cancel: cancel, rows: make(chan []value.Value, queryRows), fresh: true}
	c.queries[id] = q
	go c.run(ctx, q, text)
	return nil
}

// run reads a query's rows as fast as the client takes them.
func (c *client) run(ctx context.Context, q *query, text string) {
	defer close(q.rows)
	running, err := c.hub.cfg.Query(ctx, text)
	if err != nil {
		q.err = err.Error()
		return
	}
	defer running.Close()
	c.mu.Lock()
	q.columns = running.Columns()
	c.mu.Unlock()
	for {
		row, err := running.Next(ctx)
		if err != nil || row == nil {
			if q.err = "the query has ended"; err != nil {
				q.err = err.Error()
			}
			return
		}
		select {
		case q.rows <- row:
		case <-ctx.Done():
			return
		}
	}
}

// flushQueries writes what queries gave. c.mu is held.
func (c *client) flushQueries(enc *encoder) {
	for id, q := range c.queries {
		var rows [][]value.Value
		open := true
		for more := true; more && len(rows) < queryRows; {
			select {
			case row, ok := <-q.rows:
				if more = ok; ok {
					rows = append(rows, row)
				}
				open = ok
			default:
				more = false
			}
		}
		if q.columns != nil && (len(rows) > 0 || q.fresh) {
			q.seq++
			enc.queryRows(queryPrefix+id, q, rows)
			q.fresh = false
		}
		if !open {
			enc.queryEnd(queryPrefix+id, q.err)
			q.cancel()
			delete(c.queries, id)
		}
	}
}

func (e *encoder) queryRows(topic string, q *query, rows [][]value.Value) {
	b := append(head(topic, q.fresh, q.seq), `,"rows":[`...)
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		for c, name := range q.columns {
			if c > 0 {
				b = append(b, ',')
			}
			b = append(value.OfString(name).AppendJSON(b), ':')
			b = row[c].AppendJSON(b)
		}
		b = append(b, '}')
	}
	e.texts = append(e.texts, append(b, `],"watermark":null}`...))
}

func (e *encoder) queryEnd(topic, why string) {
	b := append([]byte(nil), `{"topic":`...)
	b = append(value.OfString(topic).AppendJSON(b), `,"type":"error","message":`...)
	e.texts = append(e.texts, append(value.OfString(why).AppendJSON(b), '}'))
}
