package ingest

import (
	"strings"
	"unicode/utf8"
)

// sound reports whether text is UTF-8 without control characters: nothing that breaks a line in a log or a file.
func sound(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < 0x20 || c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			return soundRunes(text[i:])
		}
	}
	return true
}

func soundRunes(text string) bool {
	for i, r := range text {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// soundTopic reports whether devices may publish to it at all. Topics that begin with $SYS or $share are the broker's.
func (l *Limits) soundTopic(topic string) bool {
	return topic != "" && l.fits(topic) && sound(topic) && strings.IndexByte(topic, '+') < 0 && strings.IndexByte(topic, '#') < 0 && !reserved(topic)
}

// soundFilter reports whether a topic filter, without $share/group, may be subscribed to at all.
func (l *Limits) soundFilter(filter string) bool {
	if filter == "" || !l.fits(filter) || !sound(filter) {
		return false
	}
	for rest, more := filter, true; more; {
		var level string
		level, rest, more = strings.Cut(rest, "/")
		if strings.ContainsAny(level, "+#") && len(level) > 1 || level == "#" && more {
			return false
		}
	}
	return true
}

func (l *Limits) fits(topic string) bool {
	return len(topic) <= l.TopicBytes && strings.Count(topic, "/") < l.TopicLevels
}

func reserved(topic string) bool {
	return topic[0] == '$' && (hasFold(topic, "$SYS") || hasFold(topic, "$share/"))
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// unshared takes $share/group from a filter; ok is false if the group is missing or has wildcards.
func unshared(filter string) (rest string, ok bool) {
	if !hasFold(filter, "$share") || len(filter) > 6 && filter[6] != '/' {
		return filter, true
	}
	if len(filter) == 6 {
		return "", false
	}
	group, rest, found := strings.Cut(filter[len("$share/"):], "/")
	return rest, found && group != "" && sound(group) && !strings.ContainsAny(group, "+#")
}
