package fence

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hexpane/hexpane/geo/polygon"
)

// Feature is a fence as operators give it: a GeoJSON Feature with a Polygon or MultiPolygon. These of its properties mean something; all others are kept
// as they are:
//
//	name             for people
//	detect           which events are told: enter, exit, dwell, speeding, cross, lost. If absent: enter and exit, dwell if dwell is given, and
//	                 speeding if speed_limit_kmh is
//	dwell            "5m": how long a device stays until that is told
//	speed_limit_kmh  and speed_for ("10s"), speed_fixes (3): how long it must be faster
//	min_time         "20s", and min_distance_m: what keeps jitter at the border from being told
//	streams          of which streams; if absent: of all that have positions
type Feature struct {
	Fence
	Name       string
	Detect     []Kind
	Streams    []string
	properties map[string]json.RawMessage
}

// kinds in the order in which they are shown.
var kinds = []Kind{Enter, Exit, Dwell, Speeding, Cross, Lost}

type properties struct {
	Name        string   `json:"name"`
	Detect      []Kind   `json:"detect"`
	Dwell       string   `json:"dwell"`
	SpeedLimit  float64  `json:"speed_limit_kmh"`
	SpeedFor    string   `json:"speed_for"`
	SpeedFixes  int      `json:"speed_fixes"`
	MinTime     string   `json:"min_time"`
	MinDistance float64  `json:"min_distance_m"`
	Streams     []string `json:"streams"`
}

// maxID is the longest id of a fence, in bytes.
const maxID = 128

// ParseFeature reads a Feature. Its id is the one given, or if that is empty the Feature's own, or its property id. Errors say what is wrong with which property. The
// caller bounds len(data).
func ParseFeature(id string, data []byte, limits polygon.Limits) (*Feature, error) {
	var raw struct {
		Type       string                     `json:"type"`
		ID         json.RawMessage            `json:"id"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("this is not GeoJSON: %w", err)
	}
	if raw.Type != "Feature" {
		return nil, fmt.Errorf("a fence is a GeoJSON Feature, not %q: {\"type\":\"Feature\",\"geometry\":{…},\"properties\":{…}}", raw.Type)
	}
	if id == "" && len(raw.ID) > 0 && json.Unmarshal(raw.ID, &id) != nil {
		id = string(raw.ID) // a number
	}
	if own := raw.Properties["id"]; id == "" && len(own) > 0 && json.Unmarshal(own, &id) != nil {
		id = string(own)
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	f := &Feature{Fence: Fence{ID: id}, properties: raw.Properties}
	var err error
	if f.Shape, err = polygon.Parse(data, limits); err != nil {
		return nil, err
	}
	for _, own := range []string{"version", "inside", "repairs"} { // what is told of a fence, and not by it
		delete(f.properties, own)
	}
	if err := f.rule(); err != nil {
		return nil, err
	}
	return f, nil
}

func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("the fence has no id")
	case len(id) > maxID:
		return fmt.Errorf("the fence's id has %d bytes; at most %d may be", len(id), maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) || r == '/' || r == '*' }):
		return fmt.Errorf("the fence's id %q has a character that no id may have: / * and what cannot be printed", id)
	}
	return nil
}

func (f *Feature) rule() error {
	text, err := json.Marshal(f.properties)
	if err != nil {
		return fmt.Errorf("properties: %w", err)
	}
	var p properties
	if err := json.Unmarshal(text, &p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return fmt.Errorf("property %s cannot be a %s", wrong.Field, wrong.Value)
		}
		return fmt.Errorf("properties: %w", err)
	}
	r := &f.Rule
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"dwell", p.Dwell, &r.Dwell}, {"speed_for", p.SpeedFor, &r.SpeedFor}, {"min_time", p.MinTime, &r.MinTime}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to <= 0 || *d.to > maxTime {
			return fmt.Errorf("property %s is %q, and must be a time of up to a year such as \"90s\", \"5m\" or \"1h30m\"", d.name, d.text)
		}
	}
	switch {
	case p.SpeedLimit < 0:
		return fmt.Errorf("property speed_limit_kmh is %g, and cannot be negative", p.SpeedLimit)
	case p.MinDistance < 0:
		return fmt.Errorf("property min_distance_m is %g, and cannot be negative", p.MinDistance)
	case p.SpeedFixes < 0:
		return fmt.Errorf("property speed_fixes is %d, and cannot be negative", p.SpeedFixes)
	case p.SpeedLimit == 0 && (p.SpeedFor != "" || p.SpeedFixes > 0):
		return errors.New("speed_for and speed_fixes say how long a device is faster than speed_limit_kmh, which is not given")
	}
	r.SpeedLimit, r.SpeedFixes, r.MinDistance = p.SpeedLimit, p.SpeedFixes, p.MinDistance
	f.Name, f.Streams, f.Detect = p.Name, p.Streams, p.Detect
	return f.detect()
}

const maxTime = 366 * 24 * time.Hour

func (f *Feature) detect() error {
	if f.Detect == nil {
		f.Detect = []Kind{Enter, Exit}
		if f.Rule.Dwell > 0 {
			f.Detect = append(f.Detect, Dwell)
		}
		if f.Rule.SpeedLimit > 0 {
			f.Detect = append(f.Detect, Speeding)
		}
	}
	for _, k := range f.Detect {
		switch {
		case !slices.Contains(kinds, k):
			return fmt.Errorf("property detect has %q; it may have enter, exit, dwell, speeding, cross and lost", k)
		case k == Dwell && f.Rule.Dwell == 0:
			return errors.New(`detect has dwell, and nothing says how long that is: "dwell": "5m"`)
		case k == Speeding && f.Rule.SpeedLimit == 0:
			return errors.New(`detect has speeding, and nothing says how fast that is: "speed_limit_kmh": 50`)
		}
	}
	f.Rule.Cross = slices.Contains(f.Detect, Cross)
	if !slices.Contains(f.Detect, Dwell) {
		f.Rule.Dwell = 0
	}
	if !slices.Contains(f.Detect, Speeding) {
		f.Rule.SpeedLimit = 0
	}
	return nil
}

// Tells reports whether events of a kind are told.
func (f *Feature) Tells(k Kind) bool { return slices.Contains(f.Detect, k) }

// GeoJSON gives the Feature with its shape as it is after repairs, its version, and more properties, which win over those of the same name.
func (f *Feature) GeoJSON(more map[string]any) ([]byte, error) {
	all := map[string]any{}
	for k, v := range f.properties {
		all[k] = v
	}
	all["detect"], all["version"] = f.Detect, f.Version
	if len(f.Shape.Repairs) > 0 {
		all["repairs"] = f.Shape.Repairs
	}
	maps.Copy(all, more)
	text, err := json.Marshal(struct {
		Type       string          `json:"type"`
		ID         string          `json:"id"`
		Geometry   json.RawMessage `json:"geometry"`
		Properties map[string]any  `json:"properties"`
	}{"Feature", f.ID, f.Shape.GeoJSON(), all})
	if err != nil {
		return nil, fmt.Errorf("write fence %q: %w", f.ID, err)
	}
	return text, nil
}
