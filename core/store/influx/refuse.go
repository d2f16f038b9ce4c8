package influx

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
)

// bad reports an error that no retry mends: it is about the points themselves.
func bad(err error) bool {
	var e *influxhttp.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.StatusCode == 400 || e.StatusCode == 422 || strings.Contains(e.Message, "partial write")
}

// What InfluxDB (tsdb/field_validator.go, coordinator/points_writer.go) says of points that it leaves out of a request: 1.8, and 2.x before 2.7.12; and 2.7.12,
// which quotes names as Go does, and counts points that it drops for another reason in the last number alone.
var (
	conflict = regexp.MustCompile(`field type conflict: input field "(.*)" on measurement "(.*)" is type (\w+), already exists as type \w+ dropped=(\d+)`)
	tooOld   = regexp.MustCompile(`points beyond retention policy dropped=(\d+)`)
	outside  = regexp.MustCompile(`(?s)dropped (\d+) points outside retention policy .* dropped=(\d+)`)
)

// culprits finds the points that an error is about, where it says enough: a view whose column has another type than it used to would else take as many
// requests as it has points. nil: unknown, or not surely these.
func culprits(lines []string, err error) (indexes []int) {
	if m := conflict.FindStringSubmatch(err.Error()); m != nil {
		dropped, _ := strconv.Atoi(m[4])
		if indexes = ofType(lines, m[2], m[1], m[3]); len(indexes) == dropped {
			return indexes
		}
		if indexes = ofType(lines, unquoted(m[2]), unquoted(m[1]), m[3]); len(indexes) == dropped {
			return indexes
		}
		return nil
	}
	if m := tooOld.FindStringSubmatch(err.Error()); m != nil {
		dropped, _ := strconv.Atoi(m[1])
		return oldest(lines, dropped)
	}
	if m := outside.FindStringSubmatch(err.Error()); m != nil && m[1] == m[2] {
		dropped, _ := strconv.Atoi(m[1])
		return oldest(lines, dropped)
	}
	return nil
}

// ofType finds the lines of a measurement whose field has a type.
func ofType(lines []string, measurement, field, kind string) (indexes []int) {
	for i, l := range lines {
		if fieldType(l, measurement, field) == kind {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

func unquoted(name string) string {
	text, err := strconv.Unquote(`"` + name + `"`)
	if err != nil {
		return name
	}
	return text
}

// oldest finds so many lines; nil: it can't be told which.
func oldest(lines []string, n int) (indexes []int) {
	for i := range lines {
		indexes = append(indexes, i)
	}
	slices.SortStableFunc(indexes, func(a, b int) int { return cmp.Compare(timeOf(lines[a]), timeOf(lines[b])) })
	if n < len(lines) && timeOf(lines[indexes[n]]) == timeOf(lines[indexes[max(n, 1)-1]]) {
		return nil // two of one time, and one of them is not too old
	}
	indexes = indexes[:min(n, len(indexes))]
	slices.Sort(indexes)
	return indexes
}

// timeOf is a line's time, which is its last word; 0 without one.
func timeOf(line string) int64 {
	ns, _ := strconv.ParseInt(line[strings.LastIndexByte(line, ' ')+1:], 10, 64)
	return ns
}

// fieldType is the type of a line's field as InfluxDB calls it; "" if the line is of another measurement or has no such field.
func fieldType(line, measurement, field string) string {
	name, rest := word(line, ", ")
	if plain(name) != measurement {
		return ""
	}
	for rest != "" && rest[0] == ',' { // tags
		_, rest = word(rest[1:], ", ")
	}
	for rest != "" {
		name, rest = word(rest[1:], "=")
		if rest == "" {
			return ""
		}
		value, more := rest[1:], ""
		if strings.HasPrefix(value, `"`) {
			if value, more = word(value[1:], `"`); more != "" {
				more = more[1:]
			}
			value = `"` + value
		} else {
			value, more = word(value, ", ")
		}
		if plain(name) == field {
			return typeOf(value)
		}
		if more == "" || more[0] == ' ' {
			return ""
		}
		rest = more
	}
	return ""
}

func typeOf(value string) string {
	switch {
	case value == "":
		return ""
	case value[0] == '"':
		return "string"
	case value[len(value)-1] == 'i':
		return "integer"
	case strings.ContainsRune("tTfF", rune(value[0])):
		return "boolean"
	}
	return "float"
}

// word cuts a line at the first of some bytes that no backslash stands before. In strings a backslash may itself be escaped, in tags it never is.
func word(line, ends string) (before, rest string) {
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && (ends == `"` || i+1 == len(line) || line[i+1] != '\\'):
			i++
		case strings.IndexByte(ends, line[i]) >= 0:
			return line[:i], line[i:]
		}
	}
	return line, ""
}

func plain(name string) string {
	return strings.NewReplacer(`\,`, ",", `\ `, " ", `\=`, "=").Replace(name)
}
