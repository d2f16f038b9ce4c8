package notify

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Silence keeps alerts that all its matchers match from all channels, until a time.
type Silence struct {
	ID       string    `json:"id"`
	Matchers []Matcher `json:"matchers"`
	Created  time.Time `json:"created"`
	Until    time.Time `json:"until"`
	By       string    `json:"by"`
	Comment  string    `json:"comment"`
}

// Matcher compares a part of an alert: alert, key, severity, a column of its key or a label, which may be written keys.NAME and labels.NAME. What it
// does not have is empty.
type Matcher struct {
	Name  string `json:"name"`
	Match string `json:"match"` // = (if it is empty), !=, =~ or !~; expressions are RE2, of the whole value
	Value string `json:"value"`

	expr *regexp.Regexp
}

const (
	maxMatchers = 32
	maxValue    = 1024
)

// Check says what is wrong with a silence, by its field, and prepares it.
func (s *Silence) Check(now time.Time) error {
	if len(s.Matchers) == 0 || len(s.Matchers) > maxMatchers {
		return fmt.Errorf("matchers: 1 to %d are wanted", maxMatchers)
	}
	for i := range s.Matchers {
		m := &s.Matchers[i]
		if m.Match == "" {
			m.Match = "="
		}
		var err error
		switch {
		case m.Name == "":
			err = fmt.Errorf("a name is wanted: alert, key, severity, a column of the key, or a label")
		case !slices.Contains([]string{"=", "!=", "=~", "!~"}, m.Match):
			err = fmt.Errorf("match: %q is none of = != =~ !~", m.Match)
		case len(m.Name) > maxValue || len(m.Value) > maxValue:
			err = fmt.Errorf("name and value have at most %d bytes", maxValue)
		case m.Match[len(m.Match)-1] == '~':
			m.expr, err = regexp.Compile("^(?s:" + m.Value + ")$")
		}
		if err != nil {
			return fmt.Errorf("matchers[%d]: %w", i, err)
		}
	}
	if !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return !m.matches("") }) {
		return fmt.Errorf("matchers: they match any alert; name at least one thing")
	}
	if !s.Until.After(now) {
		return fmt.Errorf("until: %s is not in the future", s.Until.Format(time.RFC3339))
	}
	if s.Until.After(now.AddDate(1, 0, 0)) {
		return fmt.Errorf("until: more than a year from now")
	}
	if len(s.By) > 200 || len(s.Comment) > 2000 {
		return fmt.Errorf("by has at most 200 bytes, comment 2000")
	}
	return nil
}

func (m *Matcher) matches(value string) bool {
	yes := value == m.Value
	if m.expr != nil {
		yes = m.expr.MatchString(value)
	}
	return yes != (m.Match[0] == '!')
}

func (s *Silence) of(n *Notice) bool {
	for i := range s.Matchers {
		if m := &s.Matchers[i]; !m.matches(n.part(m.Name)) {
			return false
		}
	}
	return true
}

// part is what a matcher compares.
func (n *Notice) part(name string) string {
	switch name {
	case "alert":
		return n.Alert
	case "key":
		return n.Key
	case "severity":
		return n.Severity
	}
	if column, ok := strings.CutPrefix(name, "keys."); ok {
		return n.Keys[column]
	}
	if label, ok := strings.CutPrefix(name, "labels."); ok {
		return n.Labels[label]
	}
	if v, ok := n.Keys[name]; ok {
		return v
	}
	return n.Labels[name]
}

// SilenceStore keeps silences; nil ends one.
type SilenceStore interface {
	Silence(id string, silence []byte) error
	Silences(f func(id string, silence []byte) error) error
}

// Silences are those in force, by the clock.
type Silences struct {
	store   SilenceStore
	most    int
	changed func() // wakes the channels; nil before there are any

	mu  sync.Mutex
	all []*Silence // by their ends
}

// OpenSilences reads those kept; most bounds how many there may be.
func OpenSilences(store SilenceStore, most int) (*Silences, error) {
	s := &Silences{store: store, most: most}
	return s, store.Silences(func(id string, text []byte) error {
		one := &Silence{}
		if err := json.Unmarshal(text, one); err != nil {
			return fmt.Errorf("read silence %s: %w", id, err)
		}
		for i := range one.Matchers {
			if m := &one.Matchers[i]; m.Match == "=~" || m.Match == "!~" {
				var err error
				if m.expr, err = regexp.Compile("^(?s:" + m.Value + ")$"); err != nil {
					return fmt.Errorf("read silence %s: %w", id, err)
				}
			}
		}
		s.put(one)
		return nil
	})
}

func (s *Silences) put(one *Silence) {
	s.all = append(s.all, one)
	slices.SortFunc(s.all, func(a, b *Silence) int { return a.Until.Compare(b.Until) })
}

// Add keeps a silence that was checked, and names it. It is durable then.
func (s *Silences) Add(one Silence, now time.Time) (Silence, error) {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	one.ID, one.Created = hex.EncodeToString(id), now.UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.expire(now); err != nil {
		return one, err
	}
	if len(s.all) >= s.most {
		return one, ErrTooMany
	}
	text, err := json.Marshal(one)
	if err == nil {
		err = s.store.Silence(one.ID, text)
	}
	if err != nil {
		return one, err
	}
	s.put(&one)
	s.told()
	return one, nil
}

// ErrTooMany says that there are as many silences as there may be.
var ErrTooMany = fmt.Errorf("there are as many silences as alerts.max_silences allows; end some")

// expire forgets those that are over.
func (s *Silences) expire(now time.Time) error {
	for len(s.all) > 0 && !s.all[0].Until.After(now) {
		if err := s.store.Silence(s.all[0].ID, nil); err != nil {
			return err
		}
		s.all = s.all[1:]
	}
	return nil
}

// End ends a silence, and reports whether there was one.
func (s *Silences) End(id string, now time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(o *Silence) bool { return o.ID == id && o.Until.After(now) })
	if i < 0 {
		return false, nil
	}
	if err := s.store.Silence(id, nil); err != nil {
		return true, err
	}
	s.all = slices.Delete(s.all, i, i+1)
	s.told()
	return true, nil
}

func (s *Silences) told() {
	if s.changed != nil {
		s.changed()
	}
}

// List gives those in force, those first that end first.
func (s *Silences) List(now time.Time) []Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Silence{}
	for _, one := range s.all {
		if one.Until.After(now) {
			list = append(list, *one)
		}
	}
	return list
}

// Of gives the ids of those that match a notice.
func (s *Silences) Of(n *Notice, now time.Time) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.Until.After(now) && one.of(n) {
			ids = append(ids, one.ID)
		}
	}
	return ids
}

// next is when the next one ends; the zero time: none does.
func (s *Silences) next(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.Until.After(now) {
			return one.Until
		}
	}
	return time.Time{}
}
