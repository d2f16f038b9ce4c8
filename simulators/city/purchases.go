package city

import (
	"fmt"
	"math"
	"time"
)

// Fraud is the truth about a purchase, which no payload tells.
type Fraud uint8

// Honest; Distant: the card was used in another city minutes before; Burst: a few tiny trials, then a big amount.
const (
	Honest Fraud = iota
	Distant
	Burst
)

func (f Fraud) String() string { return [...]string{"honest", "distant", "burst"}[f] }

// Purchase of one card. All purchases of one planted fraud carry its label, the innocent-looking first one included.
type Purchase struct {
	Card, Merchant, City string
	Cents                int64
	Lat, Lon             float64
	Time                 time.Time
	Fraud                Fraud
}

// town is a place to shop; Port Meridian's neighbours are as fictional as it is, and far away.
type town struct {
	name     string
	lat, lon float64
}

var towns = []town{
	{"Port Meridian", CentreLat, CentreLon}, {"Saltmere", 43.1, -28.4}, {"Corvale", 37.2, -33.6},
	{"Oxhaven", 41.0, -35.2}, {"Tarn Vesper", 38.4, -25.9},
}

var merchants = []struct {
	name    string
	typical float64 // median amount
}{
	{"Bakery Halm", 4}, {"Aune Coffee", 5}, {"Corner Market", 18}, {"Meridian Transit", 3}, {"Harbour Fuel", 55},
	{"Greengrocer Lind", 14}, {"Northgate Books", 22}, {"Kiosk 24", 6}, {"Lumen Electronics", 140}, {"Dockside Grill", 38},
	{"Pharmacy Sol", 16}, {"Foundry Tools", 60}, {"Cinema Arsenal", 13}, {"Bluewater Hotel", 160}, {"Vesper Jewellers", 420},
}

// market knows the cards and what is planted: purchases that must come at a set time.
type market struct {
	rng     splitmix
	cards   []card
	planned []Purchase // by time
	nextBad time.Time
}

type card struct {
	number string
	home   int // town
	at     point
}

// Mean time between planted frauds.
const fraudEvery = 45 * time.Second

func newMarket(seed int64, cards int) market {
	m := market{rng: splitmix(mix(uint64(seed) + 3)), cards: make([]card, cards)}
	for i := range m.cards {
		c := &m.cards[i]
		c.number = fmt.Sprintf("card-%05d", i+1)
		if m.rng.unit() < .12 {
			c.home = 1 + m.rng.below(len(towns)-1)
		}
		c.at = point{m.rng.normal() * 2.2, m.rng.normal() * 1.8}
		if inSea(c.at, .3) {
			c.at.x = coastX(c.at.y) + .3 + m.rng.unit()
		}
	}
	return m
}

// Purchases appends those of (from, to] to dst, in order of time: perSecond honest ones on average and the planted
// frauds. Call it with spans that follow one another.
func (c *City) Purchases(dst []Purchase, from, to time.Time, perSecond float64) []Purchase {
	m := &c.market
	if perSecond <= 0 || !to.After(from) {
		return dst
	}
	if m.nextBad.IsZero() {
		m.nextBad = from.Add(time.Duration(m.rng.between(5, 20) * float64(time.Second)))
	}
	for !m.nextBad.After(to) {
		m.plant(m.nextBad)
		m.nextBad = m.nextBad.Add(time.Duration(m.rng.between(.4, 1.6) * float64(fraudEvery)))
	}
	for at := from; ; {
		at = at.Add(time.Duration(-math.Log(1-m.rng.unit()) / perSecond * float64(time.Second)))
		if at.After(to) {
			break
		}
		dst = m.due(dst, at)
		dst = append(dst, m.honest(at))
	}
	return m.due(dst, to)
}

// due moves the planned purchases up to t to dst.
func (m *market) due(dst []Purchase, t time.Time) []Purchase {
	for len(m.planned) > 0 && !m.planned[0].Time.After(t) {
		dst = append(dst, m.planned[0])
		m.planned = m.planned[1:]
	}
	return dst
}

// The last 50th of the cards is only used by thieves, so that honest use does not blur the label.
func (m *market) honest(at time.Time) Purchase {
	return m.buy(&m.cards[m.rng.below(len(m.cards)-len(m.cards)/50)], at, Honest)
}

func (m *market) buy(c *card, at time.Time, f Fraud) Purchase {
	shop := merchants[m.rng.below(len(merchants)-1)]
	p := Purchase{Card: c.number, Merchant: shop.name, City: towns[c.home].name, Time: at, Fraud: f}
	p.Cents = int64(math.Max(50, shop.typical*100*math.Exp(.45*m.rng.normal())))
	p.Lat, p.Lon = m.spot(c, c.home)
	return p
}

// spot is a shop's place near a card holder's haunt, moved to the given town.
func (m *market) spot(c *card, town int) (lat, lon float64) {
	at := c.at.add(point{m.rng.normal() * .4, m.rng.normal() * .4})
	lat, lon = at.latLon()
	return lat + towns[town].lat - CentreLat, lon + towns[town].lon - CentreLon
}

// plant schedules one fraud that starts at t.
func (m *market) plant(t time.Time) {
	stolen := &m.cards[len(m.cards)-1-m.rng.below(max(1, len(m.cards)/50))]
	after := func(lo, hi float64) time.Time {
		return t.Add(time.Duration(m.rng.between(lo, hi) * float64(time.Second)))
	}
	if m.rng.unit() < .5 {
		p := m.buy(stolen, t, Distant)
		q := m.buy(stolen, after(60, 240), Distant)
		far := (stolen.home + 1 + m.rng.below(len(towns)-1)) % len(towns)
		q.City = towns[far].name
		q.Lat, q.Lon = m.spot(stolen, far)
		q.Cents += 20_000
		m.plan(p, q)
		return
	}
	for k := range 3 {
		p := m.buy(stolen, after(float64(k)*8, float64(k)*8+6), Burst)
		p.Cents = int64(m.rng.between(50, 199))
		m.plan(p)
	}
	p := m.buy(stolen, after(30, 55), Burst)
	last := merchants[len(merchants)-1]
	p.Merchant, p.Cents = last.name, int64(m.rng.between(60_000, 240_000))
	m.plan(p)
}

// plan files purchases by time.
func (m *market) plan(list ...Purchase) {
	for _, p := range list {
		i := len(m.planned)
		for i > 0 && m.planned[i-1].Time.After(p.Time) {
			i--
		}
		m.planned = append(m.planned, Purchase{})
		copy(m.planned[i+1:], m.planned[i:])
		m.planned[i] = p
	}
}
