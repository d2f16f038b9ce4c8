CREATE STREAM vehicles (
  device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, heading DOUBLE, route STRING, riders BIGINT, fare DECIMAL(6,2)
) WITH (topic = 'city/{device}/position', timestamp = 'ts');
--> stream vehicles created

CREATE VIEW cell_speed AS
  SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, AVG(speed) AS avg_speed, MAX(speed) AS top
  FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR)
  GROUP BY cell EMIT CHANGES;
DESCRIBE cell_speed
--> view cell_speed created
--> column | type | note
--> cell | CELL | key
--> n | BIGINT |
--> avg_speed | DOUBLE |
--> top | DOUBLE |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |

EXPLAIN cell_speed
--> view cell_speed over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      cell = h3(lat, lon, 9)
--> │  ├─ pane     10 seconds of event time
--> │  ├─ observe  COUNT(*), AVG(speed), MAX(speed)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(cell) mod 8
-->    ├─ merge    panes of all edges into windows of 10 seconds
-->    ├─ late     revised for 1 hour after the window, then to the table late
-->    ├─ column   cell
-->    ├─ column   n = COUNT(*)
-->    ├─ column   avg_speed = AVG(speed)
-->    ├─ column   top = MAX(speed)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

-- The other form of a window; expressions over aggregates; the same aggregate is computed once.
CREATE VIEW by_route AS
  SELECT route, AVG(speed) * 3.6 AS kmh, MAX(speed) - MIN(speed) AS spread, SUM(riders), SUM(fare) AS takings, COUNT(riders) AS counted, window_start
  FROM vehicles v
  WHERE v.speed > 0 AND route IS NOT NULL AND ts > '2016-11-25'
  GROUP BY route, TUMBLE(ts, INTERVAL '1' MINUTE)
  HAVING counted >= 2 AND MAX(speed) < 100 OR avg(speed) BETWEEN 1 AND 2;
EXPLAIN by_route; DESCRIBE by_route
--> view by_route created
--> view by_route over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   speed > 0 AND route IS NOT NULL AND ts > '2016-11-25T00:00:00Z'
--> │  ├─ key      route
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  AVG(speed), MAX(speed), MIN(speed), SUM(riders), SUM(fare), COUNT(riders)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(route) mod 8
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ having   COUNT(riders) >= 2 AND MAX(speed) < 100 OR AVG(speed) BETWEEN 1 AND 2
-->    ├─ column   route
-->    ├─ column   kmh = AVG(speed) * 3.6
-->    ├─ column   spread = MAX(speed) - MIN(speed)
-->    ├─ column   sum = SUM(riders)
-->    ├─ column   takings = SUM(fare)
-->    ├─ column   counted = COUNT(riders)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark
--> column | type | note
--> route | STRING | key
--> kmh | DOUBLE |
--> spread | DOUBLE |
--> sum | BIGINT |
--> takings | DECIMAL(18,2) |
--> counted | BIGINT |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |

CREATE VIEW alltime AS SELECT COUNT(*), COUNT(*) + 1, SUM(speed) / COUNT(speed) AS mean FROM vehicles
--> view alltime created

EXPLAIN alltime
--> view alltime over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      none: one group of all
--> │  ├─ pane     one for ever
--> │  ├─ observe  COUNT(*), SUM(speed), COUNT(speed)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    one partition: there is no key
-->    ├─ merge    panes of all edges into one window for ever
-->    ├─ column   count = COUNT(*)
-->    ├─ column   col_2 = COUNT(*) + 1
-->    ├─ column   mean = SUM(speed) / COUNT(speed)
-->    ├─ emit     each change
-->    └─ keep     for good

CREATE VIEW finals AS SELECT device, COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 1 DAY, RETENTION 30 DAYS) GROUP BY device EMIT FINAL;
EXPLAIN finals
--> view finals created
--> view finals over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      device
--> │  ├─ pane     1 day of event time
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(device) mod 8
-->    ├─ merge    panes of all edges into windows of 1 day
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ column   device
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     once, when final
-->    └─ keep     30 days, counted back from the watermark

-- Keys that are not shown; keys by place; a view without aggregates.
CREATE VIEW hidden AS SELECT COUNT(*) AS n FROM vehicles GROUP BY upper(route), riders % 10;
CREATE VIEW placed AS SELECT route, device AS d, COUNT(*) AS n FROM vehicles GROUP BY 1, 2;
CREATE VIEW seen AS SELECT route FROM vehicles GROUP BY route
--> view hidden created
--> view placed created
--> view seen created

EXPLAIN hidden
--> view hidden over stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic city/{device}/position
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      key_1 = UPPER(route), key_2 = riders % 10
--> │  ├─ pane     one for ever
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(key_1, key_2) mod 8
-->    ├─ merge    panes of all edges into one window for ever
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     for good

SHOW VIEWS
--> name | stream | window | sql
--> cell_speed | vehicles | windows of 10 seconds | CREATE VIEW cell_speed AS⏎  SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, AVG(speed) AS avg_speed, MAX(speed) AS top⏎  FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR)⏎  GROUP BY cell EMIT CHANGES
--> by_route | vehicles | windows of 1 minute | CREATE VIEW by_route AS⏎  SELECT route, AVG(speed) * 3.6 AS kmh, MAX(speed) - MIN(speed) AS spread, SUM(riders), SUM(fare) AS takings, COUNT(riders) AS counted, window_start⏎  FROM vehicles v⏎  WHERE v.speed > 0 AND route IS NOT NULL AND ts > '2016-11-25'⏎  GROUP BY route, TUMBLE(ts, INTERVAL '1' MINUTE)⏎  HAVING counted >= 2 AND MAX(speed) < 100 OR avg(speed) BETWEEN 1 AND 2
--> alltime | vehicles | one window for ever | CREATE VIEW alltime AS SELECT COUNT(*), COUNT(*) + 1, SUM(speed) / COUNT(speed) AS mean FROM vehicles
--> finals | vehicles | windows of 1 day | CREATE VIEW finals AS SELECT device, COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 1 DAY, RETENTION 30 DAYS) GROUP BY device EMIT FINAL
--> hidden | vehicles | one window for ever | CREATE VIEW hidden AS SELECT COUNT(*) AS n FROM vehicles GROUP BY upper(route), riders % 10
--> placed | vehicles | one window for ever | CREATE VIEW placed AS SELECT route, device AS d, COUNT(*) AS n FROM vehicles GROUP BY 1, 2
--> seen | vehicles | one window for ever | CREATE VIEW seen AS SELECT route FROM vehicles GROUP BY route

-- Twice the same is nothing new, another definition is.
CREATE VIEW seen AS SELECT route FROM vehicles GROUP BY route;
CREATE OR REPLACE VIEW seen AS SELECT route, COUNT(*) AS n FROM vehicles GROUP BY route;
CREATE VIEW IF NOT EXISTS seen AS SELECT route, COUNT(*) AS n, MAX(speed) AS top FROM vehicles GROUP BY route
--> view seen exists already (no change)
--> view seen changed; what it holds stays
--> view seen exists already (no change)

CREATE VIEW seen AS SELECT route, MAX(speed) AS top FROM vehicles GROUP BY route
--> error 1:13: view seen exists with another definition, whose windows do not fit this one: it reads, groups or windows otherwise, or has an aggregate that is new; CREATE OR REPLACE VIEW drops them and begins anew

DROP STREAM vehicles
--> error 1:13: stream vehicles cannot be dropped: views cell_speed, by_route, alltime, finals, hidden, placed, seen are built on it; DROP VIEW first

CREATE OR REPLACE STREAM vehicles (device STRING KEY) WITH (topic = 't')
--> error 1:26: stream vehicles cannot be replaced: views cell_speed, by_route, alltime, finals, hidden, placed, seen are built on it; DROP VIEW first

DROP VIEW hidden; DROP VIEW placed; DROP VIEW seen; DROP VIEW finals; DROP VIEW alltime; DROP VIEW by_route; DROP VIEW cell_speed; DROP STREAM vehicles; SHOW VIEWS
--> view hidden dropped
--> view placed dropped
--> view seen dropped
--> view finals dropped
--> view alltime dropped
--> view by_route dropped
--> view cell_speed dropped
--> stream vehicles dropped
--> name | stream | window | sql
