-- What vehicles do at fences, as operators and analysts see it. A reading's place is told at once; what a late one changes is told again.

CREATE STREAM vans (van STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'v/{van}', timestamp = 'ts', position = 'lat,lon');
CREATE VIEW visits AS SELECT fence, kind, COUNT(*) AS n, COUNT(DISTINCT device) AS vans FROM fence_events WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY fence, kind;
FENCE depot 0,0 to 1,1 {"dwell": "10m", "speed_limit_kmh": 30}
LISTEN SELECT device, kind, ts FROM fence_events WHERE fence = 'depot' EMIT CHANGES;

-- In, and out.

INSERT INTO vans VALUES ('v1', '10:00:00', 5, 5, 20), ('v1', '10:00:10', 0.5, 0.5, 20), ('v2', '10:00:10', 0.5, 0.5, 20), ('v1', '10:00:30', 5, 5, 20);
SELECT device, fence, kind, ts, dwell_s FROM fence_events;
--> v1, depot, enter, 10:00:10,
--> v1, depot, exit, 10:00:30, 20
--> v2, depot, enter, 10:00:10,
INSIDE depot
--> v2

-- Views count an event once no position can come any more that would change it.

SELECT fence, kind, n, vans FROM visits;
WATERMARK '10:00:20'
SELECT fence, kind, n, vans FROM visits;
--> depot, enter, 2, 2
HEARD
--> v1, enter, 10:00:10
--> v2, enter, 10:00:10
CRASH
INSIDE depot
--> v2
WATERMARK '10:00:31'
SELECT fence, kind, n, vans FROM visits;
--> depot, enter, 2, 2
--> depot, exit, 1, 1

-- A position that comes late, within the disorder, makes another event of one that was told, or takes it back.

INSERT INTO vans VALUES ('v3', '10:01:00', 5, 5, 20), ('v3', '10:01:20', 0.5, 0.2, 20);
INSERT INTO vans VALUES ('v3', '10:01:10', 0.6, 0.5, 20);
SELECT device, kind, ts, lat FROM fence_events WHERE device = 'v3';
--> v3, enter, 10:01:10, 0.6
WATERMARK '10:01:21'
SELECT fence, kind, n, vans FROM visits;
--> depot, enter, 3, 3
--> depot, exit, 1, 1

-- One that comes after the watermark changes nothing.

INSERT INTO vans VALUES ('v3', '10:01:05', 0.5, 0.5, 20);
SELECT device, kind, ts FROM fence_events WHERE device = 'v3';
--> v3, enter, 10:01:10

-- Too fast, and there for ten minutes: it needs no position at that time.

INSERT INTO vans VALUES ('v2', '10:02:00', 0.5, 0.5, 40);
SELECT kind, ts, speed_kmh FROM fence_events WHERE device = 'v2';
--> enter, 10:00:10, 20
--> speeding, 10:02:00, 40
CRASH
WATERMARK '10:10:11'
SELECT kind, ts, dwell_s FROM fence_events WHERE device = 'v2';
--> dwell, 10:10:10, 600
--> enter, 10:00:10,
--> speeding, 10:02:00, 110

-- A smaller fence lets out who is not in it any more, and a deleted one all. The clock says when, or the last position, if that is later, as here.

FENCE depot 0,0 to 0.3,1
SELECT device, kind, ts FROM fence_events WHERE device IN ('v2', 'v3');
--> v2, dwell, 10:10:10
--> v2, enter, 10:00:10
--> v2, exit, 10:02:00
--> v2, speeding, 10:02:00
--> v3, enter, 10:01:10
INSIDE depot
--> v3
UNFENCE depot
INSIDE depot
-->

-- A fence that says which events it is asked for, and of which stream.

CREATE STREAM carts (cart STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE) WITH (topic = 'c/{cart}', timestamp = 'ts', position = 'lat,lon');
FENCE yard 10,10 to 11,11 {"detect": ["exit", "cross"], "streams": ["carts"]}
INSERT INTO vans VALUES ('v9', '10:20:00', 10.5, 10.5, 0), ('v9', '10:21:00', 5, 5, 0);
INSERT INTO carts VALUES ('c1', '10:20:00', 10.5, 10.5), ('c1', '10:20:30', 20, 20), ('c2', '10:20:00', 10.5, 9), ('c2', '10:20:30', 10.5, 12);
SELECT device, kind, ts, stream FROM fence_events WHERE fence = 'yard';
--> c1, exit, 10:20:30, carts
--> c2, cross, 10:20:30, carts

-- in_fence asks of a place.

CREATE VIEW inside AS SELECT COUNT(*) AS n FROM vans WHERE in_fence(lat, lon, 'yard');
INSERT INTO vans VALUES ('v9', '10:22:00', 10.5, 10.5, 0), ('v9', '10:23:00', 5, 5, 0);
SELECT n FROM inside;
--> 1
SELECT cart, in_fence(lat, lon, 'yard') AS here FROM carts;
--> c1, false
--> c2, false
SELECT cart FROM carts WHERE in_fence(lat, lon, 'yrd');
--> no fence `yrd`; did you mean `yard`?

-- Patterns see what happens at fences: who is in the dock and soon after in the lot, whichever partitions their positions are in. One that comes late
-- and changes an event is seen as it is in the end.

CREATE PATTERN hurried AS SELECT * FROM (SELECT * FROM fence_events WHERE kind IN ('enter', 'exit')) MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts MEASURES A.fence AS "from", B.fence AS "to", B.ts AS arrived
  PATTERN (A B) WITHIN 2 MINUTES DEFINE A AS kind = 'exit' AND fence = 'dock', B AS kind = 'enter' AND fence = 'lot');
CREATE PATTERN crowd AS SELECT * FROM fence_events MATCH_RECOGNIZE (
  PARTITION BY fence MEASURES COUNT(DISTINCT device) AS vans, LAST(ts) AS at
  PATTERN (E{3}) WITHIN 1 MINUTE DEFINE E AS kind = 'enter');
CREATE ALERT rushed ON hurried WHEN true SEVERITY warning;
FENCE dock 30,30 to 31,31
FENCE lot 32,30 to 33,31
INSERT INTO vans VALUES ('v1', '11:00:00', 30.5, 30.5, 5), ('v2', '11:00:10', 30.5, 30.5, 5), ('v3', '11:00:20', 30.5, 30.5, 5), ('v1', '11:01:00', 30.5, 31.5, 5);
WATERMARK '11:01:01'
CRASH
INSERT INTO vans VALUES ('v1', '11:02:40', 30.5, 32.5, 5), ('v2', '11:02:40', 30.5, 32.5, 5);
INSERT INTO vans VALUES ('v1', '11:02:30', 30.5, 32.5, 5);
SELECT device, "from", "to", arrived FROM hurried;
WATERMARK '11:10:00'
SELECT device, "from", "to", arrived FROM hurried;
--> v1, dock, lot, 11:02:30
--> v2, dock, lot, 11:02:40
SELECT fence, vans, at FROM crowd;
--> dock, 3, 11:00:20
SELECT alert, state FROM alerts WHERE alert = 'rushed';
--> rushed, firing
--> rushed, firing
--> rushed, resolved
--> rushed, resolved

-- A border that counts after 20 s tells of a time that is past by then: patterns and views wait for it.

FENCE gate 40,40 to 41,41 {"min_time": "20s"}
CREATE PATTERN passed AS SELECT * FROM fence_events MATCH_RECOGNIZE (
  PARTITION BY device, fence MEASURES A.ts AS came, B.ts AS went PATTERN (A B) DEFINE A AS kind = 'enter' AND fence = 'gate', B AS kind = 'exit');
INSERT INTO vans VALUES ('v4', '11:20:00', 39, 40.5, 5), ('v4', '11:20:10', 40.5, 40.5, 5);
WATERMARK '11:20:25'
INSERT INTO vans VALUES ('v4', '11:20:31', 40.5, 40.5, 5), ('v4', '11:21:00', 42, 40.5, 5);
WATERMARK '11:21:10'
INSERT INTO vans VALUES ('v4', '11:21:25', 42, 40.5, 5);
WATERMARK '11:30:00'
SELECT device, came, went FROM passed;
--> v4, 11:20:10, 11:21:00
