package nexmark

import (
	"reflect"
	"testing"
	"time"
)

func TestEventsAreSeededAndInProportion(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events := Generate(3, 5000, start, time.Millisecond)
	if !reflect.DeepEqual(events, Generate(3, 5000, start, time.Millisecond)) {
		t.Error("the same seed gives other events")
	}
	if reflect.DeepEqual(events, Generate(4, 5000, start, time.Millisecond)) {
		t.Error("another seed gives the same events")
	}
	var persons, opened, bids int64
	for i, e := range events {
		at := start.Add(time.Duration(i) * time.Millisecond)
		switch {
		case e.Person != nil:
			if persons++; !e.Person.Time.Equal(at) || e.Person.ID != firstID+persons-1 {
				t.Fatalf("event %d is %+v", i, e.Person)
			}
		case e.Auction != nil:
			if opened++; !e.Auction.Time.Equal(at) || !e.Auction.Expires.After(at) || e.Auction.Seller >= firstID+persons || e.Auction.Reserve <= e.Auction.InitialBid {
				t.Fatalf("event %d is %+v", i, e.Auction)
			}
		default:
			if bids++; !e.Bid.Time.Equal(at) || e.Bid.Received.Before(at) || e.Bid.Auction >= firstID+opened || e.Bid.Bidder >= firstID+persons || e.Bid.Price < 100 {
				t.Fatalf("event %d is %+v", i, e.Bid)
			}
		}
	}
	if persons != 100 || opened != 300 || bids != 4600 {
		t.Errorf("%d persons, %d auctions, %d bids", persons, opened, bids)
	}
}

// The queries, by hand, over five events.
func TestAnswers(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
	}
	bid := func(seconds float64, auction, bidder, price int64) Event {
		return Event{Bid: &Bid{Auction: auction, Bidder: bidder, Price: price, Time: at(seconds), Received: at(seconds + 5)}}
	}
	got := Answers([]Event{{Person: &Person{ID: 1, Name: "Ada", City: "Bend", State: "OR", Time: at(0)}},
		{Auction: &Auction{ID: 123, Seller: 1, Category: 10, Time: at(1), Expires: at(8)}}, bid(2, 123, 7, 100), bid(9, 123, 7, 300), bid(20, 5, 7, 50)})
	want := map[string][]string{
		"q0":  {"123 7 100 2026-01-01T00:00:02Z", "123 7 300 2026-01-01T00:00:09Z", "5 7 50 2026-01-01T00:00:20Z"},
		"q1":  {"123 7 272.40000000000003", "123 7 90.8", "5 7 45.4"},
		"q2":  {"123 100", "123 300"},
		"q3":  {"Ada Bend OR 123"},
		"q4":  {"10 100.000000"},
		"q7":  {"2026-01-01T00:00:00Z 123 300 7", "2026-01-01T00:00:20Z 5 50 7"},
		"q8":  {"1 Ada 2026-01-01T00:00:00Z"},
		"q11": {"7 1 2026-01-01T00:00:20Z 2026-01-01T00:00:20Z", "7 2 2026-01-01T00:00:02Z 2026-01-01T00:00:09Z"},
		"q12": {"7 1 2026-01-01T00:00:00Z", "7 1 2026-01-01T00:00:10Z", "7 1 2026-01-01T00:00:20Z"},
	}
	for q, rows := range want {
		if !reflect.DeepEqual(got[q], rows) {
			t.Errorf("%s: %q, want %q", q, got[q], rows)
		}
	}
	if n := len(got["q5"]); n != 13 { // of windows from −6 s to 8 s, and from 12 s to 20 s
		t.Errorf("q5 has %d rows: %q", n, got["q5"])
	}
}
