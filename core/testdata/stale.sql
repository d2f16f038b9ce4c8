-- A key that falls silent: with STALE AFTER its alert is over once no window of it came for so long.

CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts');
CREATE VIEW per_sensor AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY sensor;
CREATE VIEW sliding AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW HOPPING (SIZE 4 MINUTES, ADVANCE BY 2 MINUTES, GRACE PERIOD 1 HOUR) GROUP BY sensor;
CREATE VIEW settled AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 3 MINUTES) GROUP BY sensor EMIT FINAL;
CREATE VIEW above AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor HAVING MAX(temp) > 50;
CREATE ALERT hot ON per_sensor WHEN top > 80 STALE AFTER '10m' SEVERITY critical NOTIFY desk;
CREATE ALERT hot_for_ever ON per_sensor WHEN top > 80 SEVERITY critical;
CREATE ALERT hot_sliding ON sliding WHEN top > 80 STALE AFTER '10m' SEVERITY critical;
CREATE ALERT hot_settled ON settled WHEN top > 80 STALE AFTER '10m' SEVERITY critical;
CREATE ALERT hot_above ON above WHEN top > 80 STALE AFTER 10 MINUTES SEVERITY critical;

-- b goes on, too cool to be shown by `above`; a falls silent. The last window of per_sensor is over at 10:01, that of sliding at 10:04.

INSERT INTO temps VALUES ('a', '10:00:10', 85), ('b', '10:00:10', 90);
WATERMARK '10:05:00'
INSERT INTO temps VALUES ('b', '10:05:10', 30);
WATERMARK '10:10:59'
ALERTS
--> hot a firing since 10:00:00
--> hot_above a firing since 10:00:00
--> hot_above b firing since 10:00:00
--> hot_for_ever a firing since 10:00:00
--> hot_settled a firing since 10:00:00
--> hot_sliding a firing since 09:58:00
CRASH
WATERMARK '10:11:00'
ALERTS
--> hot_for_ever a firing since 10:00:00
--> hot_settled a firing since 10:00:00
--> hot_sliding a firing since 09:58:00
TOLD
--> hot a firing at 10:00:00
--> hot b firing at 10:00:00
--> hot b resolved at 10:05:00
--> hot a resolved at 10:11:00
WATERMARK '10:17:30'
ALERTS
--> hot_for_ever a firing since 10:00:00
SELECT alert, key, state, ts, since, value, revised, stale FROM alerts WHERE state = 'resolved';
--> hot, a, resolved, 10:11:00, 10:00:00, 85, false, true
--> hot, b, resolved, 10:05:00, 10:00:00, 30, false, false
--> hot_above, a, resolved, 10:11:00, 10:00:00, 85, false, true
--> hot_above, b, resolved, 10:11:00, 10:00:00, 90, false, true
--> hot_for_ever, b, resolved, 10:05:00, 10:00:00, 30, false, false
--> hot_settled, a, resolved, 10:11:00, 10:00:00, 85, false, true
--> hot_settled, b, resolved, 10:05:00, 10:00:00, 30, false, false
--> hot_sliding, a, resolved, 10:12:00, 09:58:00, 85, false, true
--> hot_sliding, b, resolved, 10:02:00, 09:58:00, 30, false, false

-- What comes late begins nothing anew, also after a crash; what comes after the silence does.

INSERT INTO temps VALUES ('a', '10:00:20', 95), ('a', '10:06:20', 99);
CRASH
WATERMARK '10:18:00'
TOLD
INSERT INTO temps VALUES ('a', '10:18:10', 88);
WATERMARK '10:19:00'
TOLD
--> hot a firing at 10:18:00
ALERTS
--> hot a firing since 10:18:00
--> hot_above a firing since 10:18:00
--> hot_for_ever a firing since 10:00:00
