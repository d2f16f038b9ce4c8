package api

import (
	"strings"
	"testing"
)

func TestAlertsOverHTTP(t *testing.T) {
	h := Handler(parts(&fake{}, ""))
	for _, c := range []struct {
		method, path, body string
		code               int
		has                string
	}{
		{"GET", "/api/v1/alerts", "", 200, `"alerts":[`},
		{"GET", "/api/v1/alerts?state=firing&severity=critical&alert=hot", "", 200, `"alert":"hot","id":"a","key":"","labels":null,"severity":"critical","state":"firing"`},
		{"GET", "/api/v1/alerts?state=odd", "", 400, "no such state"},
		{"GET", "/api/v1/alerts?sate=firing", "", 400, "no parameter sate"},
		{"POST", "/api/v1/alerts", `{"metric_id":"v.n","condition":">","threshold":3,"notification_method":"ops"}`, 201, `"threshold":3,"notification_method":"ops"`},
		{"POST", "/api/v1/alerts", `{"condition":">"}`, 400, `"line":1,"column":2`},
		{"POST", "/api/v1/alerts", `{"metric":"v.n"}`, 400, `unknown field`},
		{"POST", "/api/v1/alerts", `{"metric_id":"v.n"} {}`, 400, "more behind"},
		{"POST", "/api/v1/alerts", "", 400, "JSON object"},
		{"POST", "/api/v1/alerts", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 413, "64 KiB"},
		{"POST", "/api/v1/alerts/a/ack", `{"by":"ann"}`, 200, `"acknowledged_by":"ann"`},
		{"POST", "/api/v1/alerts/a/ack", "", 200, `"acknowledged_by":"operator"`},
		{"POST", "/api/v1/alerts/a/ack", `{"by":"` + strings.Repeat("x", 201) + `"}`, 400, "200 bytes"},
		{"POST", "/api/v1/alerts/none/ack", "{}", 404, "no such alert"},
		{"GET", "/api/v1/alerts?key=a&label=team=heat&label=site=1", "", 200, `"key":"a","labels":["team=heat","site=1"]`},
		{"GET", "/api/v1/silences", "", 200, `"silences":[]`},
		{"POST", "/api/v1/silences", `{"matchers":[{"name":"alert","value":"hot"}],"for":"2h","by":"ann"}`, 201, `"name":"alert","match":"","value":"hot"`},
		{"POST", "/api/v1/silences", `{"for":"2h"}`, 400, "no matchers"},
		{"POST", "/api/v1/silences", `{"matcher":[]}`, 400, "unknown field"},
		{"DELETE", "/api/v1/silences/a", "", 204, ""},
		{"DELETE", "/api/v1/silences/none", "", 404, "no such silence"},
	} {
		w := call(h, c.method, c.path, c.body)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s %s: %d %s, want %d and %s", c.method, c.path, w.Code, w.Body, c.code, c.has)
		}
	}
}
