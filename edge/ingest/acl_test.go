package ingest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatTemplatesCover(t *testing.T) {
	r := rights{device: "bus-7", client: "c1"}
	for _, c := range []struct {
		template, filter string
		covers           bool
	}{
		{"devices/{device}/#", "devices/bus-7/x", true},
		{"devices/{device}/#", "devices/bus-7/x/y", true},
		{"devices/{device}/#", "devices/bus-7", true},
		{"devices/{device}/#", "devices/bus-7/#", true},
		{"devices/{device}/#", "devices/bus-7/+/y", true},
		{"devices/{device}/#", "devices/bus-8/x", false},
		{"devices/{device}/#", "devices/bus-77/x", false},
		{"devices/{device}/#", "devices/bus-/x", false},
		{"devices/{device}/#", "devices/{device}/x", false},
		{"devices/{device}/#", "devices/+/x", false},
		{"devices/{device}/#", "devices/#", false},
		{"devices/{device}/#", "#", false},
		{"devices/{device}/#", "devices/bus-7x/../bus-8", false},
		{"devices/{device}/#", "DEVICES/bus-7/x", false},
		{"devices/{device}/#", "/devices/bus-7/x", false},
		{"a-{device}-z", "a-bus-7-z", true},
		{"a-{device}-z", "a-bus-7-", false},
		{"a-{device}-z", "a-bus-8-z", false},
		{"{client}/{device}", "c1/bus-7", true},
		{"{client}/{device}", "bus-7/c1", false},
		{"a/+/b", "a/x/b", true},
		{"a/+/b", "a/+/b", true},
		{"a/+/b", "a/#", false},
		{"a/+", "a", false},
		{"a/+", "a/", true},
		{"a/+", "a/b/c", false},
		{"a/#", "a/+/c/#", true},
		{"+/+", "a/b", true},
		{"a", "a", true},
		{"a", "a/#", false},
		{"a/b", "a/+", false},
		{"#", "a/b", true},
		{"#", "$SYS/broker/time", false},
		{"+/broker/#", "$SYS/broker/time", false},
		{"$SYS/#", "$SYS/broker/time", true},
	} {
		if got := r.covers(c.template, c.filter); got != c.covers {
			t.Errorf("%s covers %s: %v", c.template, c.filter, got)
		}
	}
}

// matches is MQTT's rule, for topics without wildcards, written as plainly as it goes.
func matches(filter, topic []string) bool {
	switch {
	case len(filter) == 1 && filter[0] == "#":
		return true
	case len(filter) == 0 || len(topic) == 0:
		return len(filter) == len(topic)
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && (matches(filter[1:], topic[1:]))
}

// A filter that a template covers matches no topic that the template does not match.
func TestCoveringIsSound(t *testing.T) {
	levels := func(t *rapid.T, name string, words ...string) []string {
		out := rapid.SliceOfN(rapid.SampledFrom(words), 1, 4).Draw(t, name)
		for i, w := range out[:len(out)-1] {
			if w == "#" {
				out[i] = "+"
			}
		}
		return out
	}
	all := func() (topics [][]string) {
		words := []string{"a", "b", ""}
		for _, x := range words {
			topics = append(topics, []string{x})
			for _, y := range words {
				topics = append(topics, []string{x, y})
				for _, z := range words {
					topics = append(topics, []string{x, y, z})
					for _, v := range words {
						topics = append(topics, []string{x, y, z, v})
					}
				}
			}
		}
		return topics
	}()
	rapid.Check(t, func(t *rapid.T) {
		template, filter := levels(t, "template", "a", "b", "+", "#", "{device}"), levels(t, "filter", "a", "b", "+", "#")
		filled := strings.Split(strings.ReplaceAll(strings.Join(template, "/"), "{device}", "b"), "/")
		r := rights{device: "b"}
		covers := r.covers(strings.Join(template, "/"), strings.Join(filter, "/"))
		for _, topic := range all {
			parent := func(f []string) bool { // a/# matches a
				n := len(f) - 1
				return f[n] == "#" && len(topic) == n && matches(f[:n], topic)
			}
			in, by := matches(filter, topic) || parent(filter), matches(filled, topic) || parent(filled)
			if covers && in && !by {
				t.Fatalf("%v covers %v, but not %v", template, filter, topic)
			}
			one := r.covers(strings.Join(template, "/"), strings.Join(topic, "/"))
			if one != by {
				t.Fatalf("%v and topic %q: %v, want %v", template, topic, one, by)
			}
		}
	})
}

func TestTemplatesAreChecked(t *testing.T) {
	for template, fine := range map[string]bool{"a/{device}/#": true, "x-{client}": true, "#": true, "+": true, "": false, "a/#/b": false, "a+": false,
		"a/{devise}": false, "a/{device": false, "{device}{client}": false, "a\nb": false, "{}": false} {
		if err := CheckTemplate(template); (err == nil) != fine {
			t.Errorf("%q: %v", template, err)
		}
	}
	u, err := ParseUserACL("publish a/# b subscribe c both d/{device}")
	if err != nil || strings.Join(u.Publish, " ") != "a/# b d/{device}" || strings.Join(u.Subscribe, " ") != "c d/{device}" {
		t.Errorf("%+v, %v", u, err)
	}
	for _, text := range []string{"", "a/#", "publish a/#/b", "read a"} {
		if _, err := ParseUserACL(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if u, err := ParseUserACL("publish a"); err != nil || u.Subscribe == nil || len(u.Subscribe) != 0 {
		t.Errorf("a user who may only publish may subscribe to %v, %v", u.Subscribe, err)
	}
}

func TestSoundTopics(t *testing.T) {
	l := defaultLimits()
	for topic, fine := range map[string]bool{"a/b": true, "/": true, "a//b": true, "straße/x": true, "$other": true, "a b": true, "": false,
		"a\nb": false, "a\x00": false, "a\x7f": false, "a\u0085b": false, "a\xff": false, "a/+": false, "a/#": false, "a+b": false, "$SYS/x": false, "$sys": false,
		"$share/g/x": false, strings.Repeat("a", 1024): true, strings.Repeat("a", 1025): false, strings.Repeat("/", 31): true, strings.Repeat("/", 32): false} {
		if l.soundTopic(topic) != fine {
			t.Errorf("topic %q: %v", topic, !fine)
		}
	}
	for filter, fine := range map[string]bool{"a/b": true, "#": true, "a/#": true, "+/a": true, "$SYS/#": true, "": false, "a/#/b": false, "a#": false,
		"a+": false, "a\nb": false, "\xff": false} {
		if l.soundFilter(filter) != fine {
			t.Errorf("filter %q: %v", filter, !fine)
		}
	}
	for filter, want := range map[string]string{"a/b": "a/b", "$share/g/a/#": "a/#", "$SHARE/g/a": "a", "$shared/a": "$shared/a", "$share": "-", "$share/g": "-",
		"$share//a": "-", "$share/+/a": "-", "$share/g/": ""} {
		if got, ok := unshared(filter); ok != (want != "-") || ok && got != want {
			t.Errorf("%q: %q, %v", filter, got, ok)
		}
	}
}
