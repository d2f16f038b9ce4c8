package payload

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

var ownTracksStream = &plan.Stream{Name: "phones", Topic: "owntracks/{user}/{device}", Format: "owntracks", Timestamp: 2, Columns: []*plan.Column{
	column("user", value.String, "KEY"), column("device", value.String, "KEY"), column("at", value.Timestamp), column("lat", value.Double), column("lon", value.Double),
	column("vel", value.Double), column("cog", value.Int), column("batt", value.Int), column("tid", value.String)}}

func TestDecodeOwnTracks(t *testing.T) {
	for _, c := range []struct {
		name, payload, want string
		skipped             int
	}{
		{"a location", `{"_type":"location","acc":10,"alt":15,"batt":72,"cog":270,"lat":52.3,"lon":5.1,"tid":"ph","tst":1700000001,"vel":54,"vac":3}`, "u|p|2023-11-14T22:13:21Z|52.3|5.1|54|270|72|ph", 0},
		{"the type stands last", ` {"lat":1,"tst":1700000001,"_type":"location"} `, "u|p|2023-11-14T22:13:21Z|1|||||", 0},
		{"no time: arrival", `{"_type":"location","lat":1}`, "u|p|2023-11-14T22:13:20Z|1|||||", 0},
		{"a bad value", `{"_type":"location","lat":"north"}`, "!bad_type", 0},
		{"a transition", `{"_type":"transition","wtst":1,"lat":1,"lon":2,"tst":1,"event":"enter"}`, "", 1},
		{"a waypoint", `{"_type":"waypoint","desc":"home","lat":1,"lon":2,"rad":50,"tst":1}`, "", 1},
		{"the will", `{"_type":"lwt","tst":1700000001}`, "", 1},
		{"encrypted", `{"_type":"encrypted","data":"DxD8XlJ8vXdK"}`, "!encrypted", 0},
		{"another type", `{"_type":"lorry","lat":1}`, "!owntracks_type", 0},
		{"no type", `{"lat":1}`, "!owntracks_type", 0},
		{"the type is no text", `{"_type":1,"lat":1}`, "!owntracks_type", 0},
		{"an array", `[{"_type":"location"}]`, "!not_object", 0},
		{"nothing", ``, "!not_object", 0},
		{"cut off", `{"_type":"location","lat":1`, "!malformed", 0},
		{"more", `{"_type":"location"}x`, "!malformed", 0},
	} {
		b := decode(t, ownTracksStream, "owntracks/u/p", c.payload)
		if g := outcome(b); g != c.want || b.Skipped != c.skipped {
			t.Errorf("%s: %s\n got %s, skipped %d\nwant %s, skipped %d", c.name, c.payload, g, b.Skipped, c.want, c.skipped)
		}
	}
	s := inFormat(ownTracksStream, "owntracks")
	s.Columns = append([]*plan.Column{}, s.Columns...)
	s.Columns[2] = column("at", value.Timestamp, "created_at")
	if g := outcome(decode(t, s, "owntracks/u/p", `{"_type":"location","tst":1,"created_at":1700000002}`)); !strings.HasPrefix(g, "u|p|2023-11-14T22:13:22Z") {
		t.Errorf("a path for the time: %s", g)
	}
}

func TestOwnTracksRoundTrip(t *testing.T) {
	d, err := New(ownTracksStream)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		row := []value.Value{value.OfString("u"), value.OfString("p"), value.OfTime(rapid.Int64Range(1e9, 4e9).Draw(t, "tst") * 1e6),
			value.OfDouble(rapid.Float64Range(-90, 90).Draw(t, "lat")), value.OfDouble(rapid.Float64Range(-180, 180).Draw(t, "lon")), {},
			value.OfInt(rapid.Int64Range(0, 359).Draw(t, "cog")), value.OfInt(7), value.OfString(rapid.StringMatching(`[a-z]{2}`).Draw(t, "tid"))}
		var b Batch
		d.Decode("owntracks/u/p", AppendOwnTracks(nil, ownTracksStream, row), arrival, &b)
		if outcome(&b) != text(row) {
			t.Fatalf("got %s, want %s", outcome(&b), text(row))
		}
	})
}

func FuzzDecodeOwnTracks(f *testing.F) {
	for _, seed := range []string{`{"_type":"location","lat":52.3,"lon":5.1,"tid":"ph","tst":1700000001,"vel":54}`, `{"_type":"encrypted","data":"x"}`, `{"_type":"lwt"}`, `{"_type":"locatio\u006e"}`} {
		f.Add([]byte(seed))
	}
	d, err := New(ownTracksStream)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var b Batch
		d.Decode("owntracks/u/p", payload, arrival, &b)
		if len(b.Readings)+len(b.Rejects)+b.Skipped != 1 {
			t.Fatalf("%q: %d readings, %d rejects, %d skipped", payload, len(b.Readings), len(b.Rejects), b.Skipped)
		}
		sameAfterwards(t, &b, payload)
	})
}

func BenchmarkDecodeOwnTracks(b *testing.B) {
	benchmarkFormat(b, ownTracksStream, "owntracks/u/p",
		[]byte(`{"_type":"location","acc":10,"alt":15,"batt":72,"cog":270,"lat":52.316281,"lon":5.104924,"tid":"ph","tst":1700000001,"vel":54,"vac":3}`), 1)
}
