-- Each aggregate over the same readings, which come by two edges, in no order.

CREATE STREAM m (id STRING KEY, ts TIMESTAMP, k STRING, x DOUBLE, d DECIMAL(10,2), s STRING, b BOOLEAN) WITH (topic = 'm/{id}', timestamp = 'ts');
CREATE VIEW numbers AS SELECT k, COUNT(*) AS n, COUNT(x) AS known, SUM(x) AS sum, AVG(x) AS avg, MIN(x) AS least, MAX(x) AS most, STDDEV(x) AS dev, SUM(d) AS exact
	FROM m WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k;
CREATE VIEW lists AS SELECT k, FIRST(s) AS began, LAST(s) AS ended, COLLECT_LIST(s) AS seen, TOPK(x, 2) AS top, COUNT(DISTINCT s) AS kinds, MIN(s) AS a, MAX(s) AS z
	FROM m WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k;
CREATE VIEW shares AS SELECT k, PERCENTILE(x, 0) AS p0, PERCENTILE(x, 0.5) AS p50, PERCENTILE(x, 1) AS p100 FROM m WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k;
EDGE north
INSERT INTO m VALUES ('3', '10:00:03', 'k', 4.0, 0.10, 'c', TRUE), ('1', '10:00:01', 'k', 2.0, 0.10, 'b', TRUE);
EDGE south
INSERT INTO m VALUES ('2', '10:00:02', 'k', 9.0, 0.10, 'b', FALSE), ('4', '10:00:04', 'k', NULL, NULL, NULL, NULL), ('5', '10:00:05', 'empty', NULL, NULL, NULL, NULL);
SELECT * FROM numbers;
--> empty, 1, 0, , , , , , , 10:00:00, 11:00:00, 0, false
--> k, 4, 3, 15, 5, 2, 9, 3.605551275463989, 0.30, 10:00:00, 11:00:00, 0, false
SELECT * FROM lists;
--> empty, , , , , 0, , , 10:00:00, 11:00:00, 0, false
--> k, b, c, ["b","b","c"], [9,4], 2, b, c, 10:00:00, 11:00:00, 0, false
SELECT k, ROUND(p0) AS p0, ROUND(p50) AS p50, ROUND(p100) AS p100 FROM shares;
--> empty, , ,
--> k, 2, 4, 9

-- Of one moment the order is by value, whatever came first; sums of DECIMALs are exact.

INSERT INTO m VALUES ('9', '11:00:00', 't', 1.0, 0.01, 'z', TRUE), ('8', '11:00:00', 't', 2.0, 0.02, 'y', TRUE);
SELECT k, began, ended, seen FROM lists WHERE k = 't';
--> t, y, z, ["y","z"]
INSERT INTO m VALUES ('a', '12:00:00', 'u', 0.1, 0.10, 's', TRUE), ('b', '12:00:00', 'u', 0.2, 0.20, 's', TRUE), ('c', '12:00:00', 'u', 0.3, 0.30, 's', TRUE);
SELECT k, sum, exact FROM numbers WHERE k = 'u';
--> u, 0.6, 0.60

-- Aggregates in expressions and in HAVING; a group of all.

CREATE VIEW spread AS SELECT MAX(x) - MIN(x) AS spread, SUM(CASE WHEN b THEN 1 ELSE 0 END) AS yes, COUNT(*) AS n FROM m WINDOW TUMBLING (SIZE 1 HOUR) HAVING COUNT(*) > 2;
INSERT INTO m VALUES ('d', '13:00:00', 'u', 1.0, 0.10, 's', TRUE), ('e', '13:00:00', 'u', 5.0, 0.20, 's', TRUE);
SELECT * FROM spread;
INSERT INTO m VALUES ('f', '13:00:00', 'v', 8.0, 0.10, 's', FALSE);
SELECT window_start, spread, yes, n FROM spread;
--> 13:00:00, 7, 2, 3
