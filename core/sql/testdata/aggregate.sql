-- The aggregates, as views and SELECTs have them.
CREATE STREAM vehicles (
  device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, riders BIGINT, fare DECIMAL(6,2), route STRING
) WITH (topic = 'city/{device}/position', timestamp = 'ts');
CREATE VIEW by_route AS
  SELECT route, COUNT(DISTINCT device) AS vehicles, count(distinct device) * 2 AS twice, percentile(speed, 0.95) AS p95,
    PERCENTILE(speed, 95 / 100.0) - PERCENTILE(speed, 0.5) AS spread, PERCENTILE(riders, 1), PERCENTILE(fare, 0), MAX(DISTINCT speed) AS top
  FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS)
  WHERE speed > 0
  GROUP BY route
  HAVING COUNT(DISTINCT device) > 1 AND p95 < 200
--> stream vehicles created
--> view by_route created

DESCRIBE by_route; EXPLAIN by_route
--> column | type | note
--> route | STRING | key
--> vehicles | BIGINT |
--> twice | BIGINT |
--> p95 | DOUBLE |
--> spread | DOUBLE |
--> percentile | DOUBLE |
--> percentile_2 | DOUBLE |
--> top | DOUBLE |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |
--> view by_route over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   speed > 0
--> │  ├─ key      route
--> │  ├─ pane     10 seconds of event time
--> │  ├─ observe  COUNT(DISTINCT device), PERCENTILE(speed, 0.95), PERCENTILE(speed, 0.5), PERCENTILE(riders, 1), PERCENTILE(fare, 0), MAX(speed)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(route) mod 8
-->    ├─ merge    panes of all edges into windows of 10 seconds
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ having   COUNT(DISTINCT device) > 1 AND PERCENTILE(speed, 0.95) < 200
-->    ├─ column   route
-->    ├─ column   vehicles = COUNT(DISTINCT device)
-->    ├─ column   twice = COUNT(DISTINCT device) * 2
-->    ├─ column   p95 = PERCENTILE(speed, 0.95)
-->    ├─ column   spread = PERCENTILE(speed, 0.95) - PERCENTILE(speed, 0.5)
-->    ├─ column   percentile = PERCENTILE(riders, 1)
-->    ├─ column   percentile_2 = PERCENTILE(fare, 0)
-->    ├─ column   top = MAX(speed)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

--| by_route
--| 10, 3, 6, 50, 10, 4, 1.5, 60, 2026-01-01T11:00:00Z, 2026-01-01T11:00:10Z, 0, false
--| 11, 3, 6, 30, 20, 9, 2.5, 61, 2026-01-01T11:00:00Z, 2026-01-01T11:00:10Z, 0, false
--| 12, 5, 10, , 30, 9, , 62, 2026-01-01T11:00:00Z, 2026-01-01T11:00:10Z, 0, false
SELECT COUNT(DISTINCT vehicles) AS counts, COUNT(DISTINCT p95) AS ps, COUNT(p95) AS n, ROUND(PERCENTILE(p95, 0.5)) AS median FROM by_route;
SELECT vehicles, PERCENTILE(spread, 0.5) > 10 AS wide FROM by_route GROUP BY vehicles ORDER BY COUNT(DISTINCT route) DESC;
SELECT COUNT(DISTINCT p95), PERCENTILE(p95, 0.5) FROM by_route WHERE route = '13'
--> counts | ps | n | median
--> 2 | 2 | 2 | 30
--> vehicles | wide
--> 3 | true
--> 5 | true
--> count | percentile
--> 0 | NULL

-- By event time, and lists: JSON as text. A deviation is the sample's.
CREATE VIEW ends AS
  SELECT device, FIRST(speed) AS began, LAST(speed) AS ended, COLLECT_LIST(riders) AS rode, TOPK(fare, 3) AS dearest, STDDEV(speed), LAST(ts)
  FROM vehicles GROUP BY device, TUMBLE(ts, INTERVAL '1' MINUTE);
DESCRIBE ends; EXPLAIN ends
--> view ends created
--> column | type | note
--> device | STRING | key
--> began | DOUBLE |
--> ended | DOUBLE |
--> rode | STRING |
--> dearest | STRING |
--> stddev | DOUBLE |
--> last | TIMESTAMP |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |
--> view ends over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      device
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  FIRST(speed), LAST(speed), COLLECT_LIST(riders), TOPK(fare, 3), STDDEV(speed), LAST(ts)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(device) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   device
-->    ├─ column   began = FIRST(speed)
-->    ├─ column   ended = LAST(speed)
-->    ├─ column   rode = COLLECT_LIST(riders)
-->    ├─ column   dearest = TOPK(fare, 3)
-->    ├─ column   stddev = STDDEV(speed)
-->    ├─ column   last = LAST(ts)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

--| by_route
--| 13, 1, 2, 7, 10, 4, 1.5, 60, 2026-01-01T10:00:00Z, 2026-01-01T10:00:10Z, 0, true
SELECT FIRST(route) AS f, LAST(p95) AS l, COLLECT_LIST(route) AS routes, TOPK(vehicles, 2) AS top, ROUND(STDDEV(vehicles), 3) AS dev FROM by_route;
SELECT COLLECT_LIST(window_start), LAST(spread) FROM by_route WHERE route = 'none'
--> f | l | routes | top | dev
--> 13 | 50 | ["13","10","11","12"] | [5,3] | 1.633
--> collect_list | last
--> NULL | NULL

-- Without windows rows have no time of their own: the order of the values stands in.
CREATE VIEW ever AS SELECT device, LAST(speed) AS last FROM vehicles GROUP BY device
--> view ever created

--| ever
--| b, 2, , , 0, false
--| a, 3, , , 0, false
SELECT COLLECT_LIST(device) AS devices, LAST(last) FROM ever
--> devices | last
--> ["a","b"] | 3

SELECT TOPK(p95, 0) FROM by_route
--> error 1:18: TOPK's second argument is a constant: how many of the largest values, 1 to 1000, not 0

SELECT TOPK(p95, 2.5) FROM by_route
--> error 1:18: TOPK's second argument is a constant: how many of the largest values, 1 to 1000, not 2.5

SELECT TOPK(p95, vehicles) FROM by_route
--> error 1:18: TOPK's second argument is a constant: how many of the largest values, 1 to 1000

SELECT FIRST(p95, 2) FROM by_route
--> error 1:8: FIRST(x) takes 1 argument, not 2

SELECT STDDEV(route) FROM by_route
--> error 1:8: STDDEV takes a number, not STRING

SELECT COLLECT_LIST(DISTINCT route) FROM by_route
--> error 1:8: COLLECT_LIST(DISTINCT …) is not supported yet

-- What a group keeps must fit a message.
CREATE VIEW long AS SELECT TOPK(speed, 1), TOPK(speed, 2), TOPK(speed, 3), TOPK(speed, 4), TOPK(speed, 5), TOPK(speed, 6), TOPK(speed, 7),
  COLLECT_LIST(speed), COLLECT_LIST(speed) AS again, COLLECT_LIST(lat) FROM vehicles
--> error 3:54: a view has at most 8 lists (COLLECT_LIST, TOPK)
