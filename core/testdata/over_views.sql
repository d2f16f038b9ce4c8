-- Which stop is the busiest of each minute, told from the counts of each stop.

CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, stop STRING) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE VIEW per_stop AS SELECT stop, COUNT(*) AS n FROM taps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 5 MINUTES) GROUP BY stop;
CREATE VIEW busiest AS SELECT MAX(n) AS top, COUNT(*) AS stops, SUM(n) AS taps FROM per_stop GROUP BY window_start;
CREATE VIEW final_busiest AS SELECT MAX(n) AS top FROM per_stop GROUP BY window_start EMIT FINAL;

INSERT INTO taps VALUES ('a', '10:00:05', 'north'), ('b', '10:00:06', 'north'), ('c', '10:00:07', 'south'), ('d', '10:01:01', 'south');
WATERMARK '10:00:30'

-- While a window is open, both show what there is.

SELECT window_start, stop, n, final FROM per_stop;
--> 10:00:00, north, 2, false
--> 10:00:00, south, 1, false
--> 10:01:00, south, 1, false
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 2, 2, 3, 0, false
--> 10:01:00, 1, 1, 1, 0, false

-- A tap in time changes a row of the view below, and what it gave before is taken back: the sum is right, not added twice.

INSERT INTO taps VALUES ('e', '10:00:40', 'north');
SELECT window_start, top, stops, taps, revision FROM busiest;
--> 10:00:00, 3, 2, 4, 0
--> 10:01:00, 1, 1, 1, 0

WATERMARK '10:01:10'

-- A tap that comes late revises both.

INSERT INTO taps VALUES ('f', '10:00:55', 'east');
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 3, 3, 5, 1, false
--> 10:01:00, 1, 1, 1, 0, false

CRASH
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 3, 3, 5, 1, false
--> 10:01:00, 1, 1, 1, 0, false
INSERT INTO taps VALUES ('g', '10:00:56', 'east');
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 3, 3, 6, 2, false
--> 10:01:00, 1, 1, 1, 0, false
SELECT * FROM final_busiest;

-- Past the grace of the view below both are final, and what comes is in the table late, once.

WATERMARK '10:06:00'
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 3, 3, 6, 2, true
--> 10:01:00, 1, 1, 1, 0, false
SELECT window_start, top, final FROM final_busiest;
--> 10:00:00, 3, true
INSERT INTO taps VALUES ('h', '10:00:57', 'east');
SELECT view, key, readings FROM late;
--> per_stop, east, 1
SELECT window_start, top, stops, taps, revision, final FROM busiest;
--> 10:00:00, 3, 3, 6, 2, true
--> 10:01:00, 1, 1, 1, 0, false

-- Counts that are kept for ever, and how they are spread: each change moves a stop from one group to another.

CREATE VIEW totals AS SELECT stop, COUNT(*) AS n FROM taps GROUP BY stop;
CREATE VIEW spread AS SELECT n, COUNT(*) AS stops FROM (SELECT stop, n FROM totals) GROUP BY n;
INSERT INTO taps VALUES ('a', '10:07:05', 'north'), ('b', '10:07:06', 'south');
SELECT n, stops FROM spread;
--> 1, 2
INSERT INTO taps VALUES ('a', '10:07:07', 'north');
SELECT n, stops FROM spread;
--> 1, 1
--> 2, 1
CRASH
INSERT INTO taps VALUES ('b', '10:07:09', 'south');
SELECT n, stops FROM spread;
--> 2, 2

-- A view over a view that there is already starts with what that holds.

CREATE VIEW later AS SELECT SUM(n) AS taps, COUNT(*) AS stops FROM totals;
SELECT * FROM later;
--> 4, 2, , , 0, false
INSERT INTO taps VALUES ('b', '10:07:10', 'west');
SELECT taps, stops FROM later;
--> 5, 3

-- HAVING below hides rows, and takes back what they gave once they are hidden again.

CREATE VIEW odd AS SELECT stop, COUNT(*) AS n FROM taps GROUP BY stop HAVING COUNT(*) % 2 = 1;
CREATE VIEW odds AS SELECT COUNT(*) AS stops, SUM(n) AS taps FROM odd;
INSERT INTO taps VALUES ('a', '10:08:01', 'x'), ('a', '10:08:02', 'y');
SELECT stops, taps FROM odds;
--> 2, 2
INSERT INTO taps VALUES ('a', '10:08:03', 'x');
SELECT stops, taps FROM odds;
--> 1, 1
INSERT INTO taps VALUES ('a', '10:08:04', 'y');
SELECT stops, taps FROM odds;

-- Windows of windows: the mean of the minutes' counts, by ten minutes. Two views deep.

CREATE VIEW minutes AS SELECT COUNT(*) AS n FROM taps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 0 SECONDS);
CREATE VIEW tens AS SELECT AVG(n) AS mean, COUNT(*) AS minutes FROM minutes WINDOW TUMBLING (SIZE 10 MINUTES, GRACE PERIOD 0 SECONDS);
CREATE VIEW best AS SELECT MAX(mean) AS best FROM tens WINDOW TUMBLING (SIZE 1 HOUR) EMIT FINAL;
INSERT INTO taps VALUES ('a', '10:11:01', 'x'), ('b', '10:11:01', 'x'), ('a', '10:12:02', 'y'), ('a', '10:21:02', 'y');
SELECT window_start, mean, minutes FROM tens;
--> 10:10:00, 1.5, 2
--> 10:20:00, 1, 1
WATERMARK '10:59:59'
SELECT window_start, mean, minutes, final FROM tens;
--> 10:10:00, 1.5, 2, true
--> 10:20:00, 1, 1, true
SELECT window_start, best FROM best;
WATERMARK '11:00:00'
SELECT window_start, best FROM best;
--> 10:00:00, 1.5

-- Sub-selects that group are views of their own.

CREATE VIEW mean_per_stop AS SELECT AVG(n) AS mean FROM (SELECT stop, COUNT(*) AS n FROM taps GROUP BY stop) x;
INSERT INTO taps VALUES ('a', '11:00:01', 'x'), ('b', '11:00:01', 'x'), ('a', '11:00:02', 'y');
SELECT mean FROM mean_per_stop;
--> 1.5
SELECT stop, n FROM "mean_per_stop#1";
--> x, 2
--> y, 1

-- Sessions of each card, counted by the hour. Two that become one count once.

CREATE VIEW trips AS SELECT card, COUNT(*) AS n FROM taps WINDOW SESSION (10 MINUTES, GRACE PERIOD 1 HOUR) GROUP BY card;
CREATE VIEW hourly AS SELECT COUNT(*) AS trips, MAX(n) AS most FROM trips WINDOW TUMBLING (SIZE 1 HOUR);
INSERT INTO taps VALUES ('z', '11:05:00', 'x'), ('z', '11:20:00', 'y'), ('y', '11:06:00', 'x');
SELECT window_start, trips, most FROM hourly;
--> 11:00:00, 3, 1
INSERT INTO taps VALUES ('z', '11:12:00', 'x');
SELECT card, window_start, window_end, n FROM trips;
--> y, 11:06:00, 11:06:00, 1
--> z, 11:05:00, 11:20:00, 3
SELECT window_start, trips, most FROM hourly;
--> 11:00:00, 2, 3

-- A SELECT may join what it asks: the stops that were the busiest of their minute.

CREATE STREAM visits (card STRING KEY, ts TIMESTAMP, stop STRING) WITH (topic = 'visits/{card}', timestamp = 'ts');
CREATE VIEW visited AS SELECT stop, COUNT(*) AS n FROM visits WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
CREATE VIEW most AS SELECT MAX(n) AS n FROM visited GROUP BY window_start;
CREATE TABLE names (stop STRING KEY, ts TIMESTAMP, name STRING) WITH (topic = 'names/{stop}', timestamp = 'ts');
INSERT INTO visits VALUES ('a', '12:00:05', 'north'), ('b', '12:00:06', 'north'), ('c', '12:00:07', 'south'), ('d', '12:00:08', 'south'), ('e', '12:00:09', 'east'), ('f', '12:01:09', 'east');
SELECT v.window_start, v.stop, v.n FROM visited v JOIN most m ON v.window_start = m.window_start AND v.n = m.n;
--> 12:00:00, north, 2
--> 12:00:00, south, 2
--> 12:01:00, east, 1
SELECT v.stop, SUM(v.n) AS n FROM visited v JOIN most m ON v.window_start = m.window_start AND v.n < m.n GROUP BY v.stop;
--> east, 1
SELECT a.stop, b.stop, a.n FROM visited a LEFT JOIN visited b ON a.window_start = b.window_start AND a.n = b.n AND a.stop < b.stop ORDER BY a.window_start, a.stop;
--> east, , 1
--> north, south, 2
--> south, , 2
--> east, , 1
SELECT v.stop FROM visited v JOIN most m ON v.n > m.n;
--> ON needs a column of most that equals one of what is before it, of the same type
SELECT n FROM visited v JOIN most m ON v.n = m.n;
--> column `n` is in both v and m; write v.n or m.n
SELECT v.stop FROM visited v JOIN mots m ON v.n = m.n;
--> no view or table `mots`; did you mean `most`?
SELECT v.stop FROM visited v JOIN most m WITHIN 1 MINUTE ON v.n = m.n;
--> WITHIN is for streams, whose rows come as time goes by; here there is all at once: say it in ON
