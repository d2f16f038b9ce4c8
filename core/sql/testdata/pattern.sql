CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, city STRING, lat DOUBLE, lon DOUBLE, amount DECIMAL(10,2), ok BOOLEAN) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE STREAM arrived (id STRING KEY, x DOUBLE) WITH (topic = 'a/{id}');
CREATE STREAM large AS SELECT card AS c, ts, amount * 2 AS twice FROM taps WHERE amount > 100;
--> stream taps created
--> stream arrived created
--> stream large created

CREATE PATTERN many_cities AS SELECT * FROM taps MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES COUNT(*) AS uses, COUNT(DISTINCT city) AS cities, FIRST(ts) AS began, LAST(U.city) AS last_city, CLASSIFIER() AS c, MATCH_NUMBER() AS n
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (U{4,}? L) WITHIN INTERVAL '1' HOUR
  DEFINE U AS ok, L AS ok AND COUNT(DISTINCT city) >= 3);
DESCRIBE many_cities;
EXPLAIN many_cities;
SHOW PATTERNS;
--> pattern many_cities created
--> column | type | note
--> card | STRING | key
--> uses | BIGINT |
--> cities | BIGINT |
--> began | TIMESTAMP |
--> last_city | STRING |
--> c | STRING |
--> n | BIGINT |
--> match_id | STRING |
--> match_start | TIMESTAMP |
--> match_end | TIMESTAMP |
--> pattern many_cities over stream taps
--> ├─ edge: each reading
--> │  ├─ decode   json from topic taps/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row, by card
--> └─ core: each row
-->    ├─ route    hash(card) mod 8
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    U{4,}? L
-->    ├─ define   U: ok
-->    ├─ define   L: ok AND COUNT(DISTINCT city) >= 3
-->    ├─ within   1 hour from the first row to the last
-->    ├─ skip     past the last row
-->    ├─ emit     one row per match, once, when it is certain
-->    ├─ column   card
-->    ├─ column   uses = COUNT(*)
-->    ├─ column   cities = COUNT(DISTINCT city)
-->    ├─ column   began = FIRST(ts)
-->    ├─ column   last_city = LAST(U.city)
-->    ├─ column   c = CLASSIFIER()
-->    ├─ column   n = MATCH_NUMBER()
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted
--> name | stream | key | within | sql
--> many_cities | taps | card | 1 hour | CREATE PATTERN many_cities AS SELECT * FROM taps MATCH_RECOGNIZE (⏎  PARTITION BY card ORDER BY ts⏎  MEASURES COUNT(*) AS uses, COUNT(DISTINCT city) AS cities, FIRST(ts) AS began, LAST(U.city) AS last_city, CLASSIFIER() AS c, MATCH_NUMBER() AS n⏎  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW⏎  PATTERN (U{4,}? L) WITHIN INTERVAL '1' HOUR⏎  DEFINE U AS ok, L AS ok AND COUNT(DISTINCT city) >= 3)

CREATE PATTERN impossible AS SELECT card, km, A_city || ' to ' || b_city AS way FROM (SELECT * FROM taps WHERE ok) t MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts ASC
  MEASURES distance_m(A.lat, A.lon, B.lat, B.lon) / 1000 AS km, A.city AS a_city, B.city AS b_city
  AFTER MATCH SKIP TO NEXT ROW
  PATTERN (A FOLLOWED BY ANY B)
  WITHIN 2 HOURS
  DEFINE A AS amount > 1 AND lat IS NOT NULL, B AS amount > 1 AND distance_m(A.lat, A.lon, lat, lon) > (UNIX_TIMESTAMP(B.ts) - UNIX_TIMESTAMP(A.ts)) / 1000.0 * 250) AS m;
EXPLAIN impossible;
--> pattern impossible created
--> pattern impossible over stream taps
--> ├─ edge: each reading
--> │  ├─ decode   json from topic taps/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   ok AND amount > 1
--> │  └─ forward  each reading as a row, by card
--> └─ core: each row
-->    ├─ route    hash(card) mod 8
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    A FOLLOWED BY ANY B
-->    ├─ define   A: amount > 1 AND lat IS NOT NULL
-->    ├─ define   B: amount > 1 AND distance_m(LAST(A.lat), LAST(A.lon), lat, lon) > (UNIX_TIMESTAMP(ts) - UNIX_TIMESTAMP(LAST(A.ts))) / 1000 * 250
-->    ├─ within   2 hours from the first row to the last
-->    ├─ skip     to the next row
-->    ├─ emit     one row per match, once, when it is certain
-->    ├─ column   card
-->    ├─ column   km = distance_m(LAST(A.lat), LAST(A.lon), LAST(B.lat), LAST(B.lon)) / 1000
-->    ├─ column   way = LAST(A.city) || ' to ' || LAST(B.city)
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted

-- Alternation, groups, quantifiers, subsets, gaps and what must not come.

CREATE PATTERN shapes AS SELECT * FROM taps MATCH_RECOGNIZE (
  PARTITION BY card
  MEASURES SUM(Both.amount) AS total, FINAL COUNT(*) AS all_rows, RUNNING LAST(A.city, 1) AS before, PREV(city) AS prev, AVG(B.lat + B.lon) AS at, COUNT(A.*) AS as_, TOPK(amount, 2) AS top
  ALL ROWS PER MATCH AFTER MATCH SKIP TO LAST Both
  PATTERN ((A+ | B{2,3}?)* C?? D{,4} E{3} FOLLOWED BY (F | G+) NOT FOLLOWED BY H | I FOLLOWED BY J NOT FOLLOWED BY (H))
  WITHIN INTERVAL '5' MINUTE
  SUBSET Both = (A, B), More = (Both, C)
  DEFINE A AS amount > PREV(amount) AND amount > PREV(A.amount, 2), B AS COUNT(B.*) < 10 AND FIRST(A.lat, 2) IS NULL, F AS More.city <> city AND Both.lat < F.lat, H AS CLASSIFIER() = 'H');
EXPLAIN shapes;
DESCRIBE shapes;
--> pattern shapes created
--> pattern shapes over stream taps
--> ├─ edge: each reading
--> │  ├─ decode   json from topic taps/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row, by card
--> └─ core: each row
-->    ├─ route    hash(card) mod 8
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    (A+ | B{2,3}?)* C?? D{0,4} E{3} FOLLOWED BY (F | G+) NOT FOLLOWED BY H | I FOLLOWED BY J NOT FOLLOWED BY H
-->    ├─ define   A: amount > PREV(amount) AND amount > PREV(amount, 2)
-->    ├─ define   B: COUNT(B.rows) < 10 AND FIRST(A.lat, 2) IS NULL
-->    ├─ define   C: any row
-->    ├─ define   D: any row
-->    ├─ define   E: any row
-->    ├─ define   F: LAST("A|B|C".city) <> city AND LAST("A|B".lat) < lat
-->    ├─ define   G: any row
-->    ├─ define   H: CLASSIFIER() = 'H'
-->    ├─ define   I: any row
-->    ├─ define   J: any row
-->    ├─ within   5 minutes from the first row to the last
-->    ├─ skip     to the last row of A or B
-->    ├─ emit     all rows per match, once, when it is certain
-->    ├─ column   card
-->    ├─ column   ts
-->    ├─ column   city
-->    ├─ column   lat
-->    ├─ column   lon
-->    ├─ column   amount
-->    ├─ column   ok
-->    ├─ column   total = SUM("A|B".amount)
-->    ├─ column   all_rows = COUNT(*)
-->    ├─ column   before = LAST(A.city, 1)
-->    ├─ column   prev = PREV(city)
-->    ├─ column   at = AVG(B.lat + B.lon)
-->    ├─ column   as_ = COUNT(A.rows)
-->    ├─ column   top = TOPK(amount, 2)
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted
--> column | type | note
--> card | STRING | key
--> ts | TIMESTAMP |
--> city | STRING |
--> lat | DOUBLE |
--> lon | DOUBLE |
--> amount | DECIMAL(10,2) |
--> ok | BOOLEAN |
--> total | DECIMAL(18,2) |
--> all_rows | BIGINT |
--> before | STRING |
--> prev | STRING |
--> at | DOUBLE |
--> as_ | BIGINT |
--> top | STRING |
--> match_id | STRING |
--> match_start | TIMESTAMP |
--> match_end | TIMESTAMP |

-- Over a stream that has no time of its own, without PARTITION BY; over one that is made of another.

EXPLAIN CREATE PATTERN calm AS SELECT x FROM arrived MATCH_RECOGNIZE (ORDER BY ROWTIME MEASURES A.x AS x, LAST(ROWTIME) AS t PATTERN (A NOT FOLLOWED BY B) WITHIN 10 SECONDS DEFINE B AS ROWTIME > A.ROWTIME + INTERVAL '1' SECOND);
CREATE PATTERN twice AS SELECT c, n FROM large MATCH_RECOGNIZE (PARTITION BY c ORDER BY ts MEASURES SUM(A.twice) AS n PATTERN (A{2}) DEFINE A AS twice > 10);
EXPLAIN twice;
--> pattern calm over stream arrived
--> ├─ edge: each reading
--> │  ├─ decode   json from topic a/{id}
--> │  ├─ time     time of arrival, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row
--> └─ core: each row
-->    ├─ route    one partition: there is no PARTITION BY
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    A NOT FOLLOWED BY B
-->    ├─ define   A: any row
-->    ├─ define   B: ROWTIME > LAST(A.ROWTIME) + INTERVAL '1' SECOND
-->    ├─ within   10 seconds from the first row to the last
-->    ├─ skip     past the last row
-->    ├─ emit     one row per match, once, when it is certain
-->    ├─ column   x = LAST(A.x)
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted
--> pattern twice created
--> pattern twice over stream taps
--> ├─ edge: each reading
--> │  ├─ decode   json from topic taps/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   amount > 100
--> │  └─ forward  each reading as a row, by card
--> └─ core: each row
-->    ├─ route    hash(card) mod 8
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    A{2}
-->    ├─ define   A: amount * 2 > 10
-->    ├─ within   pattern.max_age: no WITHIN is given, and an older match that is not complete is given up, counted
-->    ├─ skip     past the last row
-->    ├─ emit     one row per match, once, when it is certain
-->    ├─ column   c = card
-->    ├─ column   n = SUM(A.amount * 2)
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted

-- Read by views, SELECTs and push queries.

CREATE VIEW per_card AS SELECT card, COUNT(*) AS n, MAX(km) AS top FROM impossible WINDOW TUMBLING (SIZE 1 HOUR) WHERE km > 10 GROUP BY card;
CREATE VIEW per_way AS SELECT way, COUNT(*) AS n FROM (SELECT way, match_end FROM impossible) GROUP BY way;
EXPLAIN per_card;
DROP PATTERN impossible;
--> view per_card created
--> view per_way created
--> view per_card over impossible
--> ├─ edge: nothing; see EXPLAIN impossible
--> ├─ core: each match of impossible, where it is found
--> │  ├─ filter   km > 10
--> │  ├─ key      card
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  COUNT(*), MAX(km)
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(card) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   card
-->    ├─ column   n = COUNT(*)
-->    ├─ column   top = MAX(km)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark
--> error 4:14: pattern impossible cannot be dropped: views per_card, per_way are built on it; DROP VIEW first

DROP STREAM taps;
--> error 1:13: stream taps cannot be dropped: patterns many_cities, impossible, shapes, twice are built on it; DROP PATTERN first

DROP STREAM large;
--> error 1:13: stream large cannot be dropped: pattern twice is built on it; DROP PATTERN first

CREATE PATTERN twice AS SELECT c, n FROM large MATCH_RECOGNIZE (PARTITION BY c ORDER BY ts MEASURES SUM(A.twice) AS n PATTERN (A{2}) DEFINE A AS twice > 10);
CREATE PATTERN IF NOT EXISTS twice AS SELECT c FROM large MATCH_RECOGNIZE (PARTITION BY c PATTERN (A));
--> pattern twice exists already (no change)
--> pattern twice exists already (no change)

CREATE PATTERN twice AS SELECT c FROM large MATCH_RECOGNIZE (PARTITION BY c PATTERN (A));
--> error 1:16: pattern twice exists with another definition; use CREATE OR REPLACE PATTERN

CREATE OR REPLACE PATTERN twice AS SELECT c FROM large MATCH_RECOGNIZE (PARTITION BY c PATTERN (A));
DROP PATTERN twice;
DROP PATTERN IF EXISTS twice;
--> pattern twice replaced; what it waited for and its matches are dropped
--> pattern twice dropped
--> no pattern twice (no change)

DROP PATTERN twicee;
--> error 1:14: no pattern `twicee`

DROP VIEW per_way;
DROP VIEW per_card;
DROP PATTERN impossible;
SHOW PATTERNS;
--> view per_way dropped
--> view per_card dropped
--> pattern impossible dropped
--> name | stream | key | within | sql
--> many_cities | taps | card | 1 hour | CREATE PATTERN many_cities AS SELECT * FROM taps MATCH_RECOGNIZE (⏎  PARTITION BY card ORDER BY ts⏎  MEASURES COUNT(*) AS uses, COUNT(DISTINCT city) AS cities, FIRST(ts) AS began, LAST(U.city) AS last_city, CLASSIFIER() AS c, MATCH_NUMBER() AS n⏎  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW⏎  PATTERN (U{4,}? L) WITHIN INTERVAL '1' HOUR⏎  DEFINE U AS ok, L AS ok AND COUNT(DISTINCT city) >= 3)
--> shapes | taps | card | 5 minutes | CREATE PATTERN shapes AS SELECT * FROM taps MATCH_RECOGNIZE (⏎  PARTITION BY card⏎  MEASURES SUM(Both.amount) AS total, FINAL COUNT(*) AS all_rows, RUNNING LAST(A.city, 1) AS before, PREV(city) AS prev, AVG(B.lat + B.lon) AS at, COUNT(A.*) AS as_, TOPK(amount, 2) AS top⏎  ALL ROWS PER MATCH AFTER MATCH SKIP TO LAST Both⏎  PATTERN ((A+ | B{2,3}?)* C?? D{,4} E{3} FOLLOWED BY (F | G+) NOT FOLLOWED BY H | I FOLLOWED BY J NOT FOLLOWED BY (H))⏎  WITHIN INTERVAL '5' MINUTE⏎  SUBSET Both = (A, B), More = (Both, C)⏎  DEFINE A AS amount > PREV(amount) AND amount > PREV(A.amount, 2), B AS COUNT(B.*) < 10 AND FIRST(A.lat, 2) IS NULL, F AS More.city <> city AND Both.lat < F.lat, H AS CLASSIFIER() = 'H')

CREATE PATTERN early AS SELECT card FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) DEFINE B AS amount > 10) EMIT ON ARRIVAL;
DESCRIBE early;
EXPLAIN early;
CREATE VIEW early_n AS SELECT COUNT(*) AS n, MAX(revision) AS changes FROM early;
--> pattern early created
--> column | type | note
--> card | STRING | key
--> match_id | STRING |
--> match_start | TIMESTAMP |
--> match_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |
--> withdrawn | BOOLEAN |
--> pattern early over stream taps
--> ├─ edge: each reading
--> │  ├─ decode   json from topic taps/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row, by card
--> └─ core: each row
-->    ├─ route    hash(card) mod 8
-->    ├─ arrive   matched with the rows that are there, in the order of their event times; what an earlier row changes is told again, or withdrawn
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    A B
-->    ├─ define   A: any row
-->    ├─ define   B: amount > 10
-->    ├─ within   pattern.max_age: no WITHIN is given, and an older match that is not complete is given up, counted
-->    ├─ skip     past the last row
-->    ├─ emit     one row per match, to SELECT, push queries and viewers on arrival; to all, once, when it is certain
-->    ├─ column   card
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted
--> view early_n created

CREATE PATTERN back_soon AS SELECT * FROM (SELECT * FROM fence_events WHERE kind IN ('enter', 'exit')) MATCH_RECOGNIZE (
  PARTITION BY device, fence ORDER BY ts MEASURES A.ts AS went, B.ts AS came PATTERN (A B) WITHIN 5 MINUTES DEFINE A AS kind = 'exit', B AS kind = 'enter');
EXPLAIN back_soon;
--> pattern back_soon created
--> pattern back_soon over fence_events
--> ├─ core: each event at a fence, once no position can come any more that would change it
--> │  ├─ filter   kind IN ('enter', 'exit')
--> │  └─ forward  each event as a row, by device, fence
--> └─ core: each row
-->    ├─ route    hash(device, fence) mod 8
-->    ├─ wait     until the watermark has passed it; rows of a key in the order of their event times
-->    ├─ late     what comes after the watermark goes to the table late
-->    ├─ match    A B
-->    ├─ define   A: kind = 'exit'
-->    ├─ define   B: kind = 'enter'
-->    ├─ within   5 minutes from the first row to the last
-->    ├─ skip     past the last row
-->    ├─ emit     one row per match, once, when it is certain
-->    ├─ column   device
-->    ├─ column   fence
-->    ├─ column   went = LAST(A.ts)
-->    ├─ column   came = LAST(B.ts)
-->    └─ bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted
