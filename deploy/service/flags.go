package service

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// call is a command line, taken apart.
type call struct {
	help, version, print, check bool
	config                      string // --config FILE
	flags                       map[*setting][]string
	args                        []string
}

// parseArgs takes --key value, --key=value and, for booleans, --key; flags and arguments may be mixed,
// and "--" ends the flags. In names, - and _ are the same.
func parseArgs(p Program, set *settings, args []string) (*call, error) {
	c := &call{flags: map[*setting][]string{}}
	switches := map[string]*bool{"help": &c.help, "h": &c.help, "version": &c.version, "print-config": &c.print, "check-config": &c.check}
	named := map[string]*setting{}
	names := []string{"--config", "--help", "--version", "--print-config", "--check-config"}
	for _, l := range set.leaves {
		for _, name := range l.flags {
			named[dashed(name)] = l
			names = append(names, "--"+name)
		}
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			c.args = append(c.args, args...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			c.args = append(c.args, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if on := switches[name]; on != nil && !hasValue {
			*on = true
			continue
		}
		l := named[dashed(name)]
		if l == nil && name != "config" {
			return c, fmt.Errorf("unknown flag --%s%s", name, suggest("--"+name, names))
		}
		switch {
		case hasValue:
		case l != nil && l.value.Kind() == reflect.Bool:
			value = "true"
		case len(args) == 0:
			return c, fmt.Errorf("--%s needs a value", name)
		default:
			value, args = args[0], args[1:]
		}
		if l == nil {
			c.config = value
		} else {
			c.flags[l] = append(c.flags[l], value)
		}
	}
	if len(c.args) > 0 && p.Args == "" && !c.help {
		var commands []string
		for _, sub := range p.Commands {
			commands = append(commands, sub.Name)
		}
		return c, fmt.Errorf("unexpected argument %q%s", c.args[0], suggest(c.args[0], commands))
	}
	return c, nil
}

func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

func writeHelp(w io.Writer, p Program, set *settings) {
	fmt.Fprintf(w, "%s: %s\n\nUsage:\n", p.Name, p.Summary)
	if p.Run != nil {
		fmt.Fprintf(w, "  %s\n", strings.TrimSpace(p.Name+" [flags] "+p.Args))
	}
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-36s %s\n", strings.TrimSpace(p.Name+" "+c.Name+" "+c.Args), c.Summary)
	}
	if p.Run == nil {
		fmt.Fprintf(w, "\nSee %s COMMAND --help.\n", p.Name)
		return
	}
	fmt.Fprintln(w, "\nFlags:")
	set.root.writeHelp(w)
	fmt.Fprint(w, `
Every program:
  --config FILE      read this YAML file [HEXPANE_CONFIG]
  --print-config     print the configuration in force, as YAML, and exit
  --check-config     check the configuration and exit
  --version, --help
`)
}

// writeHelp prints a group's own keys first, then the groups in it.
func (c *setting) writeHelp(w io.Writer) {
	for _, l := range c.children {
		if !l.group {
			fmt.Fprintf(w, "  %s %s\n        %s [%s]\n", l.typed(), l.placeholder(), l.describe(), l.env)
		}
	}
	for _, g := range c.children {
		if g.group && g.name != "" {
			fmt.Fprintf(w, "\n%s:\n", strings.TrimSpace(g.key+"  "+g.help))
			g.writeHelp(w)
		}
	}
}

// typed is how the flag is given; one letter takes one dash.
func (c *setting) typed() string {
	var list []string
	for _, f := range c.flags {
		if len(f) == 1 {
			list = append(list, "-"+f)
		} else {
			list = append(list, "--"+f)
		}
	}
	return strings.Join(list, ", ")
}

// placeholder is what a value looks like, for --help and for errors.
func (c *setting) placeholder() string {
	switch {
	case c.value.Type() == reflect.TypeFor[time.Duration]():
		return "DURATION"
	case c.isBytes():
		return "SIZE"
	}
	switch c.value.Kind() {
	case reflect.Bool:
		return "[=true|false]"
	case reflect.String:
		return "TEXT"
	case reflect.Slice:
		return "TEXT,…"
	case reflect.Map:
		return "NAME=TEXT,…"
	}
	return "NUMBER"
}

// suggest finds the name that was probably meant: one a few slips away, or a key that ends in it.
func suggest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/3)
	for _, k := range known {
		d := distance(name, k)
		if strings.HasSuffix(k, "."+strings.TrimLeft(name, "-")) {
			d = 1
		}
		if d < least {
			best, least = "; did you mean "+k+"?", d
		}
	}
	return best
}

// distance counts the letters to insert, drop or change between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
