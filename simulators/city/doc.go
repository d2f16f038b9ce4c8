// Package city is the seeded truth behind the demo and the oracle: Port Meridian, a city that does not exist, at
// 40° N 30° W in the open Atlantic, so that nothing in it is a real place.
//
//	geography (sea, river, lake, parks) → streets (one road graph) → basemap (what the map draws)
//	                                                              → traffic (what the vehicles drive)
//
// The map is always the same; the seed decides who lives on it: which vehicles start where and turn where, what a
// sensor's street is like, who buys what, and which cards are stolen. The package does no I/O, starts no goroutine and
// reads no clock: Step takes the time that passed, readings take the time they are asked for. Two cities with one
// Config and one sequence of calls are equal to the last bit.
//
//	graph.go, streets.go, motorway.go   the road graph
//	geography.go, noise.go, project.go  shape of the land; kilometres ⇄ degrees
//	basemap.go, buildings.go, places.go GeoJSON
//	traffic.go, drive.go, lights.go     vehicles
//	sensors.go, purchases.go            the rest of the life
//	encode.go                           payloads
//
// Lengths are metres on the graph and kilometres in the geography, speeds km/h outside and m/s inside, bearings
// degrees clockwise from north. A City is not safe for concurrent use.
package city
