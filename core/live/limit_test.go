package live

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A topic with as many keys as it may have goes on with them, counts new ones, and takes some when others go.
func TestATopicHasSoManyKeys(t *testing.T) {
	h := New(Config{MaxRows: 2}, prometheus.NewRegistry(), prometheus.NewHistogram(prometheus.HistogramOpts{}), slog.New(slog.DiscardHandler))
	topic := h.Topic("view:v", nil, true)
	put := func(want int, rows ...Row) {
		t.Helper()
		if topic.Put(rows, 0, false); topic.Len() != want {
			t.Errorf("%d keys, want %d", topic.Len(), want)
		}
	}
	put(2, Row{Key: "a", Order: 1}, Row{Key: "b", Order: 5}, Row{Key: "c", Order: 6})
	put(2, Row{Key: "b", Order: 7})
	if got := topic.rows[topic.slots["b"]].Order; got != 7 {
		t.Errorf("b stays at %d", got)
	}
	topic.Expire(5)
	put(2, Row{Key: "c", Order: 8})
	var unshown dto.Metric
	if err := h.unshown.Write(&unshown); err != nil || unshown.Counter.GetValue() != 1 {
		t.Errorf("%v rows are counted, %v", unshown.Counter.GetValue(), err)
	}
}
