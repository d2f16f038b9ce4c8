CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, route STRING)
WITH (topic = 'city/{device}/position', timestamp = 'ts');
CREATE STREAM arrivals (device STRING KEY, n BIGINT) WITH (topic = 'x/{device}');
CREATE VIEW ok AS SELECT route, COUNT(*) AS n FROM vehicles GROUP BY route
--> stream vehicles created
--> stream arrivals created
--> view ok created

-- Names.
CREATE VIEW x AS SELECT AVG(spede) FROM vehicles
--> error 2:29: no column `spede` in vehicles; did you mean `speed`?

CREATE VIEW x AS SELECT route, AVG(speed) FROM vehicle GROUP BY route
--> error 1:48: no stream `vehicle`; did you mean `vehicles`?

CREATE VIEW x AS SELECT device, AVG(speed) FROM vehicles GROUP BY route
--> error 1:25: column `device` is neither in GROUP BY nor inside an aggregate

CREATE VIEW x AS SELECT AVGG(speed) FROM vehicles
--> error 1:25: no function `AVGG`; did you mean `AVG`?

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE w.speed > 1
--> error 1:54: no table `w` here; FROM names `vehicles`

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles GROUP BY cel
--> error 1:62: no column and no alias `cel` to group by

CREATE VIEW x AS SELECT COUNT(*) AS n, route AS n FROM vehicles GROUP BY route
--> error 1:49: two columns are named `n`

CREATE VIEW x AS SELECT COUNT(*) AS revision FROM vehicles
--> error 1:25: every view has a column `revision` already; choose another name

CREATE VIEW vehicles AS SELECT COUNT(*) AS n FROM vehicles
--> error 1:13: vehicles is a stream

CREATE STREAM ok (a STRING) WITH (topic = 't')
--> error 1:15: ok is a view

-- Types.
CREATE VIEW x AS SELECT SUM(route) FROM vehicles
--> error 2:25: SUM takes a number, not STRING

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE speed
--> error 1:54: WHERE takes a condition, not DOUBLE

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE speed > 'fast'
--> error 1:60: DOUBLE cannot be compared with STRING

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE route + 1 > 2
--> error 1:60: + takes two numbers, not STRING and BIGINT

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE ts > 'yesterday'
--> error 1:59: 'yesterday' is no TIMESTAMP

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE ts + 5 > ts
--> error 1:57: + takes two numbers, not TIMESTAMP and BIGINT

CREATE VIEW x AS SELECT h3(lat, lon, 16) AS cell, COUNT(*) FROM vehicles GROUP BY cell
--> error 1:25: h3 takes a resolution of 0 to 15, not 16

CREATE VIEW x AS SELECT h3(lat, lon) AS cell, COUNT(*) FROM vehicles GROUP BY cell
--> error 1:25: h3(lat, lon, resolution) takes 3 arguments, not 2

CREATE VIEW x AS SELECT h3(lat, lon, route) AS cell, COUNT(*) FROM vehicles GROUP BY cell
--> error 1:25: h3(lat, lon, resolution) takes a BIGINT as argument 3, not STRING

CREATE VIEW x AS SELECT COUNT(*), NULL AS nothing FROM vehicles
--> error 1:35: column `nothing` is always NULL and so has no type; CAST it

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE ts > NOW()
--> error 1:59: NOW() cannot stand in a view, pattern or alert: its result must not depend on when it is computed

-- Aggregates and their constants.
CREATE VIEW x AS SELECT PERCENTILE(speed) FROM vehicles
--> error 2:25: PERCENTILE(x, share) takes 2 arguments, not 1

CREATE VIEW x AS SELECT PERCENTILE(route, 0.95) FROM vehicles
--> error 1:25: PERCENTILE takes a number, not STRING

CREATE VIEW x AS SELECT PERCENTILE(speed, 95) FROM vehicles
--> error 1:43: PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95, not 95

CREATE VIEW x AS SELECT PERCENTILE(speed, -0.5) FROM vehicles
--> error 1:43: PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95, not -0.5

CREATE VIEW x AS SELECT PERCENTILE(speed, lat) FROM vehicles
--> error 1:43: PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95

CREATE VIEW x AS SELECT PERCENTILE(speed, '0.95') FROM vehicles
--> error 1:43: PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95

CREATE VIEW x AS SELECT PERCENTILE(speed, 1 / 0) FROM vehicles
--> error 1:45: PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95

CREATE VIEW x AS SELECT PERCENTILE(*) FROM vehicles
--> error 1:25: PERCENTILE takes a column, not *

CREATE VIEW x AS SELECT COUNT(DISTINCT route, device) FROM vehicles
--> error 1:25: COUNT(x) takes 1 argument, not 2

CREATE VIEW x AS SELECT COUNT(DISTINCT NULL) FROM vehicles
--> error 1:25: COUNT of NULL has no type; CAST it

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE PERCENTILE(speed, 0.5) > 3
--> error 1:54: PERCENTILE is an aggregate and cannot stand in WHERE

CREATE VIEW x AS SELECT MAX(PERCENTILE(speed, 0.5)) FROM vehicles
--> error 1:29: PERCENTILE is an aggregate and cannot stand in an aggregate

-- Grouping.
CREATE VIEW x AS SELECT device, speed FROM vehicles
--> error 2:1: a view groups its stream: it needs an aggregate (COUNT(*), AVG(x) …) or GROUP BY

CREATE VIEW x AS SELECT * FROM vehicles
--> error 1:25: a view names its columns; * is for the SELECT that reads it

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE COUNT(*) > 1
--> error 1:54: COUNT is an aggregate and cannot stand in WHERE

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles GROUP BY MAX(speed)
--> error 1:57: MAX is an aggregate and cannot stand in GROUP BY

CREATE VIEW x AS SELECT AVG(MAX(speed)) FROM vehicles
--> error 1:29: MAX is an aggregate and cannot stand in an aggregate

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles HAVING speed > 1
--> error 1:55: column `speed` is neither in GROUP BY nor inside an aggregate

CREATE VIEW x AS SELECT SUM(*) FROM vehicles
--> error 1:25: SUM takes a column, not *

CREATE VIEW x AS SELECT COUNT(speed, ts) FROM vehicles
--> error 1:25: COUNT(x) takes 1 argument, not 2

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles GROUP BY 2
--> error 1:57: 2 is no position in the select list, which has 1 to 1

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles ORDER BY 1
--> error 1:1: a view has no order and no limit; they stand in the SELECT that reads it

-- Windows.
CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 0 SECONDS)
--> error 2:70: a window of size 0 holds nothing

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 10 SECS)
--> error 1:73: expected a unit of time (MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS), found `SECS`

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (10 SECONDS)
--> error 1:65: expected SIZE, found `10`

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 1 HOUR, GRACE 1 HOUR)
--> error 1:84: expected PERIOD, found `1`

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 DAY, RETENTION 1 DAY)
--> error 1:55: RETENTION is shorter than SIZE (of sessions the gap) and GRACE PERIOD together: late readings would find their window gone

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 9000000000 DAYS)
--> error 1:70: 9000000000 DAYS are too long: at most 1000 years

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY TUMBLE(ts, INTERVAL '1' HOUR)
--> error 1:87: a view has one window; here is a second

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles GROUP BY TUMBLE(lat, INTERVAL '1' HOUR)
--> error 1:64: windows go by event time, which in vehicles is `ts`, not `lat`

CREATE VIEW x AS SELECT COUNT(*) FROM arrivals GROUP BY TUMBLE(n, INTERVAL '1' HOUR)
--> error 1:64: windows go by event time, which in arrivals is the arrival (ROWTIME), as the stream names no timestamp, not `n`

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles GROUP BY TUMBLE(ts, 10)
--> error 1:68: expected the window's size, like INTERVAL '10' SECOND

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles EMIT FINAL
--> error 1:48: EMIT FINAL needs a WINDOW: without one the result never becomes final

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles EMIT SOMETIMES
--> error 1:53: expected CHANGES or FINAL, found `SOMETIMES`

-- Words in a wrong place.
CREATE VIEW x AS SELECT COUNT(*) FORM vehicles
--> error 2:39: expected FROM, found `vehicles` (is `FORM` before it meant to be FROM?)

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHER speed > 1
--> error 1:53: expected `;` or the end of the statement, found `speed` (is `WHER` before it meant to be WHERE?)

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles GROUP BY route WHERE speed > 1
--> error 1:63: WHERE comes before GROUP BY and HAVING

CREATE VIEW x AS SELECT COUNT(*), FROM vehicles
--> error 1:35: expected an expression, found the keyword FROM (as a name it needs double quotes)

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE 1 < speed < 2
--> error 1:64: comparisons cannot be chained; use AND

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE speed > 1e999
--> error 1:62: 1e999 is too large for a DOUBLE

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE route LIKE 'a!' ESCAPE '!'
--> error 1:60: ESCAPE takes one character, and the pattern must not end in it

-- In the language, but not built yet: never a wrong result.
CREATE VIEW x AS SELECT SUM(DISTINCT speed) FROM vehicles
--> error 2:25: SUM(DISTINCT …) is not supported yet

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles JOIN arrivals ON vehicles.device = arrivals.device
--> error 1:48: rows of two streams are joined within a time, or they would have to be kept for ever: JOIN arrivals WITHIN 10 MINUTES ON …

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles, arrivals
--> error 1:47: a second table in FROM is written JOIN table ON …

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles MATCH_RECOGNIZE (PARTITION BY device)
--> error 1:48: MATCH_RECOGNIZE stands in CREATE PATTERN name AS SELECT …; views and SELECTs then read FROM name

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE route IN (SELECT route FROM ok)
--> error 1:64: a sub-select is not supported yet

CREATE VIEW over_ok AS SELECT SUM(n) FROM ok
--> view over_ok created

CREATE VIEW x AS SELECT COUNT(*) FROM vehicles WHERE in_fence(lat, lon, 'a')
--> error 1:73: no fence `a`; PUT /api/v1/fences/{id} makes one

CREATE VIEW x AS SELECT SUM(speed) OVER (ORDER BY ts) FROM vehicles
--> error 1:36: OVER is not supported yet

CREATE VIEW x AS SELECT w.route, COUNT(*) FROM vehicles v GROUP BY route
--> error 1:25: no table `w` here; FROM names `v`
