package influx

import (
	"errors"
	"testing"
)

// What the server says and what waits come from outside: neither may stop the sink.
func FuzzCulprits(f *testing.F) {
	f.Add("speeds,device=a n=1i 5", `field type conflict: input field "n" on measurement "speeds" is type integer, already exists as type float dropped=1`)
	f.Add(`a\,b,k=\=x t="q\" n=1,",n=2.5,ok=true`, "points beyond retention policy dropped=1")
	f.Add(`m f="`, "points beyond retention policy dropped=99999999999999999999")
	f.Add("m n=1 5", "dropped 1 points outside retention policy of duration 1h0m0s - oldest point m at 1970-01-01, newest point m at 1970-01-01 dropped=1 for database: 00 for retention policy: autogen")
	f.Add("m", `field type conflict: input field "" on measurement "m" is type string, already exists as type float dropped=2`)
	f.Fuzz(func(t *testing.T, line, text string) {
		lines := []string{line, "speeds,device=b n=1.5 6", line}
		last := -1
		for _, i := range culprits(lines, errors.New(text)) {
			if i <= last || i >= len(lines) {
				t.Fatal("not in order", i)
			}
			last = i
		}
	})
}

func TestFieldTypeReadsLines(t *testing.T) {
	for _, c := range []struct{ line, measurement, field, want string }{
		{"m f=1i 5", "m", "f", "integer"},
		{"m,tag=f f=1 5", "m", "f", "float"},
		{`m,a\ b=c\,d g="x, f=\"1i\" y",f=-1e9 5`, "m", "f", "float"},
		{`m,k=a\\ n f=1i 5`, "m", "f", "integer"},
		{`m g="a",f="b"`, "m", "f", "string"},
		{"m f=true 5", "m", "f", "boolean"},
		{`a\,\ b odd\ \,\=name=2i 7`, "a, b", "odd ,=name", "integer"},
		{"m f=1i 5", "n", "f", ""},
		{"m f=1i 5", "m", "g", ""},
		{"m", "m", "f", ""},
		{"m,", "m", "f", ""},
		{"m f", "m", "f", ""},
	} {
		if got := fieldType(c.line, c.measurement, c.field); got != c.want {
			t.Errorf("%s: %s of %s is %q, want %q", c.line, c.field, c.measurement, got, c.want)
		}
	}
}
