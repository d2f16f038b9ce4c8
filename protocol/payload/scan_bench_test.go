package payload

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// BenchmarkForms measures a hundred readings in forms that devices write.
func BenchmarkForms(b *testing.B) {
	hfp := &plan.Stream{Topic: "bus/+/position", Timestamp: 1, Columns: []*plan.Column{column("oper", value.Int, "*.oper"), column("ts", value.Timestamp, "*.tst"),
		column("lat", value.Double, "*.lat"), column("lon", value.Double, "*.long"), column("spd", value.Decimal, "*.spd"), column("route", value.String, "*.route")}}
	hfp.Columns[4].Type.Precision, hfp.Columns[4].Type.Scale = 6, 2
	for _, c := range []struct {
		name   string
		stream *plan.Stream
		object string
	}{
		{"spaced", busStream, `{"ts": 1700000001000, "lat": 60.171325, "lon": 24.925031, "stops": 3, "open": true, "line": "400"}`},
		{"other case", busStream, `{"TS":1700000001000,"Lat":60.171325,"Lon":24.925031,"Stops":3,"Open":true,"Line":"400"}`},
		{"RFC 3339", busStream, `{"ts":"2023-11-14T22:13:21.500Z","lat":60.171325,"lon":24.925031,"stops":3,"open":true,"line":"400"}`},
		{"wide", busStream, `{"ts":1700000001000,` + strings.Repeat(`"an unwanted key":"and its value","another":[1.5,-2,{"deep":null}],`, 5) + `"lat":60.171325,"lon":24.925031,"stops":3,"open":true,"line":"400"}`},
		{"wildcard", hfp, `{"VP":{"desi":"1","dir":"1","oper":12,"veh":1362,"tst":"2023-11-14T22:13:21.500Z","tsi":1700000001,"spd":5.66,"hdg":349,"lat":60.171325,"long":24.925031,"acc":0.1,"dl":-20,"odo":4526,"drst":0,"oday":"2023-11-14","jrn":72,"line":31,"start":"21:40","loc":"GPS","stop":null,"route":"1001","occu":0}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, err := New(c.stream)
			if err != nil {
				b.Fatal(err)
			}
			payload := []byte("[" + strings.Repeat(c.object+",", 99) + c.object + "]")
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			var out Batch
			for b.Loop() {
				out.Reset()
				d.Decode("bus/b1/position", payload, arrival, &out)
			}
			if len(out.Readings) != 100 {
				b.Fatal(out.Rejects[0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/reading")
		})
	}
}
