-- What is unusual for a sensor, whatever that is: the same rule finds what is far from each one's own.

CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts');
CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY sensor;
CREATE ALERT odd ON per_sensor WHEN ABS(zscore(avg_temp, 12)) > 5 RECOVER WHEN ABS(zscore(avg_temp, 12)) < 3 SEVERITY warning;
CREATE ALERT learning ON per_sensor WHEN zscore(avg_temp, 12) IS NULL SEVERITY info;

-- a is about 20, b about 25. The first eight have no score: there is too little to compare with.

INSERT INTO temps VALUES ('a', '10:00:10', 20.1), ('b', '10:00:10', 25.1);
WATERMARK '10:01:00'
INSERT INTO temps VALUES ('a', '10:01:10', 19.8), ('b', '10:01:10', 24.8);
WATERMARK '10:02:00'
INSERT INTO temps VALUES ('a', '10:02:10', 20.3), ('b', '10:02:10', 25.3);
WATERMARK '10:03:00'
INSERT INTO temps VALUES ('a', '10:03:10', 20.0), ('b', '10:03:10', 25.0);
WATERMARK '10:04:00'
INSERT INTO temps VALUES ('a', '10:04:10', 19.9), ('b', '10:04:10', 24.9);
WATERMARK '10:05:00'
INSERT INTO temps VALUES ('a', '10:05:10', 20.2), ('b', '10:05:10', 25.2);
WATERMARK '10:06:00'
INSERT INTO temps VALUES ('a', '10:06:10', 19.7), ('b', '10:06:10', 24.7);
WATERMARK '10:07:00'
INSERT INTO temps VALUES ('a', '10:07:10', 20.1), ('b', '10:07:10', 25.1);
WATERMARK '10:08:00'
INSERT INTO temps VALUES ('a', '10:08:10', 20.0), ('b', '10:08:10', 25.0);
WATERMARK '10:09:00'
INSERT INTO temps VALUES ('a', '10:09:10', 19.9), ('b', '10:09:10', 24.9);
WATERMARK '10:10:00'
INSERT INTO temps VALUES ('a', '10:10:10', 20.2), ('b', '10:10:10', 25.2);
WATERMARK '10:11:00'
INSERT INTO temps VALUES ('a', '10:11:10', 19.8), ('b', '10:11:10', 24.8);
WATERMARK '10:12:00'
SELECT alert, key, state, ts, value FROM alerts;
--> learning, a, firing, 10:00:00,
--> learning, a, resolved, 10:08:00,
--> learning, b, firing, 10:00:00,
--> learning, b, resolved, 10:08:00,

-- 25 is nothing new to b, and odd for a.

INSERT INTO temps VALUES ('a', '10:12:10', 25), ('b', '10:12:10', 25);
WATERMARK '10:13:00'
ALERTS
--> odd a firing since 10:12:00

-- Late readings say that a was as ever: the window is judged anew, by what came before it. The core dies, and knows what it knew.

CRASH
INSERT INTO temps VALUES ('a', '10:12:20', 15);
ALERTS
SELECT alert, key, state, ts, value, revised FROM alerts WHERE alert = 'odd';
--> odd, a, firing, 10:12:00, 25, false
--> odd, a, resolved, 10:12:00, 20, false

-- What is odd teaches little: the second time it is as odd. Once most of twelve windows are at 25 that is the usual.

INSERT INTO temps VALUES ('a', '10:13:10', 25);
WATERMARK '10:14:00'
INSERT INTO temps VALUES ('a', '10:14:10', 25);
WATERMARK '10:15:00'
ALERTS
--> odd a firing since 10:13:00
CRASH
INSERT INTO temps VALUES ('a', '10:15:10', 25), ('a', '10:16:10', 25), ('a', '10:17:10', 25.1), ('a', '10:18:10', 24.9), ('a', '10:19:10', 25), ('a', '10:20:10', 25.1), ('a', '10:21:10', 25);
WATERMARK '10:22:00'
ALERTS

-- A window more than eight back is revised by what is odd indeed: it has no score any more.

INSERT INTO temps VALUES ('a', '10:02:20', 900);
ALERTS
--> learning a firing since 10:02:00
