// Package nexmark is the auction site of the Nexmark benchmark: people register, open auctions and bid, in one seeded stream of events, from the
// published description (Tucker, Tufte, Papadimos, Maier: NEXMark, 2002; the proportions and the hot auctions and people are those that
// streaming systems have since agreed on). queries.go answers its queries by a plain computation over all events at once.
package nexmark

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Person registers.
type Person struct {
	ID                int64     `json:"id"`
	Name              string    `json:"name"`
	Email             string    `json:"email"`
	City              string    `json:"city"`
	State             string    `json:"state"`
	Time              time.Time `json:"ts"`
	CreditCard, Extra string    `json:"-"`
}

// Auction is opened by a seller until it expires.
type Auction struct {
	ID         int64     `json:"id"`
	Item       string    `json:"item"`
	InitialBid int64     `json:"initial_bid"` // cents
	Reserve    int64     `json:"reserve"`     // cents
	Time       time.Time `json:"ts"`
	Expires    time.Time `json:"expires"`
	Seller     int64     `json:"seller"`
	Category   int64     `json:"category"`
}

// Bid is an offer.
type Bid struct {
	ID       int64     `json:"id"` // of the event: no two bids are the same
	Auction  int64     `json:"auction"`
	Bidder   int64     `json:"bidder"`
	Price    int64     `json:"price"` // cents
	Channel  string    `json:"channel"`
	Time     time.Time `json:"ts"`
	Received time.Time `json:"received"` // when the site took it in, which q12 goes by
}

// Event is one of the three.
type Event struct {
	Person  *Person
	Auction *Auction
	Bid     *Bid
}

// Of 50 events 1 is a person, 3 are auctions, 46 are bids.
const (
	cycle    = 50
	people   = 1
	auctions = 3
)

// Hot bids: half of the bids are for the newest hundredth of auctions, and by one bidder in a hundred.
const (
	hotRatio    = 2
	hotEvery    = 100
	activeSize  = 1000 // people that act, the newest
	inFlight    = 100  // auctions that are bid for, the newest
	firstID     = 1000
	firstCat    = 10
	categories  = 5
	maxDelay    = 2 * time.Second // between a bid and when it is taken in
	maxDuration = 60 * time.Second
)

var (
	states   = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	cities   = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	first    = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	last     = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	channels = []string{"Google", "Facebook", "Baidu", "Apple"}
)

// Generate gives n events of a seed, in order of time, from start on and every apart. The same seed gives the same events.
func Generate(seed uint64, n int, start time.Time, every time.Duration) []Event {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	events := make([]Event, 0, n)
	var persons, opened int64
	for i := range n {
		at := start.Add(time.Duration(i) * every).Truncate(time.Millisecond)
		switch turn := i % cycle; {
		case turn < people:
			persons++
			events = append(events, Event{Person: person(r, firstID+persons-1, at)})
		case turn < people+auctions:
			opened++
			events = append(events, Event{Auction: auction(r, firstID+opened-1, persons, at)})
		default:
			events = append(events, Event{Bid: bid(r, int64(i), opened, persons, at)})
		}
	}
	return events
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func person(r *rand.Rand, id int64, at time.Time) *Person {
	name := pick(r, first) + " " + pick(r, last)
	return &Person{ID: id, Name: name, Email: fmt.Sprintf("%x@%x.com", r.Uint32(), r.Uint32()), City: pick(r, cities), State: pick(r, states), Time: at}
}

func auction(r *rand.Rand, id, persons int64, at time.Time) *Auction {
	initial := price(r)
	return &Auction{ID: id, Item: fmt.Sprintf("item %d", r.IntN(1000)), InitialBid: initial, Reserve: initial + price(r), Time: at,
		Expires: at.Add(time.Second + time.Duration(r.Int64N(int64(maxDuration)))).Truncate(time.Millisecond), Seller: someone(r, persons), Category: firstCat + r.Int64N(categories)}
}

func bid(r *rand.Rand, id, opened, persons int64, at time.Time) *Bid {
	newest := firstID + opened - 1
	of := newest - r.Int64N(min(inFlight, opened))
	if r.IntN(hotRatio) > 0 {
		of = max(firstID, newest/hotEvery*hotEvery)
	}
	return &Bid{ID: id, Auction: of, Bidder: someone(r, persons), Price: price(r), Channel: pick(r, channels), Time: at,
		Received: at.Add(time.Duration(r.Int64N(int64(maxDelay)))).Truncate(time.Millisecond)}
}

// someone is one of the newest people, half of the time a hot one.
func someone(r *rand.Rand, persons int64) int64 {
	newest := firstID + persons - 1
	if r.IntN(hotRatio) > 0 {
		return max(firstID, newest/hotEvery*hotEvery)
	}
	return newest - r.Int64N(min(activeSize, persons))
}

// price is spread over six orders of magnitude.
func price(r *rand.Rand) int64 { return int64(math.Round(math.Pow(10, r.Float64()*6) * 100)) }
