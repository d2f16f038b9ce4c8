package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/simulators/nexmark"
)

// Nexmark's queries in hexpane's SQL. q0 to q3 are asked as push queries; of q5, q7 and q8 the last step is a SELECT over views.
const nexmarkSQL = `
CREATE STREAM person (id BIGINT KEY, ts TIMESTAMP, name STRING, email STRING, city STRING, state STRING)
	WITH (topic = 'nexmark/person', timestamp = 'ts', disorder = '5s');
CREATE STREAM auction (id BIGINT KEY, ts TIMESTAMP, expires TIMESTAMP, item STRING, initial_bid BIGINT, reserve BIGINT, seller BIGINT, category BIGINT)
	WITH (topic = 'nexmark/auction', timestamp = 'ts', disorder = '5s');
CREATE STREAM bid (id BIGINT KEY, ts TIMESTAMP, auction BIGINT, bidder BIGINT, price BIGINT, channel STRING)
	WITH (topic = 'nexmark/bid', timestamp = 'ts', disorder = '5s');
CREATE STREAM bid_received (id BIGINT KEY, received TIMESTAMP, auction BIGINT, bidder BIGINT)
	WITH (topic = 'nexmark/bid', timestamp = 'received', disorder = '5s');

CREATE VIEW q4 AS
	SELECT category, AVG(won) AS mean
	FROM (SELECT a.id AS id, a.category AS category, MAX(b.price) AS won
		FROM auction a JOIN bid b WITHIN 2 MINUTES ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.expires
		GROUP BY a.id, a.category) q
	GROUP BY category;

CREATE VIEW q5_counts AS SELECT auction, COUNT(*) AS num FROM bid WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS) WHERE auction > 0 GROUP BY auction;
CREATE VIEW q5_most AS SELECT MAX(num) AS num FROM q5_counts GROUP BY window_start;

CREATE VIEW q7_bids AS SELECT auction, price, bidder, id, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE auction > 0 GROUP BY auction, price, bidder, id;
CREATE VIEW q7_most AS SELECT MAX(price) AS price FROM bid WHERE auction > 0 GROUP BY TUMBLE(ts, INTERVAL '10' SECOND);

CREATE VIEW q8_people AS SELECT DISTINCT id, name FROM person WINDOW TUMBLING (SIZE 10 SECONDS);
CREATE VIEW q8_sellers AS SELECT DISTINCT seller FROM auction WINDOW TUMBLING (SIZE 10 SECONDS);

CREATE VIEW q11 AS SELECT bidder, COUNT(*) AS bids FROM bid WINDOW SESSION (10 SECONDS) WHERE auction > 0 GROUP BY bidder;
CREATE VIEW q12 AS SELECT bidder, COUNT(*) AS bids FROM bid_received WINDOW TUMBLING (SIZE 10 SECONDS) WHERE auction > 0 GROUP BY bidder;
`

var nexmarkPushes = map[string]string{
	"q0": "SELECT auction, bidder, price, ts FROM bid WHERE auction > 0 EMIT CHANGES",
	"q1": "SELECT auction, bidder, 0.908 * price AS price FROM bid WHERE auction > 0 EMIT CHANGES",
	"q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0 EMIT CHANGES",
	"q3": "SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p WITHIN 1 DAY ON a.seller = p.id WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA') EMIT CHANGES",
}

var nexmarkSelects = map[string]string{
	"q4":  "SELECT category, mean FROM q4",
	"q5":  "SELECT c.window_start, c.auction, c.num FROM q5_counts c JOIN q5_most m ON c.window_start = m.window_start AND c.num = m.num",
	"q7":  "SELECT b.window_start, b.auction, b.price, b.bidder FROM q7_bids b JOIN q7_most m ON b.window_start = m.window_start AND b.price = m.price",
	"q8":  "SELECT p.id, p.name, p.window_start FROM q8_people p JOIN q8_sellers s ON p.id = s.seller AND p.window_start = s.window_start",
	"q11": "SELECT bidder, bids, window_start, window_end FROM q11",
	"q12": "SELECT bidder, bids, window_start FROM q12",
}

// Nexmark's queries, over MQTT with readings out of order and in the real program, give the rows of a plain computation over all events.
func TestNexmark(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 8, 0, 3, 0, time.UTC)
	n := 6000
	if os.Getenv("HEXPANE_SOAK") != "" {
		n = 50_000
	}
	events := nexmark.Generate(7, n, start, 15*time.Millisecond)
	want := nexmark.Answers(events)
	for q, rows := range want {
		if len(rows) < 3 {
			t.Fatalf("%s has %d rows: these events hold it to nothing", q, len(rows))
		}
	}
	s := startSite(t, nexmarkSQL)
	plan := func() (version float64) {
		_, rows, err := ask(s.http, "SELECT MIN(plan_version) AS v FROM edges")
		if err == nil && len(rows) == 1 && rows[0][0] != nil {
			version = rows[0][0].(float64)
		}
		return version
	}
	pushes := map[string]*pushed{}
	before := 0.0
	eventually(t, func() error {
		_, views, err := ask(s.http, "SHOW VIEWS")
		if before = plan(); err != nil || len(views) != 10 || before == 0 {
			return fmt.Errorf("%d views, the edge runs plan %v: %v", len(views), before, err)
		}
		return nil
	})
	for q, statement := range nexmarkPushes {
		pushes[q] = push(t, s.http, statement)
		pushes[q].next()
	}
	eventually(t, func() error {
		if now := plan(); now < before+float64(len(pushes)) {
			return fmt.Errorf("the edge runs plan %v, and %v when it began", now, before)
		}
		return nil
	})
	publishAll(t, s.mqtt, events)

	for q, p := range pushes {
		var got []string
		for range want[q] {
			var line struct{ Row []any }
			text := p.next()
			if err := json.Unmarshal([]byte(text), &line); err != nil || line.Row == nil {
				t.Fatalf("%s says %q after %d of %d rows", q, text, len(got), len(want[q]))
			}
			got = append(got, nexmarkRow(q, line.Row))
		}
		p.cancel()
		sameRows(t, q, got, want[q])
	}
	for q, statement := range nexmarkSelects {
		var got []string
		eventually(t, func() error {
			_, rows, err := ask(s.http, statement)
			if err != nil {
				t.Fatal(statement, err)
			}
			got = nil
			for _, row := range rows {
				got = append(got, nexmarkRow(q, row))
			}
			if slices.Sort(got); !slices.Equal(got, want[q]) {
				return fmt.Errorf("%s: %d rows, want %d: %s", q, len(got), len(want[q]), firstOther(got, want[q]))
			}
			return nil
		})
	}
	for q, rows := range want {
		t.Logf("%s: %d rows", q, len(rows))
	}
}

// publishAll sends events, each up to two seconds of event time out of order, and then one that closes all windows.
func publishAll(t *testing.T, broker string, events []nexmark.Event) {
	t.Helper()
	type message struct {
		topic string
		at    time.Time
		body  any
	}
	var all []message
	for _, e := range events {
		switch {
		case e.Person != nil:
			all = append(all, message{"nexmark/person", e.Person.Time, e.Person})
		case e.Auction != nil:
			all = append(all, message{"nexmark/auction", e.Auction.Time, e.Auction})
		default:
			all = append(all, message{"nexmark/bid", e.Bid.Time, e.Bid})
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range all {
		all[i].at = all[i].at.Add(time.Duration(r.Int64N(int64(2 * time.Second))))
	}
	slices.SortStableFunc(all, func(a, b message) int { return a.at.Compare(b.at) })
	last := all[len(all)-1].at.Add(time.Minute)
	all = append(all, message{"nexmark/bid", last, nexmark.Bid{ID: -1, Auction: -1, Time: last, Received: last}})
	c := connect(t, broker)
	defer c.Disconnect(100)
	var tokens []mqtt.Token
	for _, m := range all {
		text, err := json.Marshal(m.body)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, c.Publish(m.topic, 1, false, text))
	}
	for _, token := range tokens {
		if !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
}

// nexmarkRow writes a row as nexmark.Answers does.
func nexmarkRow(query string, row []any) string {
	var words []string
	for _, v := range row {
		if f, ok := v.(float64); ok && query == "q4" && len(words) == 1 {
			words = append(words, fmt.Sprintf("%.6f", f))
		} else if ok {
			words = append(words, strconv.FormatFloat(f, 'f', -1, 64))
		} else {
			words = append(words, fmt.Sprint(v))
		}
	}
	return strings.Join(words, " ")
}

func sameRows(t *testing.T, query string, got, want []string) {
	t.Helper()
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s: %s", query, firstOther(got, want))
	}
}

// firstOther is the first difference of sorted rows.
func firstOther(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("row %d is %q, want %q", i, slices.Concat(got, []string{"none"})[min(i, len(got))], slices.Concat(want, []string{"none"})[min(i, len(want))])
		}
	}
	return "equal"
}
