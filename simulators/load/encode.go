package load

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// The formats that protocol/payload writes. Their encoders want a stream's columns, of which these are a reading's.
var columns = []*plan.Column{kind("device", value.String), kind("ts", value.Timestamp), kind("seq", value.Int), kind("lat", value.Double),
	kind("lon", value.Double), kind("speed", value.Double), kind("heading", value.Double)}

// As OwnTracks calls them.
var ownTracksColumns = []*plan.Column{kind("device", value.String), kind("ts", value.Timestamp), kind("seq", value.Int), kind("lat", value.Double),
	kind("lon", value.Double), kind("vel", value.Double), kind("cog", value.Double)}

func kind(name string, k value.Kind) *plan.Column {
	return &plan.Column{Name: name, Type: &plan.Type{Kind: uint32(k)}, Key: name == "device"}
}

// Topics of Sparkplug: {type} is the message's, and each connection is a node.
const (
	sparkplugTopic = "spBv1.0/load/{type}/{node}/{device}"
	sparkplugNode  = "spBv1.0/load/{type}/{node}"
)

var (
	lineStream      = &plan.Stream{Name: "load", Topic: "load/{device}/position", Format: "line", Timestamp: 1, Columns: columns}
	ownTracksStream = &plan.Stream{Name: "load", Topic: "load/{device}/position", Format: "owntracks", Timestamp: 1, Columns: ownTracksColumns}
	sparkplugStream = &plan.Stream{Name: "load", Topic: "spBv1.0/load/+/+/{device}", Format: "sparkplug", Timestamp: 1, Columns: columns}
	nodeStream      = &plan.Stream{Name: "load", Topic: "spBv1.0/load/+/+", Format: "sparkplug", Timestamp: 0, Columns: columns[1:2]}
)

// single are the formats that hold one reading a message.
var single = []string{"owntracks", "sparkplug"}

// row steps the device and gives its reading.
func (d *device) row(at time.Time) []value.Value {
	d.step()
	return []value.Value{value.OfString(d.name), value.OfTime(at.UnixMilli() * 1000), value.OfInt(d.seq), value.OfDouble(d.lat), value.OfDouble(d.lon),
		value.OfDouble(d.speed), value.OfDouble(d.heading)}
}

// asCBOR: a map for each reading, one after the other (RFC 8742).
func asCBOR(dst []byte, d *device, at time.Time, n int) ([]byte, error) {
	for k := range n {
		dst = payload.AppendCBOR(dst, columns[1:], d.row(at.Add(-time.Duration(n-1-k) * d.every))[1:])
	}
	return dst, nil
}

func asLineProtocol(dst []byte, d *device, at time.Time, n int) (_ []byte, err error) {
	for k := range n {
		if dst, err = payload.AppendLine(dst, lineStream, d.row(at.Add(-time.Duration(n-1-k)*d.every))); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func asOwnTracks(dst []byte, d *device, at time.Time, _ int) ([]byte, error) {
	return payload.AppendOwnTracks(dst, &plan.Stream{Timestamp: 0, Columns: ownTracksColumns[1:]}, d.row(at)[1:]), nil
}

// asSparkplug: the first reading of a device on a connection is its birth, which says what later ones mean.
func asSparkplug(dst []byte, d *device, at time.Time, _ int) ([]byte, error) {
	row := d.row(at)
	if d.born {
		return payload.SparkplugData(dst, sparkplugStream, row, d.seq)
	}
	return payload.SparkplugBirth(dst, sparkplugStream, row, -1, d.seq)
}

// topicOf is where the device's next message goes; of Sparkplug it depends on whether it is born.
func (n *line) topicOf(d *device) string {
	if n.cfg.Format != "sparkplug" {
		return d.topic
	}
	kind := "DBIRTH"
	if d.born {
		kind = "DDATA"
	}
	return strings.NewReplacer("{type}", kind, "{node}", n.pipe.name).Replace(d.topic)
}

// bear publishes the node's birth on a new connection, after which its devices are to be born again too.
func (n *line) bear(ctx context.Context, due time.Time) error {
	life := n.pipe.reconnects.Load() + 1
	if n.cfg.Format != "sparkplug" || n.life == life {
		return nil
	}
	n.life = life
	for i := range n.devices {
		n.devices[i].born = false
	}
	b, err := payload.SparkplugBirth(nil, nodeStream, []value.Value{value.OfTime(due.UnixMicro())}, life, 0)
	if err != nil {
		return err
	}
	return n.pipe.publish(ctx, strings.NewReplacer("{type}", "NBIRTH", "{node}", n.pipe.name).Replace(sparkplugNode), b, 0, due)
}

// formatNames are those of formats, in order.
func formatNames() string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
