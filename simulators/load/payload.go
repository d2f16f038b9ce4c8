package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// device makes up readings: a walk about one place. Only its connection's goroutine touches it.
type device struct {
	name, topic string
	rng         *rand.PCG
	seq         int64
	lat, lon    float64
	speed       float64       // km/h
	heading     float64       // degrees
	every       time.Duration // between readings
	born        bool          // Sparkplug: since its connection was made
}

func newDevice(cfg *Config, i int) device {
	name := fmt.Sprintf("dev-%06d", i)
	d := device{name: name, topic: strings.ReplaceAll(cfg.Topic, "{device}", name),
		rng: rand.NewPCG(uint64(cfg.Seed), uint64(i)), every: time.Millisecond}
	if cfg.Rate > 0 {
		d.every = time.Duration(float64(cfg.Devices) / cfg.Rate * float64(time.Second))
	}
	d.lat, d.lon = 40+.1*(d.unit()-.5), -30+.1*(d.unit()-.5)
	return d
}

func (d *device) unit() float64 { return float64(d.rng.Uint64()>>11) / (1 << 53) }

// step to the next reading.
func (d *device) step() {
	d.seq++
	d.speed = 60 * d.unit()
	d.heading = 360 * d.unit()
	d.lat += 1e-4 * (d.unit() - .5)
	d.lon += 1e-4 * (d.unit() - .5)
}

// format renders the n readings of a message whose last one is of the time at.
type format func(dst []byte, d *device, at time.Time, n int) ([]byte, error)

var formats = map[string]format{"json": plain(asJSON), "ndjson": plain(asLines), "senml": plain(asSenML), "cbor": asCBOR, "line": asLineProtocol,
	"owntracks": asOwnTracks, "sparkplug": asSparkplug}

// plain is a format that can't fail.
func plain(f func(dst []byte, d *device, at time.Time, n int) []byte) format {
	return func(dst []byte, d *device, at time.Time, n int) ([]byte, error) { return f(dst, d, at, n), nil }
}

// asJSON: one object, or an array of several.
func asJSON(dst []byte, d *device, at time.Time, n int) []byte {
	if n == 1 {
		return object(dst, d, at)
	}
	for k := range n {
		dst = append(dst, "[,"[min(k, 1)])
		dst = object(dst, d, at.Add(-time.Duration(n-1-k)*d.every))
	}
	return append(dst, ']')
}

func asLines(dst []byte, d *device, at time.Time, n int) []byte {
	for k := range n {
		if k > 0 {
			dst = append(dst, '\n')
		}
		dst = object(dst, d, at.Add(-time.Duration(n-1-k)*d.every))
	}
	return dst
}

// object steps the device and appends {"ts" ms,"seq","lat","lon","speed","heading"}.
func object(dst []byte, d *device, at time.Time) []byte {
	d.step()
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, d.seq, 10)
	dst = number(dst, `,"lat":`, d.lat, 6)
	dst = number(dst, `,"lon":`, d.lon, 6)
	dst = number(dst, `,"speed":`, d.speed, 1)
	dst = number(dst, `,"heading":`, d.heading, 0)
	return append(dst, '}')
}

// asSenML: a pack (RFC 8428) of four records a reading, names based on the device, times relative to the message's.
func asSenML(dst []byte, d *device, at time.Time, n int) []byte {
	dst = append(dst, `[{"bn":"`...)
	dst = append(dst, d.name...)
	dst = append(dst, `/","bt":`...)
	dst = strconv.AppendFloat(dst, float64(at.UnixMilli())/1000, 'f', 3, 64)
	for k := range n {
		d.step()
		t := -float64(n-1-k) * d.every.Seconds()
		dst = append(dst, pickComma(k)...)
		dst = number(dst, `"n":"lat","u":"lat","t":`, t, 3)
		dst = number(dst, `,"v":`, d.lat, 6)
		dst = number(dst, `},{"n":"lon","u":"lon","t":`, t, 3)
		dst = number(dst, `,"v":`, d.lon, 6)
		dst = number(dst, `},{"n":"speed","u":"km/h","t":`, t, 3)
		dst = number(dst, `,"v":`, d.speed, 1)
		dst = number(dst, `},{"n":"heading","u":"deg","t":`, t, 3)
		dst = number(dst, `,"v":`, d.heading, 0)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// pickComma continues the base record, or opens one for each further reading.
func pickComma(k int) string {
	if k == 0 {
		return ","
	}
	return ",{"
}

// number appends v in fixed-point notation: strconv's shortest and exact forms take several times as long, and a load is to load
// the broker.
func number(dst []byte, name string, v float64, digits int) []byte {
	dst = append(dst, name...)
	n := int64(math.Round(v * powers[digits]))
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	power := int64(powers[digits])
	dst = strconv.AppendInt(dst, n/power, 10)
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	for n %= power; power > 1; {
		power /= 10
		dst = append(dst, byte('0'+n/power%10))
	}
	return dst
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}
