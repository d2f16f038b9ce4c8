package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// setting is one key of the configuration: a value, or a group of further keys.
type setting struct {
	name, key  string // "listen", "mqtt.listen"
	help, unit string
	def        string   // default, as text
	enum       []string // the values allowed, if they are few
	flags      []string // without dashes; the key first, then aliases
	env        string
	value      reflect.Value
	group      bool
	secret     bool // not shown
	children   []*setting
}

// settings is everything one command can be told.
type settings struct {
	root   *setting
	leaves []*setting
}

// newSettings reads the tags of pointers to structs, and puts the defaults in. Wrong tags are a
// programmer's mistake, and panic.
func newSettings(configs ...any) *settings {
	s := &settings{root: &setting{group: true}}
	for _, c := range configs {
		if c != nil {
			s.root.children = append(s.root.children, s.describe("", reflect.ValueOf(c).Elem())...)
			// Each struct is a nameless group of its own, for Validate only.
			s.root.children = append(s.root.children, &setting{group: true, value: reflect.ValueOf(c).Elem()})
		}
	}
	taken := map[string]string{}
	for _, l := range s.leaves {
		for _, name := range append([]string{l.env}, l.flags...) {
			if other, ok := taken[name]; ok {
				panic(fmt.Sprintf("service: keys %s and %s are both reached by %s", other, l.key, name))
			}
			taken[name] = l.key
		}
	}
	return s
}

func (s *settings) describe(prefix string, v reflect.Value) []*setting {
	var out []*setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("yaml")
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, s.describe(prefix, v.Field(i))...) // embedded: its keys are ours
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			panic(fmt.Sprintf("service: %s.%s has no yaml tag", v.Type(), f.Name))
		}
		c := &setting{name: name, key: prefix + name, help: f.Tag.Get("help"), unit: f.Tag.Get("unit"), value: v.Field(i)}
		out = append(out, c)
		if f.Type.Kind() == reflect.Struct {
			c.group, c.children = true, s.describe(c.key+".", v.Field(i))
			continue
		}
		s.describeLeaf(c, f.Tag)
	}
	return out
}

func (s *settings) describeLeaf(c *setting, tag reflect.StructTag) {
	c.env = "HEXPANE_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(c.key))
	c.flags = []string{c.key}
	if alias := tag.Get("flag"); alias != "" {
		c.flags = append(c.flags, slices.DeleteFunc(splitList(alias), func(a string) bool { return a == c.key })...)
	}
	c.enum = splitList(tag.Get("enum"))
	c.secret = tag.Get("secret") == "true"
	preset := !c.value.IsZero()
	if def, ok := tag.Lookup("default"); ok && !preset {
		if err := c.parse(def); err != nil {
			panic(fmt.Sprintf("service: default of %s: %v", c.key, err))
		}
	}
	c.def = c.format()
	s.leaves = append(s.leaves, c)
}

// load fills the structs: the file first, then the environment, then the flags.
func (s *settings) load(call *call, getenv func(string) string) error {
	var errs []error
	if call.config == "" {
		call.config = getenv("HEXPANE_CONFIG")
	}
	if call.config != "" {
		data, err := os.ReadFile(call.config)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		errs = append(errs, s.loadYAML(call.config, data)...)
	}
	for _, l := range s.leaves {
		if text := getenv(l.env); text != "" {
			if err := l.parse(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", l.env, err))
			}
		}
		if texts, ok := call.flags[l]; ok {
			if err := l.parseAll(texts); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", l.key, err))
			}
		}
	}
	return errors.Join(errs...)
}

// loadYAML reports every mistake in the file, each with its line.
func (s *settings) loadYAML(file string, data []byte) []error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return []error{fmt.Errorf("%s: %w", file, err)}
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return []error{fmt.Errorf("%s: only one YAML document is read", file)}
	}
	var errs []error
	s.root.fromYAML(doc.Content[0], func(n *yaml.Node, key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s:%d: %s%s", file, n.Line, key, fmt.Sprintf(format, args...)))
	})
	return errs
}

type reportFunc func(n *yaml.Node, key, format string, args ...any)

func (c *setting) fromYAML(n *yaml.Node, report reportFunc) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !c.group {
		if c.secret && n.Value == hidden {
			report(n, c.key, ": %s is what --print-config shows for a secret; put the secret itself, or HEXPANE_… in the environment", hidden)
		} else if err := c.parseYAML(n); err != nil {
			report(n, c.key, ": %v", err)
		}
		return
	}
	if n.Tag == "!!null" { // a group with every key commented out
		return
	}
	if n.Kind != yaml.MappingNode {
		report(n, c.key, ": want keys with values, found %s", describeYAML(n))
		return
	}
	names := map[string]*setting{}
	for _, child := range c.children {
		if child.name != "" {
			names[child.name] = child
		}
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		child, known := names[k.Value]
		key := strings.TrimPrefix(c.key+"."+k.Value, ".")
		switch {
		case !known:
			report(k, key, ": unknown key%s", suggest(k.Value, slices.Sorted(maps.Keys(names))))
		case seen[k.Value]:
			report(k, key, ": given twice")
		default:
			child.fromYAML(v, report)
		}
		seen[k.Value] = true
	}
}

func describeYAML(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing: give a value, or take the key out"
	}
	return fmt.Sprintf("%q", n.Value)
}

// validate calls Validate on every struct that has it, the inner ones first. Such an error begins with
// the key it is about, as that struct knows it ("listen: …"); here it gets the full one.
func (s *settings) validate() error {
	var errs []error
	var walk func(c *setting)
	walk = func(c *setting) {
		for _, child := range c.children {
			walk(child)
		}
		if !c.group || !c.value.IsValid() {
			return
		}
		v, ok := c.value.Addr().Interface().(interface{ Validate() error })
		if !ok {
			return
		}
		if err := v.Validate(); err != nil {
			for _, e := range unjoin(err) {
				errs = append(errs, c.locate(e))
			}
		}
	}
	walk(s.root)
	return errors.Join(errs...)
}

func (c *setting) locate(err error) error {
	if c.key == "" {
		return err
	}
	for _, child := range c.children {
		if rest, ok := strings.CutPrefix(err.Error(), child.name); ok && rest != "" && strings.ContainsRune(".: ", rune(rest[0])) {
			return fmt.Errorf("%s.%w", c.key, err)
		}
	}
	return fmt.Errorf("%s: %w", c.key, err)
}

// hidden stands for a secret that is set. It is not taken as one.
const hidden = "(hidden)"

// write prints the configuration in force as YAML that reads back to the same, but for secrets.
func (s *settings) write(w io.Writer, name string) error {
	fmt.Fprintf(w, "# Configuration of %s. Flags and HEXPANE_… variables override this file.\n", name)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return enc.Encode(s.root.toYAML())
}

func (c *setting) toYAML() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, child := range c.children {
		if child.name == "" {
			continue
		}
		k, v := &yaml.Node{Kind: yaml.ScalarNode, Value: child.name}, &yaml.Node{}
		if child.group {
			k.HeadComment, v = child.help, child.toYAML()
		} else {
			k.HeadComment, v = child.describe(), child.yaml()
			if child.secret && !child.value.IsZero() {
				v = &yaml.Node{Kind: yaml.ScalarNode, Value: hidden}
			}
		}
		n.Content = append(n.Content, k, v)
	}
	return n
}

// describe is the comment beside a key, in --print-config and in --help.
func (c *setting) describe() string {
	var b strings.Builder
	b.WriteString(c.help)
	if len(c.enum) > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(c.enum, ", "))
	}
	if c.unit != "" && !c.isBytes() {
		fmt.Fprintf(&b, ", in %s", c.unit)
	}
	if c.def != "" {
		fmt.Fprintf(&b, " (default %s)", strings.ReplaceAll(c.def, "\n", " "))
	}
	return b.String()
}
