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
	Views  []string      `yaml:"views" help:"views to archive; empty: all that have windows"`
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

// Archive writes whole days of views, each once it is final, as Parquet below view=NAME/date=YYYY-MM-DD of a target: a directory, or
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

// view is what GET /api/v1/views says of one.
type view struct {
	Name       string
	SQL        string
	WindowS    float64 `json:"window_s"`
	GapS       float64 `json:"gap_s"`
	GraceS     float64 `json:"grace_s"`
	RetentionS float64 `json:"retention_s"`
	Watermark  *time.Time
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// final reports whether nothing of the windows that start before end can change any more. Of sessions it is not known from this alone.
func (v *view) final(end time.Time) bool {
	return v.Watermark != nil && !v.Watermark.Before(end.Add(seconds(v.WindowS)+seconds(v.GapS)+seconds(v.GraceS)))
}

// whole reports whether none of the windows that start at from or later was given up yet.
func (v *view) whole(from time.Time) bool {
	return v.RetentionS == 0 || v.Watermark == nil || from.After(v.Watermark.Add(-seconds(v.RetentionS)))
}

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

// views are those to archive.
func (a *archiver) views(ctx context.Context) (list []*view, err error) {
	var answer struct{ Views []*view }
	if err := a.ask(ctx, "/api/v1/views", &answer); err != nil {
		return nil, err
	}
	var names []string
	for _, v := range answer.Views {
		names = append(names, v.Name)
		wanted := len(a.cfg.Views) == 0 || slices.ContainsFunc(a.cfg.Views, func(name string) bool { return strings.EqualFold(name, v.Name) })
		switch {
		case !wanted:
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
	if from.IsZero() {
		if from, err = a.oldest(ctx, v); err != nil || from.IsZero() {
			return err
		}
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

// oldest is the first day that the core still has whole; zero if there are no rows.
func (a *archiver) oldest(ctx context.Context, v *view) (time.Time, error) {
	text, err := a.one(ctx, "SELECT MIN(window_start) FROM "+quoted(v.Name))
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("the oldest window starts at %q: %w", text, err)
	}
	if at = at.UTC().Truncate(day); !v.whole(at) {
		at = at.Add(day)
	}
	return at, nil
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
	dir := fmt.Sprintf("view=%s/date=%s/", hiveName(v.Name), at.Format(time.DateOnly))
	m, err := readManifest(ctx, a.target, dir)
	switch {
	case err != nil:
		return err
	case m != nil && m.Complete:
		a.there++
		return nil
	case !v.whole(at):
		fmt.Fprintf(a.notes, "%s: %s is older than RETENTION, and some of its windows may be gone: it is not archived\n", v.Name, at.Format(time.DateOnly))
		return nil
	case v.GapS > 0:
		open, err := a.one(ctx, "SELECT COUNT(*) FROM "+quoted(v.Name)+" WHERE NOT final AND "+between(at, at.Add(day)))
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
	var now struct{ Views []*view }
	if err := a.ask(ctx, "/api/v1/views", &now); err != nil {
		return err
	}
	for _, n := range now.Views {
		if n.Name == v.Name && n.SQL == v.SQL && n.whole(at) { // nothing was given up while it was read
			m.Complete = true
		}
	}
	if !m.Complete {
		return errors.New("the view was replaced, or its windows outlived RETENTION, while they were read; the day is not archived")
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

func between(from, to time.Time) string {
	return fmt.Sprintf("window_start >= '%s' AND window_start < '%s'", from.Format(time.RFC3339), to.Format(time.RFC3339))
}

// part writes a part. It is whole on this machine before the target sees any of it. One without rows is no file.
func (a *archiver) part(ctx context.Context, v *view, from, to time.Time, dir string, n int) (*piece, error) {
	f, err := a.target.spool(dir)
	if err != nil {
		return nil, err
	}
	defer discard(f)
	resp, err := a.server.post(ctx, "SELECT * FROM "+quoted(v.Name)+" WHERE "+between(from, to), mediaTypes["parquet"])
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
