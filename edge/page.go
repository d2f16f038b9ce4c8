package edge

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/hexpane/hexpane/edge/check"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("status").Funcs(template.FuncMap{"plain": plain, "size": size, "ago": ago, "span": func(now, since time.Time) string { return short(now.Sub(since)) }, "clock": clockText, "count": count,
	"style": func() template.CSS { return template.CSS(pageStyle) }}).Parse(pageText))

// The page loads nothing and runs nothing; its style is known by its hash.
var pagePolicy = func() string {
	digest := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}()

// pageView is what the page shows.
type pageView struct {
	*snapshot
	ID, Mode, Now, Address string
	Ready                  bool
	Clients                int64
	OutboxLimit, RowLimit  int64
	DiskFree, DiskSize     int64 // bytes; 0: unknown
	DiskFull, NoBallast    bool
	Reserve                int64
	Clock                  *check.Offset
	Advice                 []string
	Stale                  time.Duration
}

// ServeHTTP serves POST /api/v1/ingest and GET /status.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/api/v1/ingest":
		e.http.ServeHTTP(w, r)
	case r.URL.Path == "/status" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		e.servePage(w, r)
	default:
		http.NotFound(w, r)
	}
}

// servePage answers with the state as of the last second. Where tokens are wanted for posting, one of them is wanted here too, as a
// password, since the page shows samples of what devices send.
func (e *Edge) servePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", pagePolicy)
	if _, password, _ := r.BasicAuth(); !e.http.Knows(password) {
		h.Set("WWW-Authenticate", `Basic realm="hexpane edge: any name, and a token of ingest.tokens as password", charset="UTF-8"`)
		http.Error(w, "a token of ingest.tokens is wanted, as password", http.StatusUnauthorized)
		return
	}
	var text bytes.Buffer
	if err := page.Execute(&text, e.view(time.Now())); err != nil {
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text.Bytes()) // the client may be gone
}

func (e *Edge) view(now time.Time) *pageView {
	v := &pageView{snapshot: e.line.status.published.Load(), ID: e.cfg.ID, Mode: e.cfg.Mode, Now: now.UTC().Format(time.DateTime), Address: e.MQTTAddress(),
		DiskFull: e.store.Space().Full(), NoBallast: e.store.Space().Ballast() == 0, Reserve: e.cfg.Store.ReserveBytes, Ready: e.ready.Load(),
		OutboxLimit: e.cfg.Store.OutboxBytes, RowLimit: e.cfg.Store.HeldRowBytes, Clock: e.clock.Load()}
	if v.snapshot == nil { // the line has not turned yet
		s := e.line.status
		v.snapshot = &snapshot{At: now, Started: s.started, Version: s.version, LinkSince: s.started}
	}
	v.Stale = now.Sub(v.At)
	if e.broker != nil {
		v.Clients = e.broker.Clients()
	} else {
		v.Address = e.cfg.Subscribe.Broker
		if e.sub.Connected() {
			v.Clients = 1
		}
	}
	var disk syscall.Statfs_t
	if syscall.Statfs(e.dir, &disk) == nil {
		v.DiskFree, v.DiskSize = int64(disk.Bavail)*disk.Bsize, int64(disk.Blocks)*disk.Bsize
	}
	v.Advice = v.advise(now)
	return v
}

// Where the page begins to warn.
const (
	slowCommit  = 250 * time.Millisecond
	littleDisk  = 1 << 30
	clockApart  = time.Second
	silentAfter = 5 * time.Minute
	staleAfter  = 10 * time.Second
)

// advise says what is wrong and what to do, the worst first.
func (v *pageView) advise(now time.Time) (list []string) {
	say := func(if_ bool, format string, args ...any) {
		if if_ {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	say(v.Stale > staleAfter, "The edge has not worked for %s: it waits for the disk. Look for a failing or full disk; its log says more.", v.Stale.Round(time.Second))
	say(v.Plan == 0, "No plan yet, so nothing is taken in. Is the core running, and nats.url right? hexpane-edge check tells which.")
	say(v.DiskFull, "The disk is full: nothing is taken in, and devices keep their readings if they can. Free some space (%s are wanted); it resumes by itself.", size(v.Reserve+v.Reserve/2))
	say(v.Full, "The outbox is full: devices are held back, and keep their readings if they can. Mend the link to the core, or raise store.outbox_bytes.")
	say(!v.Link && v.Plan != 0, "The core is not reached. Readings are kept on this disk meanwhile; nothing is lost. Check cable, modem and nats.url; hexpane-edge check helps.")
	say(v.CatchingUp, "The core is back, and what was held goes out. Nothing to do.")
	say(!v.DiskFull && v.DiskSize > 0 && v.DiskFree < max(littleDisk, 2*v.Reserve), "Less than %s is free on this disk. Make room.", size(max(littleDisk, 2*v.Reserve)))
	say(v.Commits > 0 && v.CommitP99 > slowCommit, "The disk is slow: one commit in a hundred takes longer than %s, and devices wait for it. Worn-out card?", v.CommitP99.Round(time.Millisecond))
	say(v.Mode == "subscribe" && v.Clients == 0, "Not connected to the broker %s. Is it running? Are subscribe.username and subscribe.password right?", v.Address)
	if c := v.Clock; c != nil {
		say(c.Ahead.Abs()-c.Within > clockApart, "This clock and the core's are apart (%s). Set up NTP here.", clockText(c))
	}
	for _, s := range v.Streams {
		say(s.readings > 0 && !s.Last.IsZero() && now.Sub(s.Last) > silentAfter, "Nothing came for stream %s for %s. Are its devices on?", plain(s.Name), short(now.Sub(s.Last)))
		say(s.future > 0, "Stream %s has readings from the future: a device's clock is wrong.", plain(s.Name))
		say(s.rejected > 0 && s.rejected > s.readings/10, "Much of what comes for stream %s can't be read; see the samples below.", plain(s.Name))
	}
	return list
}

// Used says how much of a bound is taken.
func (v *pageView) Used(n, limit int64) string {
	if limit <= 0 {
		return size(n)
	}
	return fmt.Sprintf("%s of %s (%d %%)", size(n), size(limit), 100*n/limit)
}

// Counters of a stream, for the page.
func (s streamStatus) Accepted() string   { return count(s.readings) }
func (s streamStatus) Rejected() string   { return count(s.rejected) }
func (s streamStatus) Duplicates() string { return count(s.duplicates) }
func (s streamStatus) Future() string     { return count(s.future) }
func (s streamStatus) Skipped() string    { return count(s.skipped) }
func (s streamStatus) Rate() string       { return strconv.FormatFloat(s.PerSecond, 'f', 1, 64) }

// plain is text that a device chose, with what does not print (line ends, text that runs backwards) spelled out.
func plain(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func size(n int64) string {
	f, unit := float64(n), 0
	for units := "KMGT"; f >= 1024 && unit < len(units); unit++ {
		f /= 1024
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGT"[unit-1])
}

func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < 0:
		return "in " + short(-d)
	}
	return short(d) + " ago"
}

func short(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 72*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

func clockText(o *check.Offset) string {
	if o == nil {
		return "not known yet"
	}
	word := "behind"
	if o.Ahead < 0 {
		word = "ahead of"
	}
	return fmt.Sprintf("%s %s the core's, give or take %s", o.Ahead.Abs().Round(time.Millisecond), word, o.Within.Round(100*time.Microsecond))
}
