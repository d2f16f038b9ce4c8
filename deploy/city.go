package deploy

import _ "embed" // for CitySQL

// CitySQL is the demo city's streams and views.
//
//go:embed city.sql
var CitySQL string
