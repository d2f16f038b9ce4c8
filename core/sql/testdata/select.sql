CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, route STRING, fare DECIMAL(6,2))
WITH (topic = 'city/{device}/position', timestamp = 'ts');
CREATE VIEW cell_speed AS SELECT h3(lat, lon, 9) AS cell, route, COUNT(*) AS n, AVG(speed) AS avg_speed, SUM(fare) AS fares
FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY cell, route
--> stream vehicles created
--> view cell_speed created

--| cell_speed
--| 8928308280fffff, 10, 5, 31.5, 12.50, 2026-01-01T11:00:00Z, 2026-01-01T11:00:10Z, 0, true
--| 8928308280fffff, 10, 3, 12, 1.10,    2026-01-01T11:59:00Z, 2026-01-01T11:59:10Z, 2, false
--| 8928308280bffff, 20, 1, , ,          2026-01-01T11:59:00Z, 2026-01-01T11:59:10Z, 0, false
--| 8928308280bffff, , 9, 80, 100.00,    2026-01-01T11:59:50Z, 2026-01-01T12:00:00Z, 0, false
SELECT * FROM cell_speed
--> cell | route | n | avg_speed | fares | window_start | window_end | revision | final
--> 8928308280fffff | 10 | 5 | 31.5 | 12.50 | 2026-01-01T11:00:00Z | 2026-01-01T11:00:10Z | 0 | true
--> 8928308280fffff | 10 | 3 | 12 | 1.10 | 2026-01-01T11:59:00Z | 2026-01-01T11:59:10Z | 2 | false
--> 8928308280bffff | 20 | 1 | NULL | NULL | 2026-01-01T11:59:00Z | 2026-01-01T11:59:10Z | 0 | false
--> 8928308280bffff | NULL | 9 | 80 | 100.00 | 2026-01-01T11:59:50Z | 2026-01-01T12:00:00Z | 0 | false

SELECT route, n FROM cell_speed ORDER BY n DESC LIMIT 2
--> route | n
--> NULL | 9
--> 10 | 5

-- NULLs are as if above all values, as in Postgres.
SELECT n, avg_speed FROM cell_speed ORDER BY avg_speed;
SELECT n, avg_speed FROM cell_speed ORDER BY avg_speed DESC LIMIT 2;
SELECT n, avg_speed FROM cell_speed ORDER BY avg_speed DESC NULLS LAST, n LIMIT 2
--> n | avg_speed
--> 3 | 12
--> 5 | 31.5
--> 9 | 80
--> 1 | NULL
--> n | avg_speed
--> 1 | NULL
--> 9 | 80
--> n | avg_speed
--> 9 | 80
--> 5 | 31.5

-- Text beside a time or a cell is a time or a cell.
SELECT n FROM cell_speed WHERE window_start >= '2026-01-01T11:59:00Z' AND cell = '8928308280bffff';
SELECT n FROM cell_speed WHERE window_start > NOW() - INTERVAL '1' MINUTE;
SELECT n FROM cell_speed WHERE window_start BETWEEN '2026-01-01T11:00:00Z' AND '2026-01-01 11:30:00';
SELECT n FROM cell_speed WHERE cell IN ('8928308280fffff', '8928308280fffff') AND NOT final;
SELECT n, h3_parent(cell, 5) AS p FROM cell_speed WHERE fares > 1.09 ORDER BY 1
--> n
--> 1
--> 9
--> n
--> 9
--> n
--> 5
--> n
--> 3
--> n | p
--> 3 | 85283083fffffff
--> 5 | 85283083fffffff
--> 9 | 85283083fffffff

SELECT cell, SUM(n) AS total, COUNT(*) AS "windows", MAX(avg_speed) AS top, SUM(fares) AS f FROM cell_speed GROUP BY cell ORDER BY total DESC
--> cell | total | windows | top | f
--> 8928308280bffff | 10 | 2 | 80 | 100.00
--> 8928308280fffff | 8 | 2 | 31.5 | 13.60

SELECT route, SUM(n) FROM cell_speed GROUP BY route HAVING SUM(n) > 1 ORDER BY SUM(n)
--> route | sum
--> 10 | 8
--> NULL | 9

SELECT SUM(n * avg_speed) / SUM(n) AS mean, COUNT(*), COUNT(avg_speed) FROM cell_speed;
SELECT COUNT(*), MAX(n) FROM cell_speed WHERE n > 100;
SELECT route, COUNT(*) FROM cell_speed WHERE n > 100 GROUP BY route
--> mean | count | count
--> 50.75 | 4 | 3
--> count | max
--> 0 | NULL
--> route | count

SELECT CASE WHEN avg_speed > 50 THEN 'fast' WHEN avg_speed > 20 THEN 'normal' ELSE 'slow' END AS class, COUNT(*) AS n
FROM cell_speed GROUP BY class ORDER BY class
--> class | n
--> fast | 1
--> normal | 1
--> slow | 2

SELECT CASE route WHEN '10' THEN 'ten' END AS r, UPPER(route) || '!' AS shout, COALESCE(avg_speed, 0) AS s, CAST(avg_speed AS BIGINT) AS i, ROUND(avg_speed / 7, 2) AS x
FROM cell_speed
--> r | shout | s | i | x
--> ten | 10! | 31.5 | 31 | 4.5
--> ten | 10! | 12 | 12 | 1.71
--> NULL | 20! | 0 | NULL | NULL
--> NULL | NULL | 80 | 80 | 11.43

SELECT n FROM cell_speed LIMIT 0;
SELECT n FROM cell_speed LIMIT 1
--> n
--> n
--> 5

EXPLAIN SELECT route, SUM(n) AS total FROM cell_speed WHERE window_start >= NOW() - INTERVAL '1' HOUR AND route LIKE '1%' GROUP BY route HAVING total > 2 ORDER BY total DESC LIMIT 3
--> select from cell_speed
--> ├─ edge: nothing
--> └─ core: each partition's rows
-->    ├─ scan     rows within a range of time
-->    ├─ filter   window_start >= NOW() - INTERVAL '1' HOUR AND route LIKE '1%'
-->    ├─ group    by 1 keys, 1 aggregates
-->    ├─ having   total > 2
-->    ├─ column   route
-->    ├─ column   total = SUM(n)
-->    ├─ order    by total
-->    └─ limit    3

-- What is refused.
SELECT * FROM cell_sped
--> error 2:15: no view or table `cell_sped`; did you mean `cell_speed`?

SELECT * FROM vehicles
--> error 1:15: vehicles is a stream and keeps no rows to select; CREATE VIEW … AS SELECT … FROM vehicles keeps some

SELECT avg_sped FROM cell_speed
--> error 1:8: no column `avg_sped` in cell_speed; did you mean `avg_speed`?

SELECT route, SUM(n) FROM cell_speed
--> error 1:8: column `route` is neither in GROUP BY nor inside an aggregate

SELECT *, n FROM cell_speed
--> error 1:8: * beside other columns is not supported yet

SELECT * FROM cell_speed GROUP BY route
--> error 1:8: * cannot stand beside GROUP BY or aggregates

SELECT n FROM cell_speed WHERE cell = 'nowhere'
--> error 1:39: 'nowhere' is no CELL

SELECT n FROM cell_speed ORDER BY 2
--> error 1:35: 2 is no position in the select list, which has 1 to 1

SELECT n FROM cell_speed LIMIT -1
--> error 1:32: expected the number of rows, found `-`

SELECT n FROM cell_speed EMIT CHANGES
--> error 1:26: EXPLAIN of a push query is not supported yet

SELECT n FROM cell_speed UNION SELECT n FROM cell_speed
--> error 1:26: UNION ALL stands in FROM: SELECT … FROM (SELECT … UNION ALL SELECT …)

SELECT n FROM cell_speed WINDOW TUMBLING (SIZE 1 DAY)
--> error 1:8: column `n` is neither in GROUP BY nor inside an aggregate

SELECT MAX(n) FROM cell_speed GROUP BY TUMBLE(window_start, INTERVAL '1' DAY)
--> max
--> 9

SELECT n FROM cell_speed WHERE window_start > INTERVAL '1' DAY
--> error 1:47: an INTERVAL stands alone here; it is added to or taken from a TIMESTAMP

-- DISTINCT is a group of each row that is shown.
SELECT DISTINCT route FROM cell_speed ORDER BY route;
SELECT DISTINCT route, n > 3 AS many FROM cell_speed ORDER BY route, many DESC LIMIT 2;
SELECT DISTINCT upper(route) FROM cell_speed WHERE n < 9 ORDER BY 1 DESC
--> route
--> 10
--> 20
--> NULL
--> route | many
--> 10 | true
--> 10 | false
--> upper
--> 20
--> 10

SELECT n FROM cell_speed ORDER BY n LIMIT 2 OFFSET 1;
SELECT n FROM cell_speed ORDER BY n DESC OFFSET 3 ROWS;
SELECT n FROM cell_speed ORDER BY n LIMIT 9223372036854775807 OFFSET 2;
SELECT n FROM cell_speed OFFSET 9 LIMIT 5;
SELECT route, SUM(n) AS n FROM cell_speed GROUP BY route ORDER BY n LIMIT 1 OFFSET 1
--> n
--> 3
--> 5
--> n
--> 1
--> n
--> 5
--> 9
--> n
--> route | n
--> 10 | 8

EXPLAIN SELECT DISTINCT route FROM cell_speed LIMIT 5 OFFSET 10
--> select from cell_speed
--> ├─ edge: nothing
--> └─ core: each partition's rows
-->    ├─ scan     all rows
-->    ├─ group    by 1 keys, 0 aggregates
-->    ├─ column   route
-->    ├─ limit    5
-->    └─ offset   10

SELECT DISTINCT * FROM cell_speed
--> error 1:17: * cannot stand beside DISTINCT; name the columns

SELECT DISTINCT route FROM cell_speed GROUP BY route
--> error 1:8: DISTINCT beside GROUP BY is not supported yet

SELECT DISTINCT COUNT(*) FROM cell_speed
--> error 1:17: DISTINCT takes columns and expressions over them

SELECT DISTINCT 1 FROM cell_speed
--> error 1:17: DISTINCT takes columns and expressions over them

SELECT DISTINCT route FROM cell_speed ORDER BY n
--> error 1:48: column `n` is neither in GROUP BY nor inside an aggregate

SELECT n FROM cell_speed OFFSET -1
--> error 1:33: expected the number of rows to leave out, found `-`

CREATE VIEW routes AS SELECT DISTINCT route FROM vehicles WINDOW TUMBLING (SIZE 1 DAY); DESCRIBE routes
--> view routes created
--> column | type | note
--> route | STRING | key
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |

CREATE VIEW skipped AS SELECT route FROM vehicles GROUP BY route OFFSET 1
--> error 1:1: a view has no order and no limit; they stand in the SELECT that reads it

-- An earlier period: its rows, as if they were of now.
SELECT route, n, window_start, window_end FROM cell_speed OFFSET '10m' WHERE window_start >= '2026-01-01T12:00:00Z' ORDER BY n;
SELECT route, n, window_start FROM cell_speed OFFSET INTERVAL '1' DAY AS before WHERE before.n > 4 LIMIT 1 OFFSET 1
--> route | n | window_start | window_end
--> 20 | 1 | 2026-01-01T12:09:00Z | 2026-01-01T12:09:10Z
--> 10 | 3 | 2026-01-01T12:09:00Z | 2026-01-01T12:09:10Z
--> NULL | 9 | 2026-01-01T12:09:50Z | 2026-01-01T12:10:00Z
--> route | n | window_start
--> NULL | 9 | 2026-01-02T11:59:50Z

SELECT c.n, b.n AS before, c.window_start FROM cell_speed c JOIN cell_speed OFFSET '59m' AS b ON b.cell = c.cell AND b.window_start = c.window_start WHERE c.window_start > '2026-01-01T11:00:00Z'
--> n | before | window_start
--> 3 | 5 | 2026-01-01T11:59:00Z

SELECT n FROM cell_speed OFFSET '7 parsecs'
--> error 1:33: OFFSET takes a length of time like '7d', '24h' or '1h30m', not '7 parsecs'

SELECT n FROM cell_speed OFFSET '0s'
--> error 1:33: OFFSET goes back by more than nothing, and by a hundred years at most

SELECT n FROM cell_speed LIMIT 3 OFFSET '7d'
--> error 1:41: here OFFSET takes a number of rows; an earlier time is asked for behind the view: FROM cell_speed OFFSET '7d'

SELECT n FROM vehicles OFFSET '7d'
--> error 1:15: vehicles is a stream and keeps no rows to select; CREATE VIEW … AS SELECT … FROM vehicles keeps some

SELECT stream FROM edges OFFSET '7d'
--> error 1:20: no view or table `edges`

SELECT * FROM cell_speed OFFSET '7d' EMIT CHANGES
--> error 1:38: EXPLAIN of a push query is not supported yet

CREATE VIEW x AS SELECT device, COUNT(*) AS n FROM vehicles OFFSET '7d' WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY device
--> error 1:61: OFFSET '…' compares with an earlier time in a SELECT; a view and a push query go with time as it comes
