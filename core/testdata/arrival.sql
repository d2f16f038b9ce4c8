-- EMIT ON ARRIVAL: a match is told as soon as its rows are there, and again if a row that comes out of order changes it. What views count is final.

CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, city STRING) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE PATTERN trips AS SELECT * FROM taps MATCH_RECOGNIZE (
  PARTITION BY card
  MEASURES FIRST(city) AS from_city, LAST(city) AS to_city, COUNT(*) AS taps
  PATTERN (A B*? C) WITHIN 10 MINUTES
  DEFINE A AS city = 'Oslo', C AS city = 'Rome') EMIT ON ARRIVAL;
CREATE VIEW counted AS SELECT card, COUNT(*) AS n FROM trips WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY card;
LISTEN SELECT card, taps, match_start, revision, final, withdrawn FROM trips EMIT CHANGES;
EDGE south
WATERMARK '09:00:00'
EDGE north
WATERMARK '09:00:00'

-- The watermark is at nine, and card a's journey is known.

INSERT INTO taps VALUES ('a', '10:00:00', 'Oslo'), ('a', '10:02:00', 'Rome');
SELECT card, taps, match_end, revision, final, withdrawn FROM trips;
--> a, 2, 10:02:00, 0, false, false
HEARD
--> a, 2, 10:00:00, 0, false, false
SELECT card, n FROM counted;

-- A tap between the two changes it; one of Rome before makes it end there; and one more says nothing.

INSERT INTO taps VALUES ('a', '10:01:00', 'Bonn');
HEARD
--> a, 3, 10:00:00, 1, false, false
INSERT INTO taps VALUES ('a', '10:00:30', 'Rome');
HEARD
--> a, 2, 10:00:00, 0, false, false
--> a, 3, 10:00:00, 2, false, true
INSERT INTO taps VALUES ('a', '10:03:00', 'Bonn');
HEARD
SELECT card, taps, match_end, revision, final, withdrawn FROM trips;
--> a, 2, 10:00:30, 0, false, false
--> a, 3, 10:02:00, 2, false, true

-- A crash tells nothing again.

CRASH
LISTEN SELECT card, taps, match_start, revision, final, withdrawn FROM trips EMIT CHANGES;
INSERT INTO taps VALUES ('b', '10:00:00', 'Oslo'), ('b', '10:05:00', 'Rome');
HEARD
--> b, 2, 10:00:00, 0, false, false
EDGE south
WATERMARK '10:02:30'
EDGE north
WATERMARK '10:02:30'
HEARD
--> a, 2, 10:00:00, 0, true, false
SELECT card, taps, match_end, revision, final, withdrawn FROM trips;
--> a, 2, 10:00:30, 0, true, false
--> a, 3, 10:02:00, 2, false, true
--> b, 2, 10:05:00, 0, false, false
SELECT card, n FROM counted;
--> a, 1

-- After a crash an earlier row withdraws what was told before it; and what comes back is told again.

CRASH
LISTEN SELECT card, taps, match_start, match_end, revision, final, withdrawn FROM trips EMIT CHANGES;
INSERT INTO taps VALUES ('b', '10:03:00', 'Rome');
HEARD
--> b, 2, 10:00:00, 10:03:00, 0, false, false
--> b, 2, 10:00:00, 10:05:00, 1, false, true
WATERMARK '11:00:00'
EDGE south
WATERMARK '11:00:00'
HEARD
--> b, 2, 10:00:00, 10:03:00, 0, true, false
SELECT card, taps, match_end, revision, final, withdrawn FROM trips;
--> a, 2, 10:00:30, 0, true, false
--> a, 3, 10:02:00, 2, false, true
--> b, 2, 10:03:00, 0, true, false
--> b, 2, 10:05:00, 1, false, true
SELECT card, n FROM counted;
--> a, 1
--> b, 1

-- A row behind the watermark is late, as for any pattern.

INSERT INTO taps VALUES ('b', '10:01:00', 'Rome');
HEARD
SELECT view, key FROM late;
--> trips, b

-- With ALL ROWS, rows come and go with their match.

CREATE PATTERN every_b AS SELECT card, city, v FROM taps MATCH_RECOGNIZE (
  PARTITION BY card MEASURES CLASSIFIER() AS v ALL ROWS PER MATCH
  PATTERN (A FOLLOWED BY B FOLLOWED BY ANY C) DEFINE A AS city = 'Oslo', B AS city = 'Bonn', C AS city = 'Rome') EMIT ON ARRIVAL;
CREATE PATTERN straight AS SELECT card, city FROM taps MATCH_RECOGNIZE (
  PARTITION BY card MEASURES CLASSIFIER() AS v ALL ROWS PER MATCH
  PATTERN (A B* C) DEFINE A AS city = 'Oslo', B AS city = 'Bonn', C AS city = 'Rome') EMIT ON ARRIVAL;
INSERT INTO taps VALUES ('c', '12:00:00', 'Oslo'), ('c', '12:03:00', 'Bonn'), ('c', '12:05:00', 'Rome');
SELECT city, v, revision, withdrawn FROM every_b;
--> Bonn, B, 0, false
--> Oslo, A, 0, false
--> Rome, C, 0, false
INSERT INTO taps VALUES ('c', '12:02:00', 'Bonn');
SELECT city, v, match_end, revision, withdrawn FROM every_b;
--> Bonn, B, 12:05:00, 0, false
--> Oslo, A, 12:05:00, 0, false
--> Rome, C, 12:05:00, 0, false
SELECT city, revision, final, withdrawn FROM straight;
--> Bonn, 1, false, false
--> Bonn, 1, false, false
--> Oslo, 1, false, false
--> Rome, 1, false, false
INSERT INTO taps VALUES ('c', '12:04:30', 'Oslo');
SELECT city, revision, final, withdrawn FROM straight;
--> Bonn, 2, false, true
--> Bonn, 2, false, true
--> Oslo, 0, false, false
--> Oslo, 2, false, true
--> Rome, 0, false, false
--> Rome, 2, false, true
CRASH
WATERMARK '13:00:00'
EDGE north
WATERMARK '13:00:00'
SELECT city, v, revision, final, withdrawn FROM every_b;
--> Bonn, B, 0, true, false
--> Oslo, A, 0, true, false
--> Rome, C, 0, true, false
SELECT city, revision, final, withdrawn FROM straight;
--> Bonn, 2, false, true
--> Bonn, 2, false, true
--> Oslo, 0, true, false
--> Oslo, 2, false, true
--> Rome, 0, true, false
--> Rome, 2, false, true
