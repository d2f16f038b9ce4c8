package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ArchiveConfig says what is archived, and where.
type ArchiveConfig struct {
	Server string        `yaml:"server" default:"http://127.0.0.1:8080" help:"address of a core"`
	Token  string        `yaml:"token" secret:"true" help:"the core's http.token"`
	Views  []string      `yaml:"views" help:"views, patterns, fence_events and alerts to archive; empty: all, but views without windows"`
	From   string        `yaml:"from" help:"first day, as 2026-01-31; empty: the oldest that the core has whole"`
	To     string        `yaml:"to" help:"last day; empty: the newest that is final"`
	Part   time.Duration `yaml:"part" default:"24h" help:"length of time of a file, of which a whole number makes a day: what a day begun is begun with, it is finished with"`
	DryRun bool          `yaml:"dry_run" help:"say what would be done, and do nothing"`

	Endpoint string `yaml:"endpoint" default:"https://s3.amazonaws.com" help:"address of the S3-compatible server of an s3:// target; its keys are in the environment, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"`
	Region   string `yaml:"region" help:"region of the bucket, where the server does not say it"`
}

const day = 24 * time.Hour

// Validate checks what needs no core.
func (c *ArchiveConfig) Validate() error {
	if c.Part < time.Minute || c.Part > day || day%c.Part != 0 {
		return fmt.Errorf("part: a whole number of %s must make a day, and it must be a minute at least", c.Part)
	}
	_, _, err := c.days()
	return err
}

// days are the first and the last that may be archived; zero if that is not said.
func (c *ArchiveConfig) days() (from, to time.Time, err error) {
	for key, at := range map[string]*time.Time{"from": &from, "to": &to} {
		text := map[string]string{"from": c.From, "to": c.To}[key]
		if text == "" {
			continue
		}
		if *at, err = time.Parse(time.DateOnly, text); err != nil {
			return from, to, fmt.Errorf("%s: %q is no day such as 2026-01-31", key, text)
		}
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return from, to, fmt.Errorf("to: %s is before %s", c.To, c.From)
	}
	return from, to, nil
}

// Archive writes whole days of views, events at fences, alerts and matches, each once it is final, as Parquet below view=NAME/date=YYYY-MM-DD of a target: a directory, or
// s3://BUCKET/PREFIX. What is there already is left; what was begun is finished. So it may be run again and again, and be ended anywhere.
func Archive(ctx context.Context, cfg *ArchiveConfig, to string, p Process) error {
	t, err := openTarget(cfg, to)
	if err != nil {
		return err
	}
	a := &archiver{cfg: cfg, server: newServer(&Config{Server: cfg.Server, Token: cfg.Token}), target: t, out: p.Stdout, notes: p.Stderr}
	views, err := a.views(ctx)
	if err != nil {
		return err
	}
	for _, v := range views {
		if err := a.view(ctx, v); err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	if cfg.DryRun {
		fmt.Fprintf(a.notes, "%d days would be archived; %d are there already\n", a.done, a.there)
		return nil
	}
	fmt.Fprintf(a.notes, "%d days archived, %d rows in %s; %d were there already\n", a.done, a.rows, size(a.bytes), a.there)
	return nil
}

type archiver struct {
	cfg        *ArchiveConfig
	server     *server
	target     target
	out, notes io.Writer

	done, there int // days
	rows, bytes int64
}

// view is what GET /api/v1/views says of one, or GET /api/v1/events of events, which have a column of their own Time.
type view struct {
	Name      string
	SQL       string
	WindowS   float64 `json:"window_s"`
	GapS      float64 `json:"gap_s"`
	GraceS    float64 `json:"grace_s"`
	Watermark *time.Time
	Since     *time.Time `json:"whole_since"` // nothing from then on was given up; nil: nothing ever was
	Rollups   []rollup

	Time      string     // the column
	Final     *time.Time `json:"final_before"` // of events
	OnArrival bool       `json:"on_arrival"`   // there are some that are not final
}

// rollup is larger windows that a view is kept as.
type rollup struct {
	WindowS float64 `json:"window_s"`
	From    time.Time
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// final reports whether nothing of the windows that start before end can change any more. Of sessions it is not known from this alone.
func (v *view) final(end time.Time) bool {
	if v.Time != "" {
		return v.Final != nil && !v.Final.Before(end)
	}
	return v.Watermark != nil && !v.Watermark.Before(end.Add(seconds(v.WindowS)+seconds(v.GapS)+seconds(v.GraceS)))
}

// column is the time by which rows are archived.
func (v *view) column() string {
	if v.Time != "" {
		return quoted(v.Time)
	}
	return "window_start"
}

// between are the rows from one time up to another, those that are final.
func (v *view) between(from, to time.Time) string {
	where := fmt.Sprintf("%[1]s >= '%[2]s' AND %[1]s < '%[3]s'", v.column(), from.Format(time.RFC3339), to.Format(time.RFC3339))
	if v.OnArrival {
		where += " AND final"
	}
	return where
}

// whole reports whether none of the rows from a time on was given up yet.
func (v *view) whole(from time.Time) bool { return v.Since == nil || !from.Before(*v.Since) }

func (a *archiver) ask(ctx context.Context, path string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server.address+path, nil)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if a.server.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.server.token)
	}
	resp, err := a.server.http.Do(r)
	if err != nil {
		return fmt.Errorf("no core answers: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s%s answers %s", a.server.address, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// all are the views and events that the core has now.
func (a *archiver) all(ctx context.Context) ([]*view, error) {
	var views struct{ Views []*view }
	var events struct{ Events []*view }
	err := a.ask(ctx, "/api/v1/views", &views)
	if err == nil {
		err = a.ask(ctx, "/api/v1/events", &events)
	}
	return append(views.Views, events.Events...), err
}

// views are those to archive.
func (a *archiver) views(ctx context.Context) (list []*view, err error) {
	all, err := a.all(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range all {
		names = append(names, v.Name)
		wanted := len(a.cfg.Views) == 0 || slices.ContainsFunc(a.cfg.Views, func(name string) bool { return strings.EqualFold(name, v.Name) })
		switch {
		case !wanted:
		case v.Time != "":
			list = append(list, v)
		case v.WindowS == 0 && v.GapS == 0 && len(a.cfg.Views) > 0:
			return nil, fmt.Errorf("%s has no windows, so it has no days; hexpane sql --format parquet saves it as it is", v.Name)
		case v.WindowS == 0 && v.GapS == 0:
		default:
			list = append(list, v)
		}
	}
	for _, name := range a.cfg.Views {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return nil, fmt.Errorf("there is no view %s; there is %s", name, strings.Join(names, ", "))
		}
	}
	return list, nil
}

// view archives the days of one, the oldest first.
func (a *archiver) view(ctx context.Context, v *view) error {
	from, to, err := a.cfg.days()
	if err != nil {
		return err
	}
	oldest, err := a.oldest(ctx, v)
	if err != nil {
		return err
	}
	if from.IsZero() {
		if err := a.lost(ctx, v, oldest); err != nil || oldest.IsZero() {
			return err
		}
		from = oldest
	} else if oldest.IsZero() || from.Before(oldest) && v.whole(from) { // it may not have been there
		if oldest.IsZero() {
			fmt.Fprintf(a.notes, "%s: nothing is known of it\n", v.Name)
			return a.lost(ctx, v, oldest)
		}
		fmt.Fprintf(a.notes, "%s: nothing is known of it before %s\n", v.Name, oldest.Format(time.DateOnly))
		from = oldest
	}
	for at := from; to.IsZero() || !at.After(to); at = at.Add(day) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !v.final(at.Add(day)) {
			if !to.IsZero() {
				fmt.Fprintf(a.notes, "%s: %s is not final yet\n", v.Name, at.Format(time.DateOnly))
			}
			return nil
		}
		if err := a.day(ctx, v, at); err != nil {
			return fmt.Errorf("%s: %w", at.Format(time.DateOnly), err)
		}
	}
	return nil
}

// oldest is the first day that the core still has rows of, whole or not; zero if there are none.
func (a *archiver) oldest(ctx context.Context, v *view) (time.Time, error) {
	text, err := a.one(ctx, fmt.Sprintf("SELECT MIN(%s) FROM %s", v.column(), quoted(v.Name)))
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("the oldest row is of %q: %w", text, err)
	}
	return at.UTC().Truncate(day), nil
}

// lost says so if the day before the oldest that the core has rows of is neither there nor to be had any more: only larger windows of it are left.
func (a *archiver) lost(ctx context.Context, v *view, oldest time.Time) error {
	if len(v.Rollups) == 0 || v.Watermark == nil {
		return nil
	}
	first := slices.MinFunc(v.Rollups, func(a, b rollup) int { return a.From.Compare(b.From) }).From.UTC().Truncate(day)
	last := oldest.Add(-day)
	if oldest.IsZero() { // no row is left
		last = v.Watermark.UTC().Truncate(day).Add(-day)
	}
	if last.Before(first) {
		return nil
	}
	m, err := readManifest(ctx, a.target, v.dir(last))
	if err != nil || m != nil && m.Complete {
		return err
	}
	fmt.Fprintf(a.notes, "%s: %s to %s: %s: what of these days is not in the archive yet can't be archived any more\n", v.Name, first.Format(time.DateOnly), last.Format(time.DateOnly), v.leftOver())
	return nil
}

// leftOver says what there is of days whose windows are gone.
func (v *view) leftOver() string {
	var sizes []string
	for _, r := range v.Rollups {
		sizes = append(sizes, seconds(r.WindowS).String())
	}
	if len(sizes) == 0 {
		return "some of its rows may be gone"
	}
	return "its windows are gone, or some may be, and only larger ones are left (rollups of " + strings.Join(sizes, ", ") + "; a SELECT of MERGE gives them)"
}

func (v *view) dir(at time.Time) string {
	return fmt.Sprintf("view=%s/date=%s/", hiveName(v.Name), at.Format(time.DateOnly))
}

// one asks for one value, however long that takes; "" for NULL.
func (a *archiver) one(ctx context.Context, sql string) (string, error) {
	resp, err := a.server.post(ctx, sql, mediaTypes["csv"])
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fmt.Errorf("the answer broke off: %w", err)
	}
	_, value, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.Trim(value, `"`), nil
}

// day archives one, unless it is there.
func (a *archiver) day(ctx context.Context, v *view, at time.Time) error {
	dir := v.dir(at)
	m, err := readManifest(ctx, a.target, dir)
	switch {
	case err != nil:
		return err
	case m != nil && m.Complete:
		a.there++
		return nil
	case !v.whole(at):
		fmt.Fprintf(a.notes, "%s: %s is older than what is kept (%s): %s: it is not archived\n", v.Name, at.Format(time.DateOnly), v.keptBy(), v.leftOver())
		return nil
	case v.GapS > 0:
		open, err := a.one(ctx, "SELECT COUNT(*) FROM "+quoted(v.Name)+" WHERE NOT final AND "+v.between(at, at.Add(day)))
		if err != nil {
			return err
		}
		if open != "0" {
			fmt.Fprintf(a.notes, "%s: %s has sessions that go on: it is not final yet\n", v.Name, at.Format(time.DateOnly))
			return nil
		}
	}
	if a.done++; a.cfg.DryRun {
		fmt.Fprintln(a.out, "would write "+a.target.name(dir))
		return nil
	}
	if m == nil || m.SQL != v.SQL { // what another definition of the view began is written over
		part := a.cfg.Part
		if m != nil {
			part = time.Duration(m.PartS) * time.Second
		}
		m = &manifest{Format: manifestFormat, View: v.Name, Date: at.Format(time.DateOnly), SQL: v.SQL, PartS: int64(part / time.Second)}
		if err := m.write(ctx, a.target, dir); err != nil { // before any part: it says how long parts are
			return err
		}
	}
	return a.parts(ctx, v, at, dir, m)
}

// parts writes those of a day that are not there, then says that it is complete.
func (a *archiver) parts(ctx context.Context, v *view, at time.Time, dir string, m *manifest) error {
	length := time.Duration(m.PartS) * time.Second
	if length <= 0 || day%length != 0 {
		return fmt.Errorf("%s: parts of %d s make no day", a.target.name(dir+manifestName), m.PartS)
	}
	for i := range int(day / length) {
		if i < len(m.Parts) {
			continue
		}
		from := at.Add(time.Duration(i) * length)
		p, err := a.part(ctx, v, from, from.Add(length), dir, i)
		if err != nil {
			return err
		}
		m.Parts = append(m.Parts, *p)
		if i < int(day/length)-1 {
			if err := m.write(ctx, a.target, dir); err != nil {
				return err
			}
		}
	}
	now, err := a.all(ctx)
	if err != nil {
		return err
	}
	for _, n := range now {
		if n.Name == v.Name && n.SQL == v.SQL && n.whole(at) { // nothing was given up while it was read
			m.Complete = true
		}
	}
	if !m.Complete {
		return fmt.Errorf("it was replaced, or rows outlived what is kept (%s), while they were read; the day is not archived", v.keptBy())
	}
	if err := m.write(ctx, a.target, dir); err != nil {
		return err
	}
	rows, bytes := int64(0), int64(0)
	for _, p := range m.Parts {
		rows, bytes = rows+p.Rows, bytes+p.Bytes
	}
	a.rows, a.bytes = a.rows+rows, a.bytes+bytes
	fmt.Fprintf(a.out, "%s  %d rows, %s\n", a.target.name(dir), rows, size(bytes))
	return nil
}

// keptBy is the setting that says how long rows are kept.
func (v *view) keptBy() string {
	switch {
	case v.Time == "":
		return "RETENTION"
	case v.SQL == "":
		return "state.table_rows"
	}
	return "pattern.keep_matches"
}

// part writes a part. It is whole on this machine before the target sees any of it. One without rows is no file.
func (a *archiver) part(ctx context.Context, v *view, from, to time.Time, dir string, n int) (*piece, error) {
	f, err := a.target.spool(dir)
	if err != nil {
		return nil, err
	}
	defer discard(f)
	resp, err := a.server.post(ctx, "SELECT * FROM "+quoted(v.Name)+" WHERE "+v.between(from, to), mediaTypes["parquet"])
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if !announced(resp) {
		return nil, errors.New("the core gives no Parquet: it is older than this client")
	}
	m := newMeter(a.notes, false)
	_, err = io.Copy(io.MultiWriter(f, m), resp.Body)
	m.clear()
	if err != nil {
		return nil, fmt.Errorf("the answer broke off after %s: %w", size(m.bytes), err)
	}
	if resp.Trailer.Get(rowsTrailer) == "" {
		return nil, errors.New("the answer does not say how many rows it has, so it is not whole")
	}
	p := &piece{From: from, To: to, Rows: int64(rowsIn(resp))}
	if p.Rows == 0 {
		return p, nil
	}
	p.File, p.Bytes = fmt.Sprintf("part-%d.parquet", n), m.bytes
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := a.target.put(ctx, dir+p.File, f); err != nil {
		return nil, fmt.Errorf("write %s: %w", a.target.name(dir+p.File), err)
	}
	return p, nil
}
