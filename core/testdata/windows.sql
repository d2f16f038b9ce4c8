-- Purchases by city, in tumbling windows: early results, the one at the watermark, revisions, and what comes too late.

CREATE STREAM purchases (id STRING KEY, ts TIMESTAMP, card STRING, city STRING, amount DECIMAL(10,2)) WITH (topic = 'p/{id}', timestamp = 'ts');
CREATE VIEW by_city AS SELECT city, COUNT(*) AS n, SUM(amount) AS total FROM purchases WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 2 MINUTES) GROUP BY city;
CREATE VIEW settled AS SELECT city, COUNT(*) AS n FROM purchases WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 2 MINUTES) GROUP BY city EMIT FINAL;
INSERT INTO purchases VALUES ('1', '10:00:00', 'a', 'Oslo', 5.00), ('2', '10:00:59.999', 'b', 'Oslo', 7.50), ('3', '10:01:00', 'c', 'Oslo', 1.00), ('4', '10:00:10', 'd', 'Bergen', 2.25);
SELECT window_start, window_end, city, n, total, revision, final FROM by_city;
--> 10:00:00, 10:01:00, Bergen, 1, 2.25, 0, false
--> 10:00:00, 10:01:00, Oslo, 2, 12.50, 0, false
--> 10:01:00, 10:02:00, Oslo, 1, 1.00, 0, false
WATERMARK '10:01:00'

-- One at the border of two windows is in the later one. A late one is a revision, of its window alone.

INSERT INTO purchases VALUES ('5', '10:00:30', 'a', 'Oslo', 10.00);
SELECT window_start, city, n, total, revision, final FROM by_city;
--> 10:00:00, Bergen, 1, 2.25, 0, false
--> 10:00:00, Oslo, 3, 22.50, 1, false
--> 10:01:00, Oslo, 1, 1.00, 0, false
SELECT * FROM settled;
WATERMARK '10:03:00'
SELECT window_start, city, n, revision, final FROM by_city;
--> 10:00:00, Bergen, 1, 0, true
--> 10:00:00, Oslo, 3, 1, true
--> 10:01:00, Oslo, 1, 0, false
SELECT window_start, city, n, final FROM settled;
--> 10:00:00, Bergen, 1, true
--> 10:00:00, Oslo, 3, true
INSERT INTO purchases VALUES ('6', '10:00:31', 'a', 'Oslo', 10.00), ('7', '10:01:31', 'a', 'Oslo', 10.00);
SELECT window_start, city, n, revision, final FROM by_city;
--> 10:00:00, Bergen, 1, 0, true
--> 10:00:00, Oslo, 3, 1, true
--> 10:01:00, Oslo, 2, 1, false
SELECT view, key, window_start, window_end, readings, lag_ms FROM late;
--> by_city, Oslo, 10:00:00, 10:01:00, 1, 120000
--> settled, Oslo, 10:00:00, 10:01:00, 1, 120000

-- An edge that comes back after an outage brings what is late, and holds nothing back meanwhile: here its readings are within the grace.

EDGE south
INSERT INTO purchases VALUES ('8', '10:02:10', 'z', 'Bergen', 4.00);
SELECT window_start, city, n, revision FROM by_city WHERE city = 'Bergen';
--> 10:00:00, Bergen, 1, 0
--> 10:02:00, Bergen, 1, 0

-- A watermark never goes back.

EDGE north
WATERMARK '10:02:00'
SELECT window_start, city, n, final FROM by_city WHERE final;
--> 10:00:00, Bergen, 1, true
--> 10:00:00, Oslo, 3, true

-- Five or more purchases in three or more cities within an hour, looked at every five minutes.

CREATE VIEW suspicious AS SELECT card, COUNT(*) AS n, COUNT(DISTINCT city) AS cities, COLLECT_LIST(city) AS seen FROM purchases
	WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 5 MINUTES, GRACE PERIOD 10 MINUTES) GROUP BY card HAVING COUNT(*) >= 5 AND COUNT(DISTINCT city) >= 3;
INSERT INTO purchases VALUES ('a1', '11:02:00', 'x', 'Oslo', 1.00), ('a2', '11:10:00', 'x', 'Bergen', 1.00), ('a3', '11:20:00', 'x', 'Oslo', 1.00), ('a4', '11:30:00', 'x', 'Hamar', 1.00), ('a5', '11:58:00', 'x', 'Oslo', 1.00);
INSERT INTO purchases VALUES ('b1', '11:00:00', 'y', 'Oslo', 1.00), ('b2', '11:10:00', 'y', 'Bergen', 1.00), ('b3', '11:20:00', 'y', 'Oslo', 1.00), ('b4', '11:30:00', 'y', 'Hamar', 1.00), ('b5', '12:00:00', 'y', 'Oslo', 1.00);
EDGE south
WATERMARK '12:05:00'
EDGE north
WATERMARK '12:05:00'
SELECT window_start, window_end, card, n, cities, seen, final FROM suspicious;
--> 11:00:00, 12:00:00, x, 5, 3, ["Oslo","Bergen","Oslo","Hamar","Oslo"], false
INSERT INTO purchases VALUES ('b6', '11:59:59', 'y', 'Moss', 1.00);
SELECT window_start, card, n, cities, revision FROM suspicious;
--> 11:00:00, x, 5, 3, 0
--> 11:00:00, y, 5, 4, 1
--> 11:05:00, y, 5, 4, 1
--> 11:10:00, y, 5, 4, 0

-- Page views in sessions with gaps of up to 30 seconds: two readings exactly one gap apart are one session, and a late one joins two.

CREATE STREAM views (id STRING KEY, ts TIMESTAMP, person STRING) WITH (topic = 'v/{id}', timestamp = 'ts');
CREATE VIEW visits AS SELECT person, COUNT(*) AS pages FROM views WINDOW SESSION (30 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY person;
CREATE VIEW long_visits AS SELECT person, COUNT(*) AS pages FROM views WINDOW SESSION (30 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY person HAVING COUNT(*) > 3;
INSERT INTO views VALUES ('1', '10:00:00', 'ann'), ('2', '10:00:30', 'ann'), ('3', '10:01:20', 'ann'), ('4', '10:00:00', 'bob');
SELECT person, pages, window_start, window_end, final FROM visits;
--> ann, 1, 10:01:20, 10:01:20, false
--> ann, 2, 10:00:00, 10:00:30, false
--> bob, 1, 10:00:00, 10:00:00, false
WATERMARK '10:01:55'
INSERT INTO views VALUES ('5', '10:00:55', 'ann');
SELECT person, pages, window_start, window_end, revision FROM visits;
--> ann, 4, 10:00:00, 10:01:20, 1
--> bob, 1, 10:00:00, 10:00:00, 0
SELECT person, pages, window_start, window_end FROM long_visits;
--> ann, 4, 10:00:00, 10:01:20
CRASH
WATERMARK '10:06:51'
SELECT person, pages, window_start, window_end, final FROM visits;
--> ann, 4, 10:00:00, 10:01:20, true
--> bob, 1, 10:00:00, 10:00:00, true

-- Without a window there is one for all of time.

CREATE VIEW ever AS SELECT person, COUNT(*) AS pages FROM views GROUP BY person;
INSERT INTO views VALUES ('6', '10:00:56', 'ann'), ('7', '09:00:00', 'ann');
SELECT person, pages, window_start, revision, final FROM ever;
--> ann, 2, , 0, false

-- Windows are aligned to the epoch in UTC: a leap day and the night when the clocks change are no special cases.

CREATE VIEW days AS SELECT COUNT(*) AS n FROM views WINDOW TUMBLING (SIZE 1 DAY) WHERE person = 'calendar';
INSERT INTO views VALUES ('c1', '2028-02-29T23:59:59Z', 'calendar'), ('c2', '2028-03-01T00:00:00Z', 'calendar'), ('c3', '2026-03-29T00:59:59Z', 'calendar'), ('c4', '2026-03-29T01:00:00Z', 'calendar'), ('c5', '1969-12-31T23:59:59Z', 'calendar');
SELECT window_start, window_end, n FROM days;
--> 2026-03-29T00:00:00, 2026-03-30T00:00:00, 2
--> 2028-02-29T00:00:00, 2028-03-01T00:00:00, 1
--> 2028-03-01T00:00:00, 2028-03-02T00:00:00, 1
