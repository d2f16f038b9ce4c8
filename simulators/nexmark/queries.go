package nexmark

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Answers computes Nexmark's queries over all events at once, each as rows of text, sorted. Windows are aligned to the epoch, a session ends
// with its last bid, and the numbers are those of the published queries.
func Answers(events []Event) map[string][]string {
	a := &answers{rows: map[string][]string{}}
	for _, e := range events {
		switch {
		case e.Person != nil:
			a.persons = append(a.persons, e.Person)
		case e.Auction != nil:
			a.auctions = append(a.auctions, e.Auction)
		default:
			a.bids = append(a.bids, e.Bid)
		}
	}
	a.passThrough()
	a.localItems()
	a.winningBids()
	a.hotItems()
	a.highestBids()
	a.newUsers()
	a.sessions()
	a.processingTime()
	for _, rows := range a.rows {
		slices.Sort(rows)
	}
	return a.rows
}

type answers struct {
	persons  []*Person
	auctions []*Auction
	bids     []*Bid
	rows     map[string][]string
}

func (a *answers) row(query, format string, args ...any) {
	a.rows[query] = append(a.rows[query], fmt.Sprintf(format, args...))
}

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// q0, q1, q2: all bids; prices in euros; bids for some auctions.
func (a *answers) passThrough() {
	for _, b := range a.bids {
		a.row("q0", "%d %d %d %s", b.Auction, b.Bidder, b.Price, text(b.Time))
		a.row("q1", "%d %d %s", b.Auction, b.Bidder, strconv.FormatFloat(0.908*float64(b.Price), 'f', -1, 64))
		if b.Auction%123 == 0 {
			a.row("q2", "%d %d", b.Auction, b.Price)
		}
	}
}

// q3: who sells in particular states and one category.
func (a *answers) localItems() {
	for _, o := range a.auctions {
		for _, p := range a.persons {
			if o.Seller == p.ID && o.Category == 10 && slices.Contains([]string{"OR", "ID", "CA"}, p.State) {
				a.row("q3", "%s %s %s %d", p.Name, p.City, p.State, o.ID)
			}
		}
	}
}

// q4: the mean of the winning bids, by category.
func (a *answers) winningBids() {
	sums, counts := map[int64]int64{}, map[int64]int64{}
	for _, o := range a.auctions {
		final := int64(-1)
		for _, b := range a.bids {
			if b.Auction == o.ID && !b.Time.Before(o.Time) && !b.Time.After(o.Expires) {
				final = max(final, b.Price)
			}
		}
		if final >= 0 {
			sums[o.Category] += final
			counts[o.Category]++
		}
	}
	for category, n := range counts {
		a.row("q4", "%d %.6f", category, float64(sums[category])/float64(n))
	}
}

// windows gives the starts of the windows that a time is in.
func windows(t time.Time, size, advance time.Duration) (starts []time.Time) {
	for s := t.Truncate(advance); s.After(t.Add(-size)); s = s.Add(-advance) {
		starts = append(starts, s)
	}
	return starts
}

type slot struct {
	start time.Time
	id    int64
}

// q5: the auctions with most bids, in windows of 10 s each 2 s.
func (a *answers) hotItems() {
	counts, most := map[slot]int{}, map[time.Time]int{}
	for _, b := range a.bids {
		for _, s := range windows(b.Time, 10*time.Second, 2*time.Second) {
			counts[slot{s, b.Auction}]++
			most[s] = max(most[s], counts[slot{s, b.Auction}])
		}
	}
	for at, n := range counts {
		if n == most[at.start] {
			a.row("q5", "%s %d %d", text(at.start), at.id, n)
		}
	}
}

// q7: the highest bids of each 10 s.
func (a *answers) highestBids() {
	most := map[time.Time]int64{}
	for _, b := range a.bids {
		s := b.Time.Truncate(10 * time.Second)
		most[s] = max(most[s], b.Price)
	}
	for _, b := range a.bids {
		if s := b.Time.Truncate(10 * time.Second); b.Price == most[s] {
			a.row("q7", "%s %d %d %d", text(s), b.Auction, b.Price, b.Bidder)
		}
	}
}

// q8: who registered and opened an auction in the same 10 s.
func (a *answers) newUsers() {
	sellers := map[slot]bool{}
	for _, o := range a.auctions {
		sellers[slot{o.Time.Truncate(10 * time.Second), o.Seller}] = true
	}
	for _, p := range a.persons {
		if s := p.Time.Truncate(10 * time.Second); sellers[slot{s, p.ID}] {
			a.row("q8", "%d %s %s", p.ID, p.Name, text(s))
		}
	}
}

// q11: how many bids each bidder made in each session of his, with gaps of up to 10 s.
func (a *answers) sessions() {
	of := map[int64][]time.Time{}
	for _, b := range a.bids {
		of[b.Bidder] = append(of[b.Bidder], b.Time)
	}
	for bidder, times := range of {
		slices.SortFunc(times, time.Time.Compare)
		from, n := times[0], 0
		for i, t := range times {
			n++
			if i == len(times)-1 || times[i+1].Sub(t) > 10*time.Second {
				a.row("q11", "%d %d %s %s", bidder, n, text(from), text(t))
				if i < len(times)-1 {
					from, n = times[i+1], 0
				}
			}
		}
	}
}

// q12: how many bids each bidder made in each 10 s of the time at which they were taken in.
func (a *answers) processingTime() {
	counts := map[slot]int{}
	for _, b := range a.bids {
		counts[slot{b.Received.Truncate(10 * time.Second), b.Bidder}]++
	}
	for at := range maps.Keys(counts) {
		a.row("q12", "%d %d %s", at.id, counts[at], text(at.start))
	}
}
