package core

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// exports are the SELECTs whose rows go out as they are read. They may take hours, so query.timeout is none of theirs: they end with their
// rows, with the client's connection, or with the core.
type exports struct {
	turns    chan struct{} // one is held by each
	rows     prometheus.Counter
	outcomes *prometheus.CounterVec
}

func newExports(most int, r prometheus.Registerer) *exports {
	e := &exports{turns: make(chan struct{}, max(most, 1)),
		rows: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_export_rows_total", Help: "Rows that exports gave."}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_exports_total",
			Help: "Exports that ended: done, gone (the client left), limit (query.max_export_rows), failed."}, []string{"outcome"})}
	r.MustRegister(e.rows, e.outcomes, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_exports_running", Help: "Exports that run, of query.max_exports."},
		func() float64 { return float64(len(e.turns)) }))
	return e
}

// end waits for those that run, which have been told, and lets none begin: the store that they read is about to be closed.
func (e *exports) end() {
	for range cap(e.turns) {
		e.turns <- struct{}{}
	}
}

// turnWithin is how long an export waits while query.max_exports others run.
const turnWithin = 30 * time.Second

// Export is Execute, but that the rows of a SELECT are read when they are asked for, and not held.
func (c *Core) Export(ctx context.Context, text string) (*api.Answer, error) {
	return c.execute(ctx, text, c.export)
}

var errExportRows = errors.New("more rows than query.max_export_rows")

func (c *Core) export(ctx context.Context, st *sql.Select) (*api.Answer, error) {
	asked, err := c.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	a := answerOf(sql.Result{Columns: asked.query.Columns()})
	a.Watermark = asked.watermark
	a.Each = func(ctx context.Context, take func([]value.Value) error) error {
		err := c.exportRows(ctx, asked, take)
		switch {
		case err == nil:
			c.exports.outcomes.WithLabelValues("done").Inc()
		case errors.Is(err, errExportRows):
			c.exports.outcomes.WithLabelValues("limit").Inc()
		case ctx.Err() != nil:
			c.exports.outcomes.WithLabelValues("gone").Inc()
		default:
			c.exports.outcomes.WithLabelValues("failed").Inc()
		}
		return err
	}
	return a, nil
}

func (c *Core) exportRows(ctx context.Context, asked *asked, take func([]value.Value) error) error {
	select {
	case c.exports.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.stopping:
		return errStopping
	case <-time.After(turnWithin):
		return &api.RequestError{Status: http.StatusServiceUnavailable, Message: fmt.Sprintf("%d exports run already (query.max_exports); try again later", c.cfg.Query.MaxExports)}
	}
	defer func() { <-c.exports.turns }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	n := int64(0)
	return asked.run(func(rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value]) error {
		return asked.query.Each(ctx, func(row []value.Value) error {
			if n++; c.cfg.Query.MaxExportRows > 0 && n > c.cfg.Query.MaxExportRows {
				return fmt.Errorf("%w (%d): narrow it or use LIMIT", errExportRows, c.cfg.Query.MaxExportRows)
			}
			c.exports.rows.Inc()
			return take(row)
		}, rows, joined...)
	})
}

var errStopping = &api.RequestError{Status: http.StatusServiceUnavailable, Message: "the core is stopping; ask again"}
