package live

import (
	"fmt"
	"maps"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// A viewer that looks now and then, however seldom, ends with the newest row of each key, and is never told of one twice.
func TestViewerEndsWithTheNewestRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := newTopic("view:v", nil, false)
		model := map[string]int64{}
		type watcher struct {
			version uint64
			knows   map[string]int64
		}
		watchers := []*watcher{{knows: map[string]int64{}}, {knows: map[string]int64{}}}
		look := func(w *watcher) {
			rows, now, _, _ := topic.since(w.version, World, nil)
			told := map[string]bool{}
			for _, r := range rows {
				if told[r.Key] {
					t.Fatalf("told of %s twice in one frame", r.Key)
				}
				told[r.Key] = true
				w.knows[r.Key] = r.Values[0].Int()
			}
			w.version = now
			if again, _, _, _ := topic.since(now, World, nil); len(again) > 0 {
				t.Fatalf("%d rows are told of again", len(again))
			}
		}
		stamp, orders := int64(0), map[string]int64{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				look(watchers[0])
			case 1:
				below := rapid.Int64Range(0, 20).Draw(t, "expire below")
				topic.Expire(below)
				for k, o := range orders {
					if o < below {
						delete(orders, k)
						delete(model, k)
						for _, w := range watchers {
							delete(w.knows, k) // a viewer keeps what it has seen; the topic does not
						}
					}
				}
			case 2: // more than the ring of changes holds
				if rapid.IntRange(0, 4).Draw(t, "flood") == 0 {
					rows := make([]Row, recentChanges+rapid.IntRange(-2, 2).Draw(t, "by"))
					for i := range rows {
						stamp++
						rows[i] = Row{Key: "flood", Order: 30, Values: []value.Value{value.OfInt(stamp)}}
					}
					topic.Put(rows, 0, false)
					model["flood"], orders["flood"] = stamp, 30
				}
			default:
				key := fmt.Sprint("k", rapid.IntRange(0, 6).Draw(t, "key"))
				order := rapid.Int64Range(0, 20).Draw(t, "order")
				stamp++
				topic.Put([]Row{{Key: key, Order: order, Values: []value.Value{value.OfInt(stamp)}}}, 0, false)
				if old, ok := orders[key]; !ok || order >= old {
					model[key], orders[key] = stamp, order
				}
			}
		}
		for _, w := range watchers {
			look(w)
			if !maps.Equal(w.knows, model) {
				t.Fatalf("a viewer knows %v, the newest are %v", w.knows, model)
			}
		}
		if topic.Len() != len(model) {
			t.Fatalf("%d keys, want %d", topic.Len(), len(model))
		}
	})
}
