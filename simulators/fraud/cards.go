package fraud

import "fmt"

type city struct {
	name     string
	lat, lon float64
}

// Towns of one region are some 15 km apart; the far ones thousands.
var (
	region = []city{{"Port Meridian", 40.00, -30.00}, {"Halmstead", 40.10, -30.12}, {"Lind", 39.92, -30.15}, {"Saltmere", 40.05, -29.85}}
	far    = []city{{"Corvale", 12.2, 33.6}, {"Tarn Vesper", -25.4, 95.9}}
)

// card shops in two towns of its region. Episodes stand an hour and more apart from all else, so that each is its own case or none.
func card(a *actor) {
	key := fmt.Sprintf("card-%05d", a.number)
	use := func(c city) {
		a.send(a.IntN(a.edges), fmt.Sprintf("pay/t%03d", a.IntN(500)), `"card":%q,"city":%q,"lat":%.4f,"lon":%.4f,"amount":%.2f`,
			key, c.name, c.lat+a.Float64()*0.01, c.lon+a.Float64()*0.01, 1+a.Float64()*80)
	}
	through := func(from, to float64, towns ...int) {
		a.wait(3700, 5000)
		for i, n := range towns {
			if i > 0 {
				a.wait(from, to)
			}
			use(region[n])
		}
	}
	apart := func() { a.wait(3700, 5000) }
	for a.going() {
		switch n := a.IntN(60); {
		case n == 0: // five uses in three towns within an hour
			through(400, 880, 0, 1, 2, 1, 0)
			a.plant("many_cities", key, 0)
			apart()
		case n == 1: // two uses further apart than anyone flies; then rest, for the way home
			a.wait(40_000, 41_000)
			use(region[0])
			a.wait(600, 1800)
			use(far[a.IntN(len(far))])
			a.plant("impossible_travel", key, 0)
			a.wait(50_000, 60_000)
		case n == 2: // five uses in two towns
			through(300, 800, 0, 1, 0, 1, 1)
			a.run.Near++
			apart()
		case n == 3: // four uses in three towns
			through(300, 800, 0, 1, 2, 3)
			a.run.Near++
			apart()
		case n == 4: // five uses in three towns in more than an hour
			through(905, 1100, 0, 1, 2, 1, 0)
			a.run.Near++
			apart()
		default:
			a.wait(1200, 5400)
			use(region[a.IntN(2)])
		}
	}
}
