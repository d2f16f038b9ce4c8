package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/notify"
)

// Silences gives those in force, each with how many of the alerts that stand it matches.
func (c *Core) Silences() any {
	now := time.Now()
	list := []map[string]any{}
	count := map[string]int{}
	for _, a := range c.standing.list() {
		n := a.notice()
		for _, id := range c.silences.Of(&n, now) {
			count[id]++
		}
	}
	for _, s := range c.silences.List(now) {
		list = append(list, silenceJSON(&s, count[s.ID]))
	}
	return map[string]any{"silences": list}
}

func silenceJSON(s *notify.Silence, alerts int) map[string]any {
	return map[string]any{"id": s.ID, "matchers": s.Matchers, "created": s.Created.UTC(), "until": s.Until.UTC(), "by": s.By, "comment": s.Comment, "alerts": alerts}
}

// MakeSilence keeps alerts from channels; it is durable then.
func (c *Core) MakeSilence(_ context.Context, q *api.NewSilence) (any, error) {
	bad := func(err error) (any, error) {
		return nil, &api.RequestError{Status: http.StatusBadRequest, Message: err.Error()}
	}
	now := time.Now()
	s := notify.Silence{Until: q.Until, By: cmp.Or(q.By, "operator"), Comment: q.Comment}
	for _, m := range q.Matchers {
		s.Matchers = append(s.Matchers, notify.Matcher{Name: m.Name, Match: m.Match, Value: m.Value})
	}
	switch {
	case q.For != "" && !q.Until.IsZero():
		return bad(errors.New("for and until: one of them says when it ends"))
	case q.For != "":
		d, err := time.ParseDuration(q.For)
		if err != nil {
			return bad(fmt.Errorf("for: %q is no duration such as 2h or 30m", q.For))
		}
		s.Until = now.Add(d)
	case q.Until.IsZero():
		return bad(errors.New(`until or for is wanted: "until":"2026-01-02T15:00:00Z", or "for":"2h"`))
	}
	s.Until = s.Until.UTC().Truncate(time.Millisecond)
	if err := s.Check(now); err != nil {
		return bad(err)
	}
	if err := c.room.spare(); err != nil {
		return nil, err
	}
	s, err := c.silences.Add(s, now)
	if errors.Is(err, notify.ErrTooMany) {
		return bad(err)
	}
	if err != nil {
		return nil, err
	}
	alerts := 0
	for _, a := range c.standing.list() {
		if n := a.notice(); slices.Contains(c.silences.Of(&n, now), s.ID) {
			alerts++
		}
	}
	return silenceJSON(&s, alerts), nil
}

// EndSilence ends one before its time.
func (c *Core) EndSilence(_ context.Context, id string) error {
	ok, err := c.silences.End(id, time.Now())
	if err == nil && !ok {
		err = &api.RequestError{Status: http.StatusNotFound, Message: fmt.Sprintf("no silence %q is in force; GET /api/v1/silences lists those that are", strings.TrimSpace(id))}
	}
	return err
}
