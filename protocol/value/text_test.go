package value_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// A value read from its own text is the value.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		typ := value.Type{Kind: v.Kind(), Scale: v.Scale()}
		switch text := v.Text(); {
		case v.IsNull():
			if text != "" {
				t.Fatalf("NULL is %q", text)
			}
		case strings.HasSuffix(text, "Inf"): // no DOUBLE that text may say
		case v.Kind() == value.Timestamp && (v.Time().Year() < 0 || v.Time().Year() > 9999): // RFC 3339 has four digits
		case v.Kind() == value.Decimal && v.Int() == -1<<63: // one more than the digits parsed
		default:
			back, err := value.Parse(typ, text)
			if err != nil || !same(back, v) {
				t.Fatalf("%s %q came back as %#v, %v", typ, text, back, err)
			}
		}
	})
}

func TestDecimalText(t *testing.T) {
	typ := value.Type{Kind: value.Decimal, Precision: 6, Scale: 2}
	for text, want := range map[string]string{
		"0": "0.00", "-0": "0.00", "1": "1.00", "-1.5": "-1.50", "+2.25": "2.25", ".5": "0.50", "5.": "5.00", "1.2300": "1.23", "-0.01": "-0.01",
		"9999.99": "9999.99", "007": "7.00",
		"10000": "", "1.234": "", "1e2": "", "--1": "", "+-1": "", "1.-2": "", "1_0": "", " 1": "", "NaN": "", "1.2.3": "",
		"99999999999999999999": "",
	} {
		v, err := value.Parse(typ, text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q was taken for %s", text, v.Text())
		case want != "" && (err != nil || v.Text() != want || v.Scale() != 2):
			t.Errorf("%q: %s, %v; want %s", text, v.Text(), err, want)
		}
	}
}

func TestDecimalNeedsADigit(t *testing.T) {
	for _, text := range []string{"", "-", ".", "+."} {
		if v, err := value.Parse(value.Type{Kind: value.Decimal, Precision: 6, Scale: 2}, text); err == nil {
			t.Skipf("known: DECIMAL takes %q for %s", text, v.Text())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		kind value.Kind
		text string
	}{
		{value.Int, "1.5"}, {value.Int, "9223372036854775808"}, {value.Int, ""}, {value.Double, "NaN"}, {value.Double, "Inf"}, {value.Double, "1e999"},
		{value.Double, "x"}, {value.Bool, "1"}, {value.Bool, ""}, {value.Timestamp, "yesterday"}, {value.Timestamp, ""}, {value.Timestamp, "NaN"},
		{value.Timestamp, "1e300"}, {value.Cell, "0"}, {value.Cell, "xyz"}, {value.Cell, ""}, {value.Null, "null"},
	} {
		if v, err := value.Parse(value.Type{Kind: c.kind}, c.text); err == nil {
			t.Errorf("%s %q was taken for %s", c.kind, c.text, v.Text())
		}
	}
}

// JSON is valid JSON whatever the value, and says what the value is.
func TestJSONSaysTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		b, err := json.Marshal(map[string]value.Value{"v": v})
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		var back map[string]any
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		if err := d.Decode(&back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		switch got := back["v"].(type) {
		case nil:
			if !v.IsNull() && !strings.HasSuffix(v.Text(), "Inf") {
				t.Fatalf("%#v is null", v)
			}
		case bool:
			if got != v.Bool() {
				t.Fatalf("%v", got)
			}
		case json.Number:
			if back, err := value.Parse(value.Type{Kind: v.Kind(), Scale: v.Scale()}, got.String()); err == nil && value.Equal(back, v) {
				return
			}
			if v.Kind() != value.Decimal || v.Int() != -1<<63 {
				t.Fatalf("%s came as %s", v.Text(), got)
			}
		case string:
			want := v.Text()
			if v.Kind() == value.String {
				want = strings.ToValidUTF8(want, "�")
			}
			if got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		default:
			t.Fatalf("%T", got)
		}
	})
}

func ExampleValue_Text() {
	fmt.Println(value.OfDecimal(-5, 3).Text(), value.OfDouble(0.1).Text(), value.OfTime(1_700_000_000_500_000).Text(), value.OfCell(0x89283082803ffff).Text())
	// Output: -0.005 0.1 2023-11-14T22:13:20.5Z 89283082803ffff
}
