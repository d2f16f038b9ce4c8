-- A card that is used in three cities within an hour: SQL's own MATCH_RECOGNIZE. Rows wait for the watermark and are matched in the order of their
-- event times, whichever edge they came from.

CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, city STRING, amount BIGINT) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE PATTERN three_cities AS SELECT * FROM taps MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES COUNT(*) AS uses, COUNT(DISTINCT city) AS cities, FIRST(ts) AS began, LAST(city) AS last_city, COLLECT_LIST(city) AS way
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (U+? L) WITHIN INTERVAL '1' HOUR
  DEFINE L AS COUNT(DISTINCT city) >= 3);
CREATE VIEW per_card AS SELECT card, COUNT(*) AS n, MAX(uses) AS uses FROM three_cities WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY card;
LISTEN SELECT card, way FROM three_cities WHERE uses < 100 EMIT CHANGES;
EDGE south
WATERMARK '09:00:00'
EDGE north
WATERMARK '09:00:00'

INSERT INTO taps VALUES ('a', '10:20:00', 'Rome', 5), ('a', '10:00:00', 'Oslo', 5), ('b', '10:00:01', 'Oslo', 5);
EDGE south
INSERT INTO taps VALUES ('a', '10:30:00', 'Paris', 7), ('b', '10:10:00', 'Rome', 5), ('b', '11:00:02', 'Paris', 5);
SELECT * FROM three_cities;

-- While one edge is at 09:00 nothing is certain: it may hold back what came before. And Paris at 11:00:02 is not within the hour of card b.

EDGE north
WATERMARK '10:40:00'
SELECT * FROM three_cities;
EDGE south
WATERMARK '11:30:00'
SELECT card, uses, cities, began, last_city, way, match_start, match_end FROM three_cities;
--> a, 3, 3, 10:00:00, Paris, ["Oslo","Rome","Paris"], 10:00:00, 10:30:00
HEARD
--> a, ["Oslo","Rome","Paris"]

-- A crash tells nothing twice, and forgets nothing of what is under way.

CRASH
SELECT card, way FROM three_cities;
--> a, ["Oslo","Rome","Paris"]
EDGE north
INSERT INTO taps VALUES ('b', '10:45:00', 'Bonn', 9);
CRASH
WATERMARK '11:20:00'
SELECT card, uses, way, match_end FROM three_cities;
--> a, 3, ["Oslo","Rome","Paris"], 10:30:00
--> b, 3, ["Oslo","Rome","Bonn"], 10:45:00
SELECT card, window_start, n, uses FROM per_card;
--> a, 10:00:00, 1, 3
--> b, 10:00:00, 1, 3

-- A row that comes behind the watermark is in the table late.

INSERT INTO taps VALUES ('a', '10:05:00', 'Bonn', 1);
SELECT stream, view, key, readings, lag_ms FROM late;
--> taps, three_cities, a, 1, 4500000
SELECT card, way FROM three_cities;
--> a, ["Oslo","Rome","Paris"]
--> b, ["Oslo","Rome","Bonn"]

-- What is gone is gone, and a new one under the name knows nothing of it.

DROP PATTERN three_cities;
--> error: line 1, column 14: pattern three_cities cannot be dropped: view per_card is built on it; DROP VIEW first
DROP VIEW per_card;
DROP PATTERN three_cities;
CREATE PATTERN three_cities AS SELECT card FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A));
SELECT * FROM three_cities;
DROP PATTERN three_cities;

-- Each operator over one alphabet of events. e is the letter, n the order.

CREATE STREAM ev (k STRING KEY, ts TIMESTAMP, e STRING, x DOUBLE) WITH (topic = 'ev/{k}', timestamp = 'ts');
CREATE PATTERN seq AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A B C) DEFINE A AS e = 'a', B AS e = 'b', C AS e = 'c');
CREATE PATTERN alt AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A (B | C)) DEFINE A AS e = 'a', B AS e = 'b', C AS e = 'c');
CREATE PATTERN greedy AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A B*) WITHIN 1 MINUTE DEFINE A AS e = 'a', B AS e = 'b');
CREATE PATTERN reluctant AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A Z*? C) WITHIN 1 MINUTE DEFINE A AS e = 'a', C AS e = 'c');
CREATE PATTERN times AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (B{2,3}) WITHIN 1 MINUTE DEFINE B AS e = 'b');
CREATE PATTERN groups AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN ((A B){2}) DEFINE A AS e = 'a', B AS e = 'b');
CREATE PATTERN maybe AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A B? C) DEFINE A AS e = 'a', B AS e = 'b', C AS e = 'c');
CREATE PATTERN followed AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A FOLLOWED BY C) DEFINE A AS e = 'a', C AS e = 'c');
CREATE PATTERN followed_any AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A FOLLOWED BY ANY B C) DEFINE A AS e = 'a', B AS e = 'b', C AS e = 'c');
CREATE PATTERN without AS SELECT k, w FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(e) AS w PATTERN (A NOT FOLLOWED BY B FOLLOWED BY C) DEFINE A AS e = 'a', B AS e = 'b', C AS e = 'c');
CREATE PATTERN silence AS SELECT k, began FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES A.ts AS began PATTERN (A NOT FOLLOWED BY Z) WITHIN 20 SECONDS DEFINE Z AS TRUE);
CREATE PATTERN rising AS SELECT k, w, top FROM ev MATCH_RECOGNIZE (PARTITION BY k MEASURES COLLECT_LIST(x) AS w, LAST(R.x) AS top PATTERN (S R{2,}) WITHIN 1 MINUTE DEFINE R AS x > PREV(x));

INSERT INTO ev VALUES ('k', '12:00:00', 'a', 1), ('k', '12:00:01', 'b', 2), ('k', '12:00:02', 'a', 3), ('k', '12:00:03', 'b', 1), ('k', '12:00:04', 'c', 1);
INSERT INTO ev VALUES ('k', '12:00:05', 'a', 0), ('k', '12:00:06', 'x', 0), ('k', '12:00:07', 'c', 0), ('k', '12:00:08', 'b', 9), ('k', '12:00:09', 'b', 8), ('k', '12:00:10', 'b', 7), ('k', '12:00:11', 'c', 6);
INSERT INTO ev VALUES ('k', '12:00:40', 'a', 5), ('k', '12:00:41', 'c', 5);
EDGE south
WATERMARK '12:05:00'
EDGE north
WATERMARK '12:05:00'
SELECT w FROM seq;
--> ["a","b","c"]
SELECT w FROM alt;
--> ["a","b"]
--> ["a","b"]
--> ["a","c"]
SELECT w FROM greedy;
--> ["a","b"]
--> ["a","b"]
--> ["a"]
--> ["a"]
SELECT w FROM reluctant;
--> ["a","b","a","b","c"]
--> ["a","c"]
--> ["a","x","c"]
SELECT w FROM times;
--> ["b","b","b"]
SELECT w FROM groups;
--> ["a","b","a","b"]
SELECT w FROM maybe;
--> ["a","b","c"]
--> ["a","c"]
SELECT w FROM followed;
--> ["a","c"]
--> ["a","c"]
--> ["a","c"]
SELECT w FROM followed_any;
--> ["a","b","c"]
--> ["a","b","c"]
SELECT w FROM without;
--> ["a","c"]
--> ["a","c"]
SELECT began FROM silence;
--> 12:00:11
--> 12:00:41
SELECT match_start, match_end FROM silence;
--> 12:00:11, 12:00:31
--> 12:00:41, 12:01:01
SELECT w, top FROM rising;
--> [1,2,3], 3

-- Where the next match begins: five b behind one another.

CREATE STREAM bs (k STRING KEY, ts TIMESTAMP, e STRING) WITH (topic = 'bs/{k}', timestamp = 'ts');
CREATE PATTERN past AS SELECT n, began FROM bs MATCH_RECOGNIZE (PARTITION BY k MEASURES MATCH_NUMBER() AS n, FIRST(ts) AS began AFTER MATCH SKIP PAST LAST ROW PATTERN (A B) DEFINE A AS e = 'b', B AS e = 'b');
CREATE PATTERN next AS SELECT n, began FROM bs MATCH_RECOGNIZE (PARTITION BY k MEASURES MATCH_NUMBER() AS n, FIRST(ts) AS began AFTER MATCH SKIP TO NEXT ROW PATTERN (A B C) DEFINE A AS e = 'b', B AS e = 'b', C AS e = 'b');
CREATE PATTERN to_first AS SELECT n, began FROM bs MATCH_RECOGNIZE (PARTITION BY k MEASURES MATCH_NUMBER() AS n, FIRST(ts) AS began AFTER MATCH SKIP TO FIRST B PATTERN (A B B) DEFINE A AS e = 'b', B AS e = 'b');
CREATE PATTERN to_last AS SELECT n, began FROM bs MATCH_RECOGNIZE (PARTITION BY k MEASURES MATCH_NUMBER() AS n, FIRST(ts) AS began AFTER MATCH SKIP TO LAST B PATTERN (A B B) DEFINE A AS e = 'b', B AS e = 'b');
CREATE PATTERN each_row AS SELECT ts, v, so_far, all_of FROM bs MATCH_RECOGNIZE (PARTITION BY k MEASURES CLASSIFIER() AS v, COUNT(*) AS so_far, FINAL COUNT(*) AS all_of ALL ROWS PER MATCH PATTERN (A B+) WITHIN 1 HOUR DEFINE A AS e = 'b', B AS e = 'b');

INSERT INTO bs VALUES ('k', '13:00:00', 'b'), ('k', '13:00:01', 'b'), ('k', '13:00:02', 'b'), ('k', '13:00:03', 'b'), ('k', '13:00:04', 'b'), ('k', '13:00:05', 'x');
EDGE south
WATERMARK '13:00:03'
EDGE north
WATERMARK '13:00:03'
CRASH
EDGE north
WATERMARK '14:30:00'
EDGE south
WATERMARK '14:30:00'
SELECT n, began FROM past;
--> 1, 13:00:00
--> 2, 13:00:02
SELECT n, began FROM next;
--> 1, 13:00:00
--> 2, 13:00:01
--> 3, 13:00:02
SELECT n, began FROM to_first;
--> 1, 13:00:00
--> 2, 13:00:01
--> 3, 13:00:02
SELECT n, began FROM to_last;
--> 1, 13:00:00
--> 2, 13:00:02
SELECT ts, v, so_far, all_of FROM each_row;
--> 13:00:00, A, 1, 5
--> 13:00:01, B, 2, 5
--> 13:00:02, B, 3, 5
--> 13:00:03, B, 4, 5
--> 13:00:04, B, 5, 5
SELECT COUNT(*) FROM each_row GROUP BY match_id;
--> 5

-- What the engine can't hold is refused before anything runs.

CREATE PATTERN deep AS SELECT k FROM bs MATCH_RECOGNIZE (PARTITION BY k PATTERN ((A{0,100}){0,100} B));
--> error: line 1, column 1: pattern deep: the pattern has more than 2000 steps: count rows with COUNT(*) in DEFINE rather than with {n}
