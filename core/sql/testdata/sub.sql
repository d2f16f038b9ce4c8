CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'city/{device}', timestamp = 'ts')
--> stream vehicles created

CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file = 'fleet.csv')
--> table fleet created

-- A sub-select's columns and conditions are written out: edges see one filter.
CREATE VIEW fast AS
  SELECT cell, AVG(ms) AS mean, MAX(ms * 2) AS twice
  FROM (SELECT h3(lat, lon, 9) AS cell, speed / 3.6 AS ms, ts AS at, device FROM vehicles WHERE speed > 10) AS s
  WHERE s.ms < 100
  GROUP BY cell, TUMBLE(at, INTERVAL '1' MINUTE)
--> view fast created

EXPLAIN fast
--> view fast over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   speed > 10 AND speed / 3.6 < 100
--> │  ├─ key      cell = h3(lat, lon, 9)
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  AVG(speed / 3.6), MAX(speed / 3.6 * 2)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(cell) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   cell
-->    ├─ column   mean = AVG(speed / 3.6)
-->    ├─ column   twice = MAX(speed / 3.6 * 2)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

-- Joins stand within, without, or both; and sub-selects in one another.
CREATE VIEW loads AS
  SELECT depot, far, COUNT(*) AS n, SUM(share) AS shares
  FROM (
    SELECT f.depot, speed / f.seats AS share, far.depot AS far
    FROM (SELECT * FROM vehicles WHERE speed IS NOT NULL) v JOIN fleet f ON f.device = v.device JOIN fleet AS far ON far.device = f.depot
  ) s
  GROUP BY depot, far
--> view loads created

CREATE VIEW loaded AS
  SELECT f.depot, s.half, COUNT(*) AS n
  FROM (SELECT speed / 2 AS half, device AS id FROM vehicles) s JOIN fleet f ON f.device = s.id
  WINDOW TUMBLING (SIZE 1 MINUTE)
  WHERE f.seats > s.half
  GROUP BY f.depot, s.half
--> view loaded created

EXPLAIN loaded
--> view loaded over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ join     fleet of 0 rows on fleet.device = device; drop what finds none
--> │  ├─ filter   fleet.seats > speed / 2
--> │  ├─ key      depot = fleet.depot, half = speed / 2
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(depot, half) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   depot
-->    ├─ column   half
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

-- Errors.
CREATE VIEW grouped1 AS SELECT a FROM (SELECT COUNT(*) AS a FROM vehicles) GROUP BY a
--> view grouped1 created

CREATE VIEW grouped2 AS SELECT a FROM (SELECT device AS a FROM vehicles GROUP BY device) GROUP BY a
--> view grouped2 created

CREATE VIEW x AS SELECT a FROM (SELECT device AS a FROM vehicles LIMIT 5) GROUP BY a
--> error 1:32: a stream has no end, so a sub-select of it has no order and no limit

CREATE VIEW x AS SELECT a FROM (SELECT device AS a FROM vehicles WINDOW TUMBLING (SIZE 1 MINUTE)) GROUP BY a
--> error 1:73: WINDOW stands in the SELECT that groups

CREATE VIEW x AS SELECT a FROM (SELECT device AS a FROM vehicles EMIT FINAL) GROUP BY a
--> error 1:66: EMIT stands in the outer SELECT

CREATE VIEW x AS SELECT a FROM (SELECT device AS a, speed AS a FROM vehicles) GROUP BY a
--> error 1:53: two columns of the sub-select are named `a`; give one of them another name: AS other

CREATE VIEW x AS SELECT speed FROM (SELECT device AS a FROM vehicles) GROUP BY speed
--> error 1:80: no column and no alias `speed` to group by

CREATE VIEW x AS SELECT a, COUNT(*) AS n FROM (SELECT device AS a, ts + INTERVAL '1' HOUR AS ts FROM vehicles) GROUP BY a, TUMBLE(ts, INTERVAL '1' MINUTE)
--> error 1:131: windows go by the event time of vehicles itself, and `ts` of the sub-select is computed

CREATE VIEW x AS SELECT COUNT(*) AS n FROM (SELECT device FROM vehicels)
--> error 1:64: no stream `vehicels`; did you mean `vehicles`?

CREATE VIEW x AS SELECT COUNT(*) AS n FROM (vehicles)
--> error 1:45: expected SELECT, found `vehicles`

CREATE VIEW x AS SELECT COUNT(*) AS n FROM (SELECT device FROM vehicles
--> error 1:72: expected `)`, found the end

SELECT * FROM (SELECT * FROM fast)
--> error 1:15: a sub-select outside of CREATE VIEW is not supported yet

EXPLAIN SELECT * FROM (SELECT * FROM fast)
--> error 1:23: a sub-select outside of CREATE VIEW is not supported yet

-- Views of one filter, key and pane share what they look up.
CREATE VIEW fast_more AS
  SELECT h3(lat, lon, 9) AS c, COUNT(*) AS n FROM (SELECT * FROM vehicles WHERE speed > 10) v WHERE speed / 3.6 < 100
  GROUP BY c, TUMBLE(ts, INTERVAL '1' MINUTE)
--> view fast_more created

EXPLAIN fast_more
--> view fast_more over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   speed > 10 AND speed / 3.6 < 100
--> │  ├─ key      c = h3(lat, lon, 9)
--> │  ├─ pane     1 minute of event time
--> │  ├─ share    its look-up and equal aggregates with fast
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(c) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   c
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark
