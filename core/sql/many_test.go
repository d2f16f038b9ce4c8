package sql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
)

// A statement that fails leaves those before it done and those behind it undone.
func TestApplyAllStopsAtTheFirstError(t *testing.T) {
	list, err := Parse("CREATE STREAM a (k STRING KEY) WITH (topic = 'a/{k}'); CREATE VIEW v AS SELECT COUNT(*) AS n FROM (SELECT k, COUNT(*) AS c FROM a GROUP BY k) x;" +
		"CREATE VIEW w AS SELECT SUM(c) AS n, MAX(d) AS m FROM (SELECT k, COUNT(*) AS c FROM a GROUP BY k) x; DROP VIEW v")
	if err != nil {
		t.Fatal(err)
	}
	p, said, err := ApplyAll(&plan.Plan{Partitions: 1, NextId: 1, Version: 1}, list)
	if err == nil || len(said) != 2 || p.Version != 3 || len(p.Views) != 2 || p.Views[1].Name != "v" {
		t.Errorf("%v, %q, plan %v", err, said, p)
	}
}

// As many views as there may be, in one text.
func BenchmarkPlanAThousandViews(b *testing.B) {
	text := &strings.Builder{}
	text.WriteString("CREATE STREAM m (device STRING KEY, ts TIMESTAMP, x BIGINT) WITH (topic = 'm/{device}', timestamp = 'ts');")
	for i := range 1000 {
		fmt.Fprintf(text, "CREATE VIEW v%d AS SELECT device, COUNT(*) AS n, SUM(x) + %d AS sum FROM m WINDOW TUMBLING (SIZE 1 HOUR) WHERE x > 3 GROUP BY device;\n", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		list, err := Parse(text.String())
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := ApplyAll(&plan.Plan{Partitions: 4, NextId: 1}, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*1001), "us/statement")
}
