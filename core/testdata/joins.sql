-- Orders and the payments for them, which come from two edges, in any order.

CREATE STREAM orders (id STRING KEY, ts TIMESTAMP, city STRING, amount DECIMAL(10,2)) WITH (topic = 'o/{id}', timestamp = 'ts');
CREATE STREAM payments (pid STRING KEY, ts TIMESTAMP, order_id STRING, paid DECIMAL(10,2)) WITH (topic = 'p/{pid}', timestamp = 'ts');
CREATE VIEW paid AS SELECT city, COUNT(*) AS n, SUM(paid) AS total FROM orders o JOIN payments p WITHIN 10 MINUTES GRACE PERIOD 2 MINUTES ON o.id = p.order_id WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY city;
CREATE VIEW unpaid AS SELECT city, COUNT(*) AS n, COLLECT_LIST(o.id) AS ids FROM orders o LEFT JOIN payments p WITHIN (0 SECONDS, 10 MINUTES) GRACE PERIOD 2 MINUTES ON o.id = p.order_id WINDOW TUMBLING (SIZE 1 HOUR) WHERE p.pid IS NULL GROUP BY city;

EDGE north
INSERT INTO orders VALUES ('o1', '10:00:00', 'Oslo', 20.00), ('o2', '10:01:00', 'Oslo', 30.00), ('o3', '10:02:00', 'Bergen', 7.50);
WATERMARK '10:02:00' orders
EDGE south
INSERT INTO payments VALUES ('p1', '10:03:00', 'o1', 20.00);
SELECT window_start, city, n, total FROM paid;
--> 10:00:00, Oslo, 1, 20.00

-- A payment may come in parts, and before its order by up to ten minutes; eleven are too many.

INSERT INTO payments VALUES ('p2', '10:04:00', 'o2', 10.00), ('p3', '10:05:00', 'o2', 20.00), ('p4', '10:12:01', 'o3', 7.50), ('p5', '09:55:00', 'o3', 1.00);
SELECT window_start, city, n, total FROM paid;
--> 10:00:00, Bergen, 1, 1.00
--> 10:00:00, Oslo, 3, 50.00
SELECT * FROM unpaid;
CRASH

-- No payment of o3 came after the order within ten minutes and two of grace: it shows when that is sure, and not before.

WATERMARK '10:14:00' payments
SELECT city, n, ids FROM unpaid;
EDGE north
WATERMARK '10:14:00' orders
EDGE south
WATERMARK '10:14:01' payments
SELECT city, n, ids FROM unpaid;
--> Bergen, 1, ["o3"]

-- One that comes later finds the order gone: it is left out, and counted.

INSERT INTO payments VALUES ('p6', '10:08:00', 'o3', 2.00);
SELECT window_start, city, n, total FROM paid;
--> 10:00:00, Bergen, 1, 1.00
--> 10:00:00, Oslo, 3, 50.00
SELECT city, n, ids FROM unpaid;
--> Bergen, 1, ["o3"]

-- Within the grace late rows still meet.

INSERT INTO payments VALUES ('p7', '10:12:30', 'o9', 5.00);
EDGE north
INSERT INTO orders VALUES ('o9', '10:12:10', 'Oslo', 5.00);
SELECT window_start, city, n, total FROM paid;
--> 10:00:00, Bergen, 1, 1.00
--> 10:00:00, Oslo, 4, 55.00

-- NULL equals nothing.

INSERT INTO orders VALUES (NULL, '10:14:10', 'Oslo', 5.00);
EDGE south
INSERT INTO payments VALUES ('p8', '10:14:30', NULL, 5.00);
SELECT window_start, city, n, total FROM paid;
--> 10:00:00, Bergen, 1, 1.00
--> 10:00:00, Oslo, 4, 55.00

-- Pairs of one stream: two orders of one city and amount within a minute.

CREATE VIEW twins AS SELECT COUNT(*) AS n FROM orders a JOIN orders b WITHIN 1 MINUTE ON a.city = b.city AND a.amount = b.amount AND a.id < b.id GROUP BY a.city;
EDGE north
INSERT INTO orders VALUES ('t1', '10:20:00', 'Oslo', 9.00), ('t2', '10:20:30', 'Oslo', 9.00), ('t3', '10:21:10', 'Oslo', 9.00), ('t4', '10:20:10', 'Bergen', 9.00);
SELECT n FROM twins;
--> 2

-- A stream made of a join, read twice.

CREATE STREAM settled AS SELECT o.id AS id, o.city AS city, p.paid AS paid, o.amount AS amount FROM orders o JOIN payments p WITHIN 10 MINUTES ON o.id = p.order_id;
CREATE VIEW by_city AS SELECT city, SUM(paid) AS paid FROM settled GROUP BY city;
CREATE VIEW short AS SELECT id, SUM(paid) AS paid, MAX(amount) AS amount FROM settled GROUP BY id HAVING SUM(paid) < MAX(amount);
INSERT INTO orders VALUES ('s1', '10:22:00', 'Oslo', 12.00), ('s2', '10:22:00', 'Oslo', 8.00);
INSERT INTO payments VALUES ('q1', '10:23:00', 's1', 11.00), ('q2', '10:23:00', 's2', 8.00);
SELECT city, paid FROM by_city;
--> Oslo, 19.00
SELECT id, paid, amount FROM short;
--> s1, 11.00, 12.00
INSERT INTO payments VALUES ('q3', '10:24:00', 's1', 1.00);
SELECT id, paid, amount FROM short;

-- A view over a view over a join.

CREATE VIEW richest AS SELECT MAX(paid) AS most FROM by_city;
SELECT most FROM richest;
--> 20.00
INSERT INTO payments VALUES ('q4', '10:24:30', 's2', 100.00);
SELECT most FROM richest;
--> 120.00
