package fraud

import (
	"fmt"
	"time"
)

// device pings its site, and moves now and then; somebody may have copied it.
func device(a *actor) {
	key := fmt.Sprintf("dev-%05d", a.number)
	site := a.IntN(a.edges)
	at := func(site int) {
		a.send(site, fmt.Sprintf("site/s%d/ping/%s", site%a.edges, key), `"battery":%.1f`, 20+a.Float64()*80)
	}
	for a.going() {
		switch n := a.IntN(200); {
		case n == 0: // here, there, and here again within a minute
			a.wait(90, 200)
			at(site)
			a.wait(5, 25)
			at(site + 1)
			a.wait(5, 25)
			at(site)
			a.plant("clone", key, 0)
			a.wait(90, 200)
		case n == 1: // gone to another site, and back after more than a minute
			a.wait(90, 200)
			at(site)
			a.wait(5, 30)
			at(site + 1)
			a.wait(61, 90)
			at(site)
			a.run.Near++
			a.wait(90, 200)
		case n == 2: // moved
			a.wait(90, 200)
			site++
			at(site)
		default:
			a.wait(30, 300)
			at(site)
		}
	}
}

// truck drives, stands, and reports each minute.
func truck(a *actor) {
	key := fmt.Sprintf("truck-%05d", a.number)
	fuel := 300 + a.Float64()*400
	report := func(speed, level float64) {
		a.wait(50, 70)
		a.send(a.IntN(a.edges), "truck/"+key, `"speed":%.1f,"fuel":%.2f`, speed, level)
	}
	drive := func(minutes int) {
		for range minutes {
			fuel -= 0.3 + a.Float64()*0.4
			report(20+a.Float64()*70, fuel)
		}
	}
	stand := func(minutes int) {
		for range minutes {
			report(0, fuel+a.Float64())
		}
	}
	for a.going() {
		drive(5 + a.IntN(60))
		stand(5 + a.IntN(20))
		switch a.IntN(8) {
		case 0: // somebody takes it
			fuel -= 8 + a.Float64()*30
			report(0, fuel)
			a.plant("fuel_theft", key, 0)
			stand(3 + a.IntN(10))
		case 1: // the level sways, as on a slope
			report(0, fuel-2.5)
			a.run.Near++
		case 2: // a short way with a great deal of fuel: it drove
			drive(1)
			fuel -= 10
			stand(5)
			a.run.Near++
		}
		if fuel < 200 {
			fuel += 400
			stand(2)
		}
	}
}

// sensor reports every few seconds, and sometimes fails to.
func sensor(a *actor) {
	key := fmt.Sprintf("sensor-%05d", a.number)
	say := func() {
		a.send(a.number, "sensor/"+key, `"value":%.3f`, a.NormFloat64()*3+20)
	}
	say()
	for a.going() {
		switch n := a.IntN(500); {
		case n == 0: // silent
			a.plant("silent", key, silence)
			a.wait(310, 2000)
		case n == 1: // nearly
			a.run.Near++
			a.wait(280, 299)
		default:
			a.wait(20, 60)
		}
		say()
	}
	a.plant("silent", key, silence) // nothing comes after the day
}

const silence = 5 * time.Minute
