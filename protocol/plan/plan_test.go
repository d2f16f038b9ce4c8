package plan_test

import (
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func TestAPlanOfALaterVersionIsStrange(t *testing.T) {
	p := &plan.Plan{Version: 3, Views: []*plan.View{{Name: "a"}, {Name: "b", Filter: &plan.Expr{Node: &plan.Expr_Call{Call: &plan.Call{Function: "x"}}}}}}
	if plan.Strange(p) {
		t.Error("one of this version is")
	}
	for name, later := range map[string]proto.Message{"plan": p, "view": p.Views[1], "call": p.Views[1].Filter.GetCall()} {
		before := later.ProtoReflect().GetUnknown()
		later.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
		data, err := proto.Marshal(p)
		read := new(plan.Plan)
		if err != nil || proto.Unmarshal(data, read) != nil || !plan.Strange(read) {
			t.Errorf("one with a new field in its %s is not", name)
		}
		later.ProtoReflect().SetUnknown(before)
	}
}
