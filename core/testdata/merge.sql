-- What a view keeps apart can be put together afterwards, as if it never had been: other windows, parents of cells, other percentiles.

CREATE STREAM cars (car STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'c/{car}', timestamp = 'ts');
CREATE VIEW cells AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, AVG(speed) AS mean, PERCENTILE(speed, 0.95) AS p95, COUNT(DISTINCT car) AS cars, MAX(speed) - MIN(speed) AS spread
	FROM cars WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY cell;
INSERT INTO cars VALUES ('a', '10:00:01', 52.5000, 13.4000, 10.0), ('b', '10:00:02', 52.5000, 13.4001, 20.0), ('a', '10:00:11', 52.5000, 13.4000, 60.0), ('a', '10:00:12', 52.5030, 13.4000, 30.0);
INSERT INTO cars VALUES ('c', '10:01:01', 52.5000, 13.4000, 100.0), ('c', '10:01:02', 48.0, 2.0, 5.0);
SELECT h3_parent(cell, 5) AS area, MERGE(n) AS n, ROUND(MERGE(mean)) AS mean, MERGE(cars) AS cars, ROUND(MERGE(p95, 0.5)) AS median, ROUND(MERGE(p95)) AS p95 FROM cells WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY area ORDER BY window_start, n DESC;
--> 851f1d4bfffffff, 4, 30, 2, 20, 60
--> 851fb62bfffffff, 1, 5, 1, 5, 5
--> 851f1d4bfffffff, 1, 100, 1, 100, 100
SELECT window_start, window_end, MERGE(n) AS n, MERGE(cars) AS cars, COUNT(*) AS rows FROM cells GROUP BY TUMBLE(window_start, INTERVAL '1' HOUR);
--> 10:00:00, 11:00:00, 6, 3, 5
SELECT MERGE(cars) AS cars, SUM(cars) AS wrong, ROUND(MERGE(mean)) AS mean FROM cells WHERE window_start < '2026-01-01T10:01:00Z';
--> 2, 4, 30
SELECT window_start, MERGE(n) AS n FROM cells WINDOW TUMBLING (SIZE 20 SECONDS) GROUP BY window_start HAVING MERGE(n) > 1 ORDER BY n DESC LIMIT 1;
--> 10:00:00, 4

-- What can't be, says so.

SELECT MERGE(spread) FROM cells;
--> `spread` of cells is no aggregate as it is; MERGE takes one that is, and computes from it outside: MERGE(total) / MERGE(n)
SELECT MERGE(n, 0.5) FROM cells;
--> only of a PERCENTILE is there another share; `n` is COUNT
SELECT MERGE(p95, 2) FROM cells;
--> PERCENTILE's second argument is a constant: a share from 0 to 1, such as 0.95, not 2
SELECT MERGE(nn) FROM cells;
--> no column `nn` in cells; did you mean `n`?
SELECT MERGE(n) FROM cells a JOIN cells b ON a.cell = b.cell;
--> column `n` is in both a and b; write a.n or b.n
SELECT MERGE(n) FROM late;
--> MERGE is for a SELECT that reads one view: it merges what the view's rows were made of
SELECT MERGE(n) FROM cells WINDOW TUMBLING (SIZE 15 SECONDS);
--> windows of 15 seconds are not made up of windows of 10 seconds
SELECT MERGE(n) FROM cells WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 10 SECONDS);
--> here WINDOW TUMBLING (SIZE …) alone has a meaning
SELECT COUNT(*) FROM late WINDOW TUMBLING (SIZE 15 SECONDS);
--> WINDOW stands in CREATE VIEW, or in a SELECT that reads one view; else compare window_start and window_end
CREATE VIEW v AS SELECT MERGE(speed) AS x FROM cars;
--> error: line 1, column 25: MERGE is for a SELECT that reads one view: it merges what the view's rows were made of
