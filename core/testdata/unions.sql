-- Two kinds of meters in one view.

CREATE STREAM gas (id STRING KEY, ts TIMESTAMP, m3 DOUBLE) WITH (topic = 'g/{id}', timestamp = 'ts');
CREATE STREAM power (id STRING KEY, ts TIMESTAMP, kwh DOUBLE, ok BOOLEAN) WITH (topic = 'e/{id}', timestamp = 'ts');
CREATE STREAM energy AS SELECT id, 'gas' AS kind, m3 * 10.5 AS kwh FROM gas UNION ALL SELECT id, 'power', kwh FROM power WHERE ok;
CREATE VIEW used AS SELECT kind, COUNT(*) AS n, SUM(kwh) AS kwh FROM energy WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 10 MINUTES) GROUP BY kind;
CREATE VIEW in_all AS SELECT SUM(kwh) AS kwh FROM energy WINDOW TUMBLING (SIZE 1 HOUR) WHERE kwh < 1000 EMIT FINAL;
CREATE VIEW twice AS SELECT COUNT(*) AS n FROM (SELECT id FROM gas UNION ALL SELECT id FROM gas) x;

INSERT INTO gas VALUES ('g1', '10:00:00', 2.0), ('g2', '10:10:00', 4.0), ('g3', '10:10:00', 1000.0);
INSERT INTO power VALUES ('e1', '10:00:00', 3.0, TRUE), ('e2', '10:10:00', 4.0, FALSE);
SELECT window_start, kind, n, kwh FROM used;
--> 10:00:00, gas, 3, 10563
--> 10:00:00, power, 1, 3
SELECT n FROM twice;
--> 6

-- The window closes when both streams are past it.

WATERMARK '11:00:00' gas
SELECT * FROM in_all;
SELECT kind, final FROM used;
--> gas, false
--> power, false
WATERMARK '11:00:00' power
SELECT window_start, kwh FROM in_all;
--> 10:00:00, 66
WATERMARK '11:10:00'
SELECT kind, final FROM used;
--> gas, true
--> power, true
