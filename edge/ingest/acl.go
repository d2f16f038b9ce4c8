package ingest

import (
	"fmt"
	"strings"
)

// ACL says which topics clients may use, by templates: topic filters in which {device} stands for the client's own identity and
// {client} for its MQTT client id, each within one level. An empty list allows everything.
type ACL struct {
	Publish, Subscribe []string
	Users              map[string]UserACL // instead of the above, for those user names (or certificates' names)
}

// UserACL is what one user may.
type UserACL struct{ Publish, Subscribe []string }

// ParseUserACL reads "publish a/# b subscribe c/+ both d": words after publish, subscribe or both are templates for these. A list
// that is never begun allows nothing.
func ParseUserACL(text string) (UserACL, error) {
	a := UserACL{Publish: []string{}, Subscribe: []string{}}
	mode := ""
	for _, word := range strings.Fields(text) {
		switch word {
		case "publish", "subscribe", "both":
			mode = word
			continue
		}
		if mode == "" {
			return a, fmt.Errorf("%q: begin with publish, subscribe or both", text)
		}
		if err := CheckTemplate(word); err != nil {
			return a, err
		}
		if mode != "subscribe" {
			a.Publish = append(a.Publish, word)
		}
		if mode != "publish" {
			a.Subscribe = append(a.Subscribe, word)
		}
	}
	if mode == "" {
		return a, fmt.Errorf("%q: begin with publish, subscribe or both", text)
	}
	return a, nil
}

// CheckTemplate says what is wrong with a template.
func CheckTemplate(t string) error {
	if t == "" || !sound(t) {
		return fmt.Errorf("template %q: want a topic filter without control characters", t)
	}
	for rest, more := t, true; more; {
		var level string
		level, rest, more = strings.Cut(rest, "/")
		bare := strings.NewReplacer("{device}", "", "{client}", "").Replace(level)
		switch {
		case strings.ContainsAny(level, "+#") && len(level) > 1:
			return fmt.Errorf("template %q: + and # fill a whole level", t)
		case level == "#" && more:
			return fmt.Errorf("template %q: # is the last level", t)
		case strings.ContainsAny(bare, "{}"):
			return fmt.Errorf("template %q: only {device} and {client} can be filled in", t)
		case strings.Count(level, "{") > 1:
			return fmt.Errorf("template %q: one {device} or {client} a level", t)
		}
	}
	return nil
}

// Names reports whether a template holds {device} or {client}, so that it is each client's own.
func Names(template string) bool {
	return strings.Contains(template, "{device}") || strings.Contains(template, "{client}")
}

// rights are what one client may. A nil list allows everything, an empty one nothing.
type rights struct {
	device, client     string
	publish, subscribe []string
}

func (a *ACL) rights(user, device, client string) rights {
	r := rights{device: device, client: client, publish: a.Publish, subscribe: a.Subscribe}
	if len(r.publish) == 0 {
		r.publish = nil
	}
	if len(r.subscribe) == 0 {
		r.subscribe = nil
	}
	if u, ok := a.Users[user]; ok && user != "" {
		r.publish, r.subscribe = u.Publish, u.Subscribe
	}
	return r
}

// byName reports whether a template in force holds the client's name, which then must be one level that means itself.
func (r *rights) byName() bool {
	for _, list := range [][]string{r.publish, r.subscribe} {
		for _, t := range list {
			if Names(t) {
				return true
			}
		}
	}
	return false
}

func (r *rights) mayPublish(topic string) bool { return r.covered(r.publish, topic) }

// maySubscribe takes a topic filter, or a topic that is about to be delivered; without $share/group.
func (r *rights) maySubscribe(filter string) bool { return r.covered(r.subscribe, filter) }

func (r *rights) covered(templates []string, filter string) bool {
	if templates == nil {
		return true
	}
	for _, t := range templates {
		if r.covers(t, filter) {
			return true
		}
	}
	return false
}

// covers reports whether every topic that filter matches is one that the template matches.
func (r *rights) covers(template, filter string) bool {
	if filter != "" && filter[0] == '$' && template[0] != '$' {
		return false // as in MQTT: a wildcard at the top does not mean the broker's topics
	}
	for {
		t, templateRest, templateMore := strings.Cut(template, "/")
		if t == "#" {
			return true
		}
		f, filterRest, filterMore := strings.Cut(filter, "/")
		switch {
		case t == "+":
			if f == "#" {
				return false
			}
		case !r.same(t, f):
			return false
		}
		switch {
		case !templateMore || !filterMore:
			return templateMore == filterMore || templateRest == "#" && templateMore // a/# matches a too
		}
		template, filter = templateRest, filterRest
	}
}

// same reports whether a level is the template's, filled in.
func (r *rights) same(template, level string) bool {
	if template == level {
		return strings.IndexByte(template, '{') < 0
	}
	at := strings.IndexByte(template, '{')
	if at < 0 {
		return false
	}
	name, rest := r.device, template[at:]
	if strings.HasPrefix(rest, "{client}") {
		name = r.client
	}
	rest = rest[len("{device}"):] // both are as long
	return len(level) == at+len(name)+len(rest) && level[:at] == template[:at] && level[at:at+len(name)] == name && level[at+len(name):] == rest
}
