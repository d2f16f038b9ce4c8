package city

import (
	"strconv"
	"time"
)

// The encoders append a payload to dst and return the longer slice. Times are epoch milliseconds.

// AppendJSON: {"ts","lat","lon","speed" km/h,"heading" degrees,"kind"}.
func (p Position) AppendJSON(dst []byte, ts time.Time) []byte {
	dst = appendHead(dst, ts)
	dst = appendNumber(dst, `,"lat":`, p.Lat, 6)
	dst = appendNumber(dst, `,"lon":`, p.Lon, 6)
	dst = appendNumber(dst, `,"speed":`, p.Speed, 1)
	dst = appendNumber(dst, `,"heading":`, p.Heading, 1)
	dst = append(dst, `,"kind":"`...)
	dst = append(dst, kindNames[p.Kind]...)
	return append(dst, `"}`...)
}

// AppendJSON: {"ts","lat","lon","temperature" °C,"pm25" µg/m³,"noise_db" dB(A)}.
func (e Env) AppendJSON(dst []byte, ts time.Time) []byte {
	dst = appendHead(dst, ts)
	dst = appendNumber(dst, `,"lat":`, e.Lat, 6)
	dst = appendNumber(dst, `,"lon":`, e.Lon, 6)
	dst = appendNumber(dst, `,"temperature":`, e.Temperature, 2)
	dst = appendNumber(dst, `,"pm25":`, e.PM25, 1)
	dst = appendNumber(dst, `,"noise_db":`, e.Noise, 1)
	return append(dst, '}')
}

// AppendJSON: {"ts","amount","city","merchant","lat","lon"}. The truth about fraud is not in it.
func (p Purchase) AppendJSON(dst []byte) []byte {
	dst = appendHead(dst, p.Time)
	dst = append(dst, `,"amount":`...)
	dst = strconv.AppendInt(dst, p.Cents/100, 10)
	dst = append(dst, '.', byte('0'+p.Cents/10%10), byte('0'+p.Cents%10))
	dst = append(dst, `,"city":"`...)
	dst = append(dst, p.City...)
	dst = append(dst, `","merchant":"`...)
	dst = append(dst, p.Merchant...)
	dst = append(dst, '"')
	dst = appendNumber(dst, `,"lat":`, p.Lat, 5)
	dst = appendNumber(dst, `,"lon":`, p.Lon, 5)
	return append(dst, '}')
}

func appendHead(dst []byte, ts time.Time) []byte {
	dst = append(dst, `{"ts":`...)
	return strconv.AppendInt(dst, ts.UnixMilli(), 10)
}

func appendNumber(dst []byte, name string, v float64, digits int) []byte {
	dst = append(dst, name...)
	return strconv.AppendFloat(dst, v, 'f', digits, 64)
}

// AppendTopic: city/{device}/position.
func (p Position) AppendTopic(dst []byte) []byte {
	return appendTopic(dst, "city/", p.Device, "/position")
}

// AppendTopic: city/{device}/env.
func (e Env) AppendTopic(dst []byte) []byte { return appendTopic(dst, "city/", e.Device, "/env") }

// AppendTopic: city/pos/{card}/purchase.
func (p Purchase) AppendTopic(dst []byte) []byte {
	return appendTopic(dst, "city/pos/", p.Card, "/purchase")
}

func appendTopic(dst []byte, before, name, after string) []byte {
	dst = append(dst, before...)
	dst = append(dst, name...)
	return append(dst, after...)
}
