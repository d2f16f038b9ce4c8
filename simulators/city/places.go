package city

// place is a label: rank 0 the city, 1 a district, 2 a smaller quarter, -1 the sea, -2 the river.
type place struct {
	name string
	at   point
	rank int
}

var places = []place{
	{"Port Meridian", point{0, .05}, 0}, {"Meridian Bay", point{-9.5, 1.6}, -1}, {"River Aune", point{2.4, riverY(2.4)}, -2},
	{"Harbour", point{-4.3, -.9}, 1}, {"Old Town", point{-1.4, .2}, 1}, {"Centrum", point{.6, -.7}, 1},
	{"Northgate", point{-.5, 4.3}, 1}, {"Eastbank", point{4.4, 1.7}, 1}, {"Southport", point{-2.6, -4.2}, 1},
	{"Lakeside", point{5.3, -2.1}, 1}, {"Technopark", point{7.4, 3.6}, 1}, {"Museum Quarter", point{2.0, 2.4}, 2},
	{"Riverside", point{3.1, .4}, 2}, {"Foundry", point{7.3, -.9}, 2}, {"Arsenal", point{-2.8, 2.2}, 2},
	{"Greenhill", point{3.6, 3.6}, 2}, {"Docklands", point{-4.4, -2.3}, 2}, {"Westfield", point{-2.0, -2.0}, 2},
	{"Millbrook", point{1.9, -4.1}, 2}, {"St Brannoc", point{-.2, -3.1}, 2}, {"Kingsmead", point{4.0, -4.6}, 2},
	{"Rookery", point{-3.0, 5.4}, 2}, {"Hollin Cross", point{1.6, 5.3}, 2},
}
