package service

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bytes is a size, written "64MiB". A stage that does not import this package writes int64 with the tag
// unit:"bytes" for the same.
type Bytes int64

// Binary units first, the largest first: they are what sizes are printed in.
var byteUnits = []struct {
	suffix string
	size   int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// ParseBytes reads a size: a number, with KiB MiB GiB TiB, or KB MB GB TB for powers of ten.
func ParseBytes(text string) (Bytes, error) {
	number, size := text, int64(1)
	for _, u := range byteUnits {
		if len(text) > len(u.suffix) && strings.EqualFold(text[len(text)-len(u.suffix):], u.suffix) {
			number, size = strings.TrimSpace(text[:len(text)-len(u.suffix)]), u.size
			break
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/size {
		return Bytes(n * size), nil
	}
	if f, err := strconv.ParseFloat(number, 64); err == nil && f >= 0 && f*float64(size) < 1<<53 {
		return Bytes(f * float64(size)), nil
	}
	return 0, fmt.Errorf("%q is not a size, such as 64MiB", text)
}

func (b Bytes) String() string {
	for _, u := range byteUnits {
		if strings.HasSuffix(u.suffix, "iB") && b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

const day = 24 * time.Hour

var leadingDays = regexp.MustCompile(`^(-?)(\d+)d(.*)$`)

// ParseDuration reads Go's durations, with days before them: "7d", "1d12h", "250ms".
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration, such as 250ms, 10s or 7d", text)
	sign, rest, total := "", text, time.Duration(0)
	if m := leadingDays.FindStringSubmatch(text); m != nil {
		days, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil || days > int64(math.MaxInt64/day) || strings.HasPrefix(m[3], "-") || strings.HasPrefix(m[3], "+") {
			return 0, bad
		}
		sign, rest, total = m[1], m[3], time.Duration(days)*day
	}
	if rest != "" || text == "" {
		d, err := time.ParseDuration(rest)
		if err != nil || total > math.MaxInt64-max(d, 0) {
			return 0, bad
		}
		total += d
	}
	if sign == "-" {
		total = -total
	}
	return total, nil
}

func formatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (c *setting) isBytes() bool {
	return c.value.Type() == reflect.TypeFor[Bytes]() || c.value.Kind() == reflect.Int64 && c.unit == "bytes"
}

// parse sets the value from text: a default, a variable, a flag or a YAML scalar.
func (c *setting) parse(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", text)
	}
	if len(c.enum) > 0 && !slices.Contains(c.enum, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(c.enum, ", "))
	}
	v := c.value
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		d, err := ParseDuration(text)
		if err == nil {
			v.SetInt(int64(d))
		}
		return err
	case c.isBytes():
		b, err := ParseBytes(text)
		if err == nil {
			v.SetInt(int64(b))
		}
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 0, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	case reflect.Uint32:
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return fmt.Errorf("%q is not a whole number from 0 to %d", text, uint32(math.MaxUint32))
		}
		v.SetUint(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(f)
	case reflect.Slice:
		c.setList(splitList(text))
	case reflect.Map:
		m := map[string]string{}
		for _, pair := range splitList(text) {
			k, val, ok := strings.Cut(pair, "=")
			if !ok {
				return fmt.Errorf("%q is not name=value", pair)
			}
			m[k] = val
		}
		c.setMap(m)
	default:
		panic(fmt.Sprintf("service: key %s has the unsupported type %s", c.key, v.Type()))
	}
	return nil
}

// parseAll takes the values of a flag given several times: lists grow, else the last one counts.
func (c *setting) parseAll(texts []string) error {
	if k := c.value.Kind(); k == reflect.Slice || k == reflect.Map {
		return c.parse(strings.Join(texts, ","))
	}
	return c.parse(texts[len(texts)-1])
}

// parseYAML is parse for YAML, where lists and maps have a form of their own.
func (c *setting) parseYAML(n *yaml.Node) error {
	switch kind := c.value.Kind(); {
	case kind == reflect.Slice && n.Kind == yaml.SequenceNode:
		var list []string
		if err := n.Decode(&list); err != nil {
			return fmt.Errorf("want a list of texts")
		}
		c.setList(list)
	case kind == reflect.Map && n.Kind == yaml.MappingNode:
		m := map[string]string{}
		if err := n.Decode(&m); err != nil {
			return fmt.Errorf("want names with texts")
		}
		c.setMap(m)
	case kind == reflect.Slice:
		return fmt.Errorf("want a list, found %s", describeYAML(n))
	case kind == reflect.Map:
		return fmt.Errorf("want names with texts, found %s", describeYAML(n))
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		return fmt.Errorf("want %s, found %s", c.placeholder(), describeYAML(n))
	default:
		return c.parse(n.Value)
	}
	return nil
}

func (c *setting) setList(list []string) {
	if len(list) == 0 {
		list = nil
	}
	c.value.Set(reflect.ValueOf(list).Convert(c.value.Type()))
}

func (c *setting) setMap(m map[string]string) {
	if len(m) == 0 {
		m = nil
	}
	c.value.Set(reflect.ValueOf(m).Convert(c.value.Type()))
}

// format is the inverse of parse, for everything but lists and maps with commas in them.
func (c *setting) format() string {
	switch v := c.value; {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return formatDuration(time.Duration(v.Int()))
	case c.isBytes():
		return Bytes(v.Int()).String()
	case v.Kind() == reflect.Slice:
		return strings.Join(v.Interface().([]string), ",")
	case v.Kind() == reflect.Map:
		m := v.Interface().(map[string]string)
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(m)) {
			pairs = append(pairs, k+"="+m[k])
		}
		return strings.Join(pairs, ",")
	default:
		return fmt.Sprint(v.Interface())
	}
}

func (c *setting) yaml() *yaml.Node {
	n := &yaml.Node{}
	switch c.value.Kind() {
	case reflect.String:
		return textYAML(c.value.String())
	case reflect.Slice:
		n.Kind = yaml.SequenceNode
		for i := range c.value.Len() {
			n.Content = append(n.Content, textYAML(c.value.Index(i).String()))
		}
	case reflect.Map:
		n.Kind = yaml.MappingNode
		m := c.value.Interface().(map[string]string)
		for _, k := range slices.Sorted(maps.Keys(m)) {
			n.Content = append(n.Content, textYAML(k), textYAML(m[k]))
		}
	default:
		n.Kind, n.Value = yaml.ScalarNode, c.format()
	}
	return n
}

var plainYAML = regexp.MustCompile(`^[A-Za-z0-9./_-]+(:[A-Za-z0-9./_-]+)*$`)

// textYAML quotes all that some YAML reader could take for anything but this text. yaml.v3 left to itself
// writes some that it can't read: "\n a".
func textYAML(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if !plainYAML.MatchString(text) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// splitList splits at commas; nothing gives no items.
func splitList(text string) []string {
	var out []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
