-- What a channel is told: each step from firing on, once, under an id of rule, key, time and step.

CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts');
CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY sensor;
CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 FOR 2 WINDOWS SEVERITY critical NOTIFY desk LABELS (team = 'heat');
CREATE ALERT quiet ON per_sensor WHEN avg_temp > 80 SEVERITY info;
INSERT INTO temps VALUES ('a', '10:00:10', 85);
WATERMARK '10:01:00'
TOLD
INSERT INTO temps VALUES ('a', '10:01:10', 90);
WATERMARK '10:02:00'
TOLD
--> hot a firing at 10:01:00
ACK hot a ann
--> acknowledged: true
TOLD
--> hot a acknowledged at 1970-01-01T00:00:03.600036 ann
INSERT INTO temps VALUES ('a', '10:02:10', 60);
WATERMARK '10:03:00'
TOLD
--> hot a resolved at 10:02:00 ann

-- A revision takes an alert's ground away, another gives it back: that is a step of its own, not the first one told again.

INSERT INTO temps VALUES ('b', '10:03:10', 85), ('b', '10:04:10', 85);
WATERMARK '10:05:00'
TOLD
--> hot b firing at 10:04:00
INSERT INTO temps VALUES ('b', '10:03:20', 20);
TOLD
--> hot b resolved at 10:04:00
CRASH
INSERT INTO temps VALUES ('b', '10:03:30', 200);
TOLD
--> hot b firing-1 at 10:04:00

-- What waits is there after a crash, and is not told twice.

INSERT INTO temps VALUES ('c', '10:05:10', 85), ('c', '10:06:10', 85);
WATERMARK '10:07:00'
CRASH
TOLD
--> hot c firing at 10:06:00
CRASH
TOLD
DROP ALERT hot;
TOLD
--> hot c resolved at 1970-01-01T00:00:08.10008
--> hot b resolved-1 at 1970-01-01T00:00:08.10008
