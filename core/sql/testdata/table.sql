CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, line BIGINT, name STRING)
  WITH (topic = 'city/{device}/position', timestamp = 'ts', position = 'lat,lon')
--> stream vehicles created

-- A table is a file's rows, found by their key.
CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file = 'fleet.csv')
--> table fleet created

CREATE TABLE districts (cell CELL PRIMARY KEY, name STRING, speed_limit DOUBLE) WITH (file = 'maps/districts.ndjson')
--> table districts created

CREATE TABLE timetable (line BIGINT KEY, day BIGINT KEY, name STRING PATH '$.title') WITH (file = 'timetable.json')
--> table timetable created

CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file='fleet.csv')
--> table fleet exists already (no change)

CREATE TABLE fleet (device STRING KEY) WITH (file = 'fleet.csv')
--> error 1:14: table fleet exists with another definition; use CREATE OR REPLACE TABLE

CREATE TABLE vehicles (device STRING KEY) WITH (file = 'fleet.csv')
--> error 1:14: vehicles is a stream

CREATE VIEW fleet AS SELECT COUNT(*) AS n FROM vehicles
--> error 1:13: fleet is a table

SHOW TABLES
--> name | file | format | rows | sql
--> fleet | fleet.csv | csv | 0 | CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file = 'fleet.csv')
--> districts | maps/districts.ndjson | json | 0 | CREATE TABLE districts (cell CELL PRIMARY KEY, name STRING, speed_limit DOUBLE) WITH (file = 'maps/districts.ndjson')
--> timetable | timetable.json | json | 0 | CREATE TABLE timetable (line BIGINT KEY, day BIGINT KEY, name STRING PATH '$.title') WITH (file = 'timetable.json')

DESCRIBE timetable
--> column | type | note
--> line | BIGINT | key
--> day | BIGINT | key
--> name | STRING | path $.title

EXPLAIN fleet
--> table fleet
--> └─ core
-->    ├─ read     fleet.csv, csv, and again when it changes
-->    └─ send     its rows to the edges whose views join it

-- What a view joins is looked up on the edges, before the filter.
CREATE VIEW by_depot AS
  SELECT f.depot, COUNT(*) AS n, AVG(v.speed / f.seats) AS share
  FROM vehicles v JOIN fleet f ON f.device = v.device
  WINDOW TUMBLING (SIZE 10 SECONDS)
  WHERE f.seats > 10
  GROUP BY f.depot
--> view by_depot created

EXPLAIN by_depot
--> view by_depot over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ join     fleet of 0 rows on fleet.device = device; drop what finds none
--> │  ├─ filter   fleet.seats > 10
--> │  ├─ key      depot = fleet.depot
--> │  ├─ pane     10 seconds of event time
--> │  ├─ observe  COUNT(*), AVG(speed / fleet.seats)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(depot) mod 8
-->    ├─ merge    panes of all edges into windows of 10 seconds
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   depot
-->    ├─ column   n = COUNT(*)
-->    ├─ column   share = AVG(speed / fleet.seats)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

-- Columns of one name are told apart; those of only one relation need no qualifier.
CREATE VIEW by_district AS
  SELECT districts.name, vehicles.name, depot, COUNT(*) AS n
  FROM vehicles
  LEFT JOIN fleet ON vehicles.device = fleet.device
  LEFT OUTER JOIN districts ON h3(lat, lon, 9) = districts.cell
  WINDOW TUMBLING (SIZE 1 MINUTE)
  WHERE speed > speed_limit OR speed_limit IS NULL
  GROUP BY districts.name, vehicles.name, depot
--> view by_district created

EXPLAIN by_district
--> view by_district over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ join     fleet of 0 rows on fleet.device = device; NULLs for what finds none
--> │  ├─ join     districts of 0 rows on districts.cell = h3(lat, lon, 9); NULLs for what finds none
--> │  ├─ filter   speed > districts.speed_limit OR districts.speed_limit IS NULL
--> │  ├─ key      name = districts.name, name, depot = fleet.depot
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(name, name, depot) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   name
-->    ├─ column   name_2 = name
-->    ├─ column   depot
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

DESCRIBE by_district
--> column | type | note
--> name | STRING | key
--> name_2 | STRING | key
--> depot | STRING | key
--> n | BIGINT |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |

CREATE VIEW planned AS SELECT t.name AS title, COUNT(*) AS n FROM vehicles AS v JOIN timetable AS t ON v.line = t.line AND t.day = 3 GROUP BY title
--> view planned created

EXPLAIN planned
--> view planned over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ join     timetable of 0 rows on timetable.line = line AND timetable.day = 3; drop what finds none
--> │  ├─ key      title = timetable.name
--> │  ├─ pane     one for ever
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(title) mod 8
-->    ├─ merge    panes of all edges into one window for ever
-->    ├─ column   title
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     for good

-- An alias goes before another relation's own name.
EXPLAIN CREATE VIEW x AS SELECT fleet.name, COUNT(*) AS n FROM vehicles AS fleet JOIN fleet AS vehicles ON vehicles.device = fleet.device GROUP BY fleet.name
--> view x over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ join     fleet of 0 rows on fleet.device = device; drop what finds none
--> │  ├─ key      name
--> │  ├─ pane     one for ever
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(name) mod 8
-->    ├─ merge    panes of all edges into one window for ever
-->    ├─ column   name
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     for good

DROP TABLE fleet
--> error 1:12: table fleet cannot be dropped: views by_depot, by_district are built on it; DROP VIEW first

CREATE OR REPLACE TABLE fleet (device STRING KEY) WITH (file = 'fleet.csv')
--> error 1:25: table fleet cannot be replaced: views by_depot, by_district are built on it; DROP VIEW first (new contents need no new definition: change the file)

DROP STREAM vehicles
--> error 1:13: stream vehicles cannot be dropped: views by_depot, by_district, planned are built on it; DROP VIEW first

DROP VIEW by_depot; DROP VIEW by_district; DROP TABLE fleet; DROP TABLE IF EXISTS fleet
--> view by_depot dropped
--> view by_district dropped
--> table fleet dropped
--> no table fleet (no change)

-- Errors.

DROP TABLE fleet
--> error 1:12: no table `fleet`

DROP TABLE distrcts
--> error 1:12: no table `distrcts`; did you mean `districts`?

CREATE TABLE t (a STRING) WITH (file = 't.csv')
--> error 1:14: table t has no key to find its rows by: write KEY behind a column

CREATE TABLE t (a STRING KEY)
--> error 1:14: table t has no file and no topic: WITH (file = 'districts.csv')

CREATE TABLE t (a STRING KEY) WITH (file = 't.txt')
--> error 1:44: a table's file is csv, json or parquet, not 'txt'; say which: format = 'csv'

CREATE TABLE t (a STRING KEY) WITH (file = 't', format = 'xml')
--> error 1:58: a table's file is csv, json or parquet, not 'xml'; say which: format = 'csv'

CREATE TABLE t (a STRING KEY) WITH (file = '../t.csv')
--> error 1:44: '../t.csv': a table's file lies in the core's directory of tables (tables.dir), and is named from there

CREATE TABLE t (a STRING KEY) WITH (file = '/etc/passwd', format = 'csv')
--> error 1:44: '/etc/passwd': a table's file lies in the core's directory of tables (tables.dir), and is named from there

CREATE TABLE t (a STRING KEY, b STRING PATH '$.b') WITH (file = 't.csv')
--> error 1:45: PATH is for JSON; columns of CSV and Parquet go by their names

CREATE TABLE from_topic (a STRING KEY) WITH (topic = 't')
--> table from_topic created

CREATE TABLE t (a STRING KEY, a BIGINT) WITH (file = 't.csv')
--> error 1:31: column `a` is declared twice

CREATE TABLE t AS SELECT * FROM vehicles
--> error 1:16: a table is read from a file or a topic; what a SELECT keeps is a view: CREATE VIEW t AS SELECT …

CREATE VIEW x AS SELECT COUNT(*) AS n FROM districts
--> error 1:44: districts is a table; a view reads a stream and joins tables to it: FROM stream JOIN districts ON …

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN distrcts ON distrcts.cell = vehicles.device
--> error 1:58: no table and no stream `distrcts`; did you mean `districts`?

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN planned ON planned.title = vehicles.device
--> error 1:58: joining a view (planned is one; what can be joined is a TABLE, or a stream WITHIN a time) is not supported yet

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles a JOIN vehicles b ON a.device = b.device
--> error 1:55: rows of two streams are joined within a time, or they would have to be kept for ever: JOIN vehicles WITHIN 10 MINUTES ON …

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line
--> error 1:80: ON leaves the key t.day open; a table is joined by all of its key: ON t.line = vehicles.… AND t.day = vehicles.…

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.line = 3 AND t.day = 1
--> error 1:107: the key t.line is given twice

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line OR t.day = 1
--> error 1:96: ON says what the key of timetable equals: ON t.line = vehicles.… AND t.day = vehicles.…

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day > 1
--> error 1:106: ON says what the key of timetable equals: ON t.line = vehicles.… AND t.day = vehicles.…

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.name = vehicles.name AND t.day = 1 AND t.line = 2
--> error 1:80: neither side is a key of timetable; a table is joined by its key: ON t.line = vehicles.… AND t.day = vehicles.…

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.speed AND t.day = 1
--> error 1:91: t.line is BIGINT and this is DOUBLE; CAST it: CAST(… AS BIGINT)

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = t.day AND t.day = 1
--> error 1:84: no table `t` here; FROM names `vehicles`

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day = 1 GROUP BY name
--> error 1:119: column `name` is in both vehicles and t; write vehicles.name or t.name

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day = 1 GROUP BY t.nmae
--> error 1:121: no column `nmae` in timetable; did you mean `name`?

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day = 1 GROUP BY u.name
--> error 1:119: no table `u` here; FROM names `vehicles` and `t`

CREATE VIEW x AS SELECT t.name, COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day = 1 GROUP BY vehicles.name
--> error 1:27: column `name` is neither in GROUP BY nor inside an aggregate

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable t ON t.line = vehicles.line AND t.day = 1 JOIN timetable t ON t.line = 1 AND t.day = 1
--> error 1:115: `t` is named twice; give one of them another name: JOIN timetable AS other

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles RIGHT JOIN timetable t ON t.line = vehicles.line
--> error 1:53: RIGHT JOIN would give rows that no reading made; there are JOIN and LEFT JOIN

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles CROSS JOIN timetable
--> error 1:53: CROSS JOIN: write JOIN table ON, so that the key is named

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles, timetable
--> error 1:52: a second table in FROM is written JOIN table ON …

CREATE VIEW x AS SELECT COUNT(*) AS n FROM vehicles JOIN timetable
--> error 1:67: expected ON, found the end

SELECT n FROM planned JOIN timetable ON timetable.line = planned.n
--> error 1:28: no view or table `timetable`
