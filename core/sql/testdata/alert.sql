CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, site STRING, temp DOUBLE, lat DOUBLE, lon DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts', position = 'lat,lon');
CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp, COUNT(*) AS n FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor;
CREATE PATTERN falls AS SELECT * FROM temps MATCH_RECOGNIZE (PARTITION BY sensor MEASURES A.temp - B.temp AS drop_c PATTERN (A B) DEFINE B AS temp < A.temp - 10);
--> stream temps created
--> view per_sensor created
--> pattern falls created

CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 AND n >= 3 FOR 2 WINDOWS RECOVER WHEN avg_temp < 75 SEVERITY critical NOTIFY ops, "night shift" LABELS (team = 'heat', site = 'it''s here');
DESCRIBE hot;
EXPLAIN hot;
SHOW ALERTS;
--> alert hot created
--> part | text
--> on | per_sensor
--> key | sensor
--> when | avg_temp > 80 AND n >= 3
--> for | 2 windows
--> recover | avg_temp < 75
--> severity | critical
--> notify | ops, night shift
--> labels | team = 'heat', site = 'it''s here'
--> alert hot on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     avg_temp > 80 AND n >= 3
-->    ├─ for      2 windows
-->    ├─ recover  avg_temp < 75
-->    ├─ severity critical
-->    ├─ notify   ops, night shift
-->    └─ labels   team = 'heat', site = 'it''s here'
--> name | source | condition | for | severity | notify | sql
--> hot | per_sensor | avg_temp > 80 AND n >= 3 | 2 windows | critical | ops, night shift | CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 AND n >= 3 FOR 2 WINDOWS RECOVER WHEN avg_temp < 75 SEVERITY critical NOTIFY ops, "night shift" LABELS (team = 'heat', site = 'it''s here')

CREATE ALERT hot ON per_sensor when avg_temp > 80 AND n >= 3 for 2 windows recover when avg_temp < 75 severity CRITICAL notify ops, "night shift" labels (team = 'heat', site = 'it''s here');
--> alert hot exists already (no change)

CREATE ALERT IF NOT EXISTS hot ON per_sensor WHEN n > 1 SEVERITY info;
--> alert hot exists already (no change)

CREATE OR REPLACE ALERT hot ON per_sensor WHEN avg_temp * 1.8 + 32 > 176 FOR '5m' SEVERITY warning;
EXPLAIN hot;
--> alert hot replaced; what fired by the old rule is resolved
--> alert hot on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     avg_temp * 1.8 + 32 > 176
-->    ├─ for      5 minutes
-->    └─ severity warning

CREATE ALERT fell ON falls WHEN drop_c > 20 SEVERITY warning;
CREATE ALERT inside ON fence_events WHEN kind = 'enter' AND fence LIKE 'no-go%' RECOVER WHEN kind = 'exit' SEVERITY info;
CREATE ALERT slow ON per_sensor WHEN n < 3 FOR 90 SECONDS SEVERITY 'Info';
EXPLAIN fell;
EXPLAIN inside;
EXPLAIN CREATE ALERT x ON per_sensor WHEN n IS NULL SEVERITY info;
SHOW ALERTS;
--> alert fell created
--> alert inside created
--> alert slow created
--> alert fell on pattern falls
--> ├─ edge: nothing
--> └─ core: each match
-->    ├─ key      sensor
-->    ├─ when     drop_c > 20
-->    ├─ severity warning
-->    └─ resolve  alert.quiet after the last one
--> alert inside on fence_events
--> ├─ edge: nothing
--> └─ core: each event, once no position can come any more that would change it
-->    ├─ key      device, fence
-->    ├─ when     kind = 'enter' AND fence LIKE 'no-go%'
-->    ├─ recover  kind = 'exit'
-->    └─ severity info
--> alert x on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     n IS NULL
-->    └─ severity info
--> name | source | condition | for | severity | notify | sql
--> hot | per_sensor | avg_temp * 1.8 + 32 > 176 | 5 minutes | warning |  | CREATE OR REPLACE ALERT hot ON per_sensor WHEN avg_temp * 1.8 + 32 > 176 FOR '5m' SEVERITY warning
--> fell | falls | drop_c > 20 |  | warning |  | CREATE ALERT fell ON falls WHEN drop_c > 20 SEVERITY warning
--> inside | fence_events | kind = 'enter' AND fence LIKE 'no-go%' |  | info |  | CREATE ALERT inside ON fence_events WHEN kind = 'enter' AND fence LIKE 'no-go%' RECOVER WHEN kind = 'exit' SEVERITY info
--> slow | per_sensor | n < 3 | 90 seconds | info |  | CREATE ALERT slow ON per_sensor WHEN n < 3 FOR 90 SECONDS SEVERITY 'Info'

CREATE ALERT gone ON per_sensor WHEN n > 3 RECOVER WHEN n < 2 STALE AFTER '10m' SEVERITY info;
CREATE OR REPLACE ALERT gone ON per_sensor WHEN n > 3 STALE AFTER 90 SECONDS SEVERITY info;
EXPLAIN gone;
DROP ALERT gone;
--> alert gone created
--> alert gone replaced; what fired by the old rule is resolved
--> alert gone on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     n > 3
-->    ├─ stale    after 90 seconds without a window
-->    └─ severity info
--> alert gone dropped; what fired by it is resolved

DROP VIEW per_sensor;
--> error 1:11: view per_sensor cannot be dropped: alerts hot, slow are built on it; DROP ALERT first

DROP PATTERN falls;
--> error 1:14: pattern falls cannot be dropped: alert fell is built on it; DROP ALERT first

CREATE ALERT odd ON per_sensor WHEN anomaly(avg_temp) > 0.99 RECOVER WHEN ANOMALY(avg_temp) < 0.5 AND zscore(n) BETWEEN -3 AND 3 SEVERITY warning;
CREATE ALERT off ON per_sensor WHEN zscore(avg_temp * 1.8 + 32, 30) > 4 OR ewma_zscore(avg_temp, 0.1) > 4 OR ewma_zscore(avg_temp, '90m') > 4 OR seasonal_zscore(avg_temp, 'week') > 5 OR anomaly(n, 'day') > 0.999 SEVERITY info;
EXPLAIN odd;
EXPLAIN off;
DESCRIBE odd;
--> alert odd created
--> alert off created
--> alert odd on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     ANOMALY(avg_temp) > 0.99
-->    ├─ recover  ANOMALY(avg_temp) < 0.5 AND ZSCORE(n) BETWEEN -3 AND 3
-->    ├─ score    ANOMALY(avg_temp): 0 to 1, of each key; spikes from its 33rd window on, all else after 2 days
-->    ├─ score    ZSCORE(n): deviations from the median of its last 60 windows, once half of them are there
-->    └─ severity warning
--> alert off on view per_sensor
--> ├─ edge: nothing
--> └─ core: each window's row once the watermark has passed it, and each revision
-->    ├─ key      sensor
-->    ├─ when     ZSCORE(avg_temp * 1.8 + 32, 30) > 4 OR EWMA_ZSCORE(avg_temp, 0.1) > 4 OR EWMA_ZSCORE(avg_temp, '1h30m0s') > 4 OR SEASONAL_ZSCORE(avg_temp, 'week') > 5 OR ANOMALY(n) > 0.999
-->    ├─ score    ZSCORE(avg_temp * 1.8 + 32, 30): deviations from the median of its last 30 windows, once half of them are there
-->    ├─ score    EWMA_ZSCORE(avg_temp, 0.1): deviations from its average that forgets, from the 33rd window on
-->    ├─ score    EWMA_ZSCORE(avg_temp, '1h30m0s'): deviations from its average that forgets, from the 33rd window on
-->    ├─ score    SEASONAL_ZSCORE(avg_temp, 'week'): deviations from its profile of a week, after 2 weeks
-->    ├─ score    ANOMALY(n): 0 to 1, of each key; spikes from its 33rd window on, all else after 2 days
-->    └─ severity info
--> part | text
--> on | per_sensor
--> key | sensor
--> when | ANOMALY(avg_temp) > 0.99
--> recover | ANOMALY(avg_temp) < 0.5 AND ZSCORE(n) BETWEEN -3 AND 3
--> score | ANOMALY(avg_temp): 0 to 1, of each key; spikes from its 33rd window on, all else after 2 days
--> score | ZSCORE(n): deviations from the median of its last 60 windows, once half of them are there
--> severity | warning

DROP ALERT odd;
DROP ALERT off;
--> alert odd dropped; what fired by it is resolved
--> alert off dropped; what fired by it is resolved

DROP ALERT hot;
DROP ALERT slow;
DROP ALERT IF EXISTS slow;
DROP VIEW per_sensor;
DROP ALERT fell;
DROP PATTERN falls;
--> alert hot dropped; what fired by it is resolved
--> alert slow dropped; what fired by it is resolved
--> no alert slow (no change)
--> view per_sensor dropped
--> alert fell dropped; what fired by it is resolved
--> pattern falls dropped
