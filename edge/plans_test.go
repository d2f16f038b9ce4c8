package edge

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/encoding/protowire"
)

// A plan that can't run here changes nothing, and the core hears why; the next one that can ends it.
func TestAPlanThatCannotRunIsToldOf(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	c := e.client()
	publish(t, c, 1, "bus", readings(0, 10)...)

	newer := cityPlan(2)
	newer.Views[0].Aggregates = append(newer.Views[0].Aggregates, &plan.Aggregate{Function: "MEDIAN"})
	h.put(t, newer)
	peers.Eventually(t, "the core hears why the plan was refused", func() bool {
		s := h.received(t).stats
		return s != nil && s.PlanVersion == 1 && strings.Contains(s.PlanProblem, "plan 2") && strings.Contains(s.PlanProblem, "MEDIAN")
	})
	missing := cityPlan(3)
	missing.Tables = []*plan.Table{{Id: 90, Name: "fleet", Contents: "gone", Columns: []*plan.Column{{Name: "a", Type: &plan.Type{Kind: 5}, Key: true}}}}
	missing.Views[0].Joins = []*plan.Join{{Table: 90, Left: true}}
	h.put(t, missing)
	peers.Eventually(t, "the core hears that the tables are missing", func() bool {
		return strings.Contains(h.received(t).stats.PlanProblem, "plan 3")
	})
	later := cityPlan(4)
	later.Views[0].ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
	h.put(t, later)
	peers.Eventually(t, "the core hears that the edge is too old for a plan", func() bool {
		return strings.Contains(h.received(t).stats.PlanProblem, "update the edge")
	})
	publish(t, c, 1, "bus", readings(10, 10)...)

	h.put(t, cityPlan(5))
	peers.Eventually(t, "the next plan runs", func() bool {
		s := h.received(t).stats
		return s.PlanVersion == 5 && s.PlanProblem == ""
	})
	publish(t, c, 1, "bus", readings(20, 10)...)
	c.Disconnect(0)
	e.stop()
	h.received(t).expectOnce(t, 30, "bus")
}
