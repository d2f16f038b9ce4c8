package payload

import "fmt"

// ownTracksDecoder reads what OwnTracks apps publish: a JSON object with a _type. A location is a reading whose columns are
// its keys (lat, lon, tst, vel, cog, alt, acc, batt, tid …). Without a PATH the event-time column is tst, whatever its name.
// The other types that the apps send are no positions, and are skipped and counted so; a type that OwnTracks doesn't have is
// rejected, and so is an encrypted message, since its key is not here.
type ownTracksDecoder struct {
	*Decoder
	kind columnScanner
}

// ownTracksOthers are the types beside location.
var ownTracksOthers = map[string]bool{"beacon": true, "beacons": true, "card": true, "cards": true, "cmd": true, "configuration": true,
	"dump": true, "lwt": true, "request": true, "status": true, "steps": true, "tour": true, "tours": true, "transition": true,
	"waypoint": true, "waypoints": true}

func newOwnTracksDecoder(d *Decoder) *ownTracksDecoder {
	if d.time >= 0 && d.stream.Columns[d.time].Path == "" {
		d.paths[d.time] = path{{key: "tst", index: -1}}
	}
	return &ownTracksDecoder{Decoder: d, kind: newColumnScanner([]path{{{key: "_type", index: -1}}}, []bool{false})}
}

func (o *ownTracksDecoder) decode(_ string, payload []byte, arrivalUs int64, out *Batch) {
	b := trim(payload)
	if len(b) == 0 || b[0] != '{' {
		out.reject("not_object", "an OwnTracks message is a JSON object", payload)
		return
	}
	if end := o.kind.element(b, 0, 0); end < 0 || end != len(b) {
		if end >= 0 {
			o.kind.fail(end, "the end")
		}
		out.reject("malformed", o.kind.problem(b), payload)
		return
	}
	kind := ""
	if t := &o.kind.found[0]; t.kind == tokenString {
		kind = view(b[t.start:t.end])
	}
	switch {
	case kind == "location":
		o.decodeJSON(b, arrivalUs, out)
	case kind == "encrypted":
		out.reject("encrypted", "an encrypted OwnTracks message", payload)
	case ownTracksOthers[kind]:
		out.Skipped++
	default:
		out.reject("owntracks_type", fmt.Sprintf("no _type of OwnTracks: %.32q", kind), payload)
	}
}
