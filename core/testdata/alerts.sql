-- What operators are told: each alert once, over windows that fired, matches and events at fences.

CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE, lat DOUBLE, lon DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts', position = 'lat,lon');
CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp, COUNT(*) AS n FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY sensor;
CREATE VIEW settled AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 MINUTE) GROUP BY sensor EMIT FINAL;
CREATE PATTERN jumps AS SELECT * FROM temps MATCH_RECOGNIZE (PARTITION BY sensor ORDER BY ts MEASURES B.temp - A.temp AS rise PATTERN (A B) DEFINE B AS temp > A.temp + 50);
CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 FOR 2 WINDOWS RECOVER WHEN avg_temp < 75 SEVERITY critical LABELS (team = 'heat');
CREATE ALERT long ON per_sensor WHEN avg_temp > 80 FOR '3m' SEVERITY warning;
CREATE ALERT once ON settled WHEN top > 90 SEVERITY info;
CREATE ALERT jumped ON jumps WHEN rise > 60 SEVERITY warning;
CREATE ALERT entered ON fence_events WHEN kind = 'enter' RECOVER WHEN kind = 'exit' SEVERITY info;
CREATE ALERT told ON per_sensor WHEN n > 100 SEVERITY info NOTIFY ops;
--> error: line 1, column 1: there is no channel `ops` to notify: there are desk (alerts.webhooks, alerts.slack, alerts.alertmanager, alerts.email)

-- A window that has not fired is no reason yet; two that hold on end are one.

INSERT INTO temps VALUES ('a', '10:00:10', 85, 5, 5), ('b', '10:00:10', 70, 5, 5);
ALERTS
WATERMARK '10:01:00'
ALERTS
--> hot a pending since 10:00:00
--> long a pending since 10:00:00
INSERT INTO temps VALUES ('a', '10:01:10', 90, 5, 5), ('b', '10:01:10', 70, 5, 5);
WATERMARK '10:02:00'
ALERTS
--> hot a firing since 10:00:00
--> long a pending since 10:00:00
SELECT alert, key, state, severity, ts, since, value FROM alerts;
--> hot, a, firing, critical, 10:01:00, 10:00:00, 90

-- Someone takes care of it; the core dies; 78 is not over 80, but not below 75 either.

ACK hot a ann
--> acknowledged: true
ACK hot a bob
--> acknowledged: false
CRASH
ALERTS
--> hot a acknowledged since 10:00:00 ann
--> long a pending since 10:00:00
INSERT INTO temps VALUES ('a', '10:02:10', 78, 5, 5);
WATERMARK '10:03:00'
ALERTS
--> hot a acknowledged since 10:00:00 ann
INSERT INTO temps VALUES ('a', '10:03:10', 60, 5, 5);
WATERMARK '10:04:00'
ALERTS
SELECT state, since, acknowledged_by FROM alerts WHERE state = 'acknowledged';
--> acknowledged, 10:00:00, ann
SELECT alert, key, state, ts, since, value, acknowledged_by, revised FROM alerts WHERE alert = 'hot' AND state <> 'acknowledged';
--> hot, a, firing, 10:01:00, 10:00:00, 90, , false
--> hot, a, resolved, 10:03:00, 10:00:00, 60, ann, false

-- A late reading takes the ground away: the alert is resolved, and says why.

INSERT INTO temps VALUES ('c', '10:04:10', 85, 5, 5), ('c', '10:05:10', 85, 5, 5);
WATERMARK '10:06:00'
INSERT INTO temps VALUES ('c', '10:04:20', 20, 5, 5);
SELECT state, ts, revised FROM alerts WHERE alert = 'hot' AND key = 'c';
--> firing, 10:05:00, false
--> resolved, 10:05:00, true

-- By time, and on results that are final.

INSERT INTO temps VALUES ('d', '10:06:10', 85, 5, 5), ('d', '10:07:10', 85, 5, 5), ('d', '10:08:10', 95, 5, 5);
WATERMARK '10:08:00'
WATERMARK '10:09:00'
SELECT alert, state, ts, value FROM alerts WHERE key = 'd';
--> hot, firing, 10:07:00, 85
--> long, firing, 10:09:00, 95
WATERMARK '10:10:00'
SELECT alert, state, ts, value FROM alerts WHERE alert = 'once';
--> once, firing, 10:08:00, 95
CRASH
WATERMARK '10:10:30'
SELECT alert, state, ts, value FROM alerts WHERE alert = 'once';
--> once, firing, 10:08:00, 95

-- Matches are moments: their alert is over five quiet minutes later. A second one within them adds to it.

INSERT INTO temps VALUES ('e', '10:11:00', 10, 5, 5), ('e', '10:11:05', 75, 5, 5), ('e', '10:11:10', 10, 5, 5), ('e', '10:11:15', 80, 5, 5);
WATERMARK '10:12:00'
CRASH
WATERMARK '10:16:00'
WATERMARK '10:17:00'
SELECT state, ts, since, value, count FROM alerts WHERE alert = 'jumped';
--> firing, 10:11:05, 10:11:05, 65, 1
--> resolved, 10:16:15, 10:11:05, 70, 2

-- At fences: one per device and fence.

FENCE depot 0,0 to 1,1
INSERT INTO temps VALUES ('f', '10:18:00', 20, 5, 5), ('f', '10:18:10', 20, 0.5, 0.5);
WATERMARK '10:19:00'
ALERTS
--> entered f/depot firing since 10:18:10
--> long d firing since 10:06:00
--> long c firing since 10:05:00
--> once d firing since 10:08:00
--> hot d firing since 10:06:00
--> hot c pending since 10:05:00
INSERT INTO temps VALUES ('f', '10:19:10', 20, 5, 5);
WATERMARK '10:20:00'
SELECT key, state, ts FROM alerts WHERE alert = 'entered';
--> f/depot, firing, 10:18:10
--> f/depot, resolved, 10:19:10

-- A rule that is gone takes its alerts along.

INSERT INTO temps VALUES ('g', '10:20:10', 99, 5, 5), ('g', '10:21:10', 99, 5, 5);
WATERMARK '10:22:00'
ALERTS
--> hot g firing since 10:20:00
--> once g firing since 10:20:00
--> long d firing since 10:06:00
--> long c firing since 10:05:00
--> once d firing since 10:08:00
--> hot d firing since 10:06:00
--> hot c pending since 10:05:00
--> long g pending since 10:20:00
CREATE OR REPLACE ALERT hot ON per_sensor WHEN avg_temp > 200 SEVERITY critical;
DROP ALERT long;
ALERTS
--> once g firing since 10:20:00
--> once d firing since 10:08:00
SELECT alert, key, state FROM alerts WHERE key = 'g';
--> hot, g, firing
--> hot, g, resolved
--> once, g, firing
CRASH
ALERTS
--> once g firing since 10:20:00
--> once d firing since 10:08:00
