CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts');
CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp, COUNT(*) AS n FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor;
CREATE VIEW for_ever AS SELECT sensor, COUNT(*) AS n FROM temps GROUP BY sensor;
CREATE PATTERN falls AS SELECT * FROM temps MATCH_RECOGNIZE (PARTITION BY sensor MEASURES A.temp AS before PATTERN (A B) DEFINE B AS temp < A.temp - 10);
CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 SEVERITY info;
CREATE VIEW slow AS SELECT sensor, COUNT(*) AS n FROM temps WINDOW TUMBLING (SIZE 12 HOURS) GROUP BY sensor;
CREATE VIEW visits AS SELECT sensor, COUNT(*) AS n FROM temps WINDOW SESSION (5 MINUTES) GROUP BY sensor;
--> stream temps created
--> view per_sensor created
--> view for_ever created
--> pattern falls created
--> alert hot created
--> view slow created
--> view visits created

CREATE ALERT a per_sensor WHEN n > 1 SEVERITY info
--> error 1:16: expected ON, found `per_sensor`

CREATE ALERT a ON per_sensr WHEN n > 1 SEVERITY info
--> error 1:19: no view or pattern `per_sensr`; did you mean `per_sensor`?

CREATE ALERT a ON temps WHEN temp > 1 SEVERITY info
--> error 1:19: temps is a stream; an alert watches results: CREATE VIEW … FROM temps … makes some

CREATE ALERT a ON for_ever WHEN n > 1 SEVERITY info
--> error 1:19: an alert on a view without WINDOW (for_ever has none, so its rows have no time) is not supported yet

CREATE ALERT a ON late WHEN readings > 1 SEVERITY info
--> error 1:19: no view or pattern `late`

CREATE ALERT a ON per_sensor n > 1 SEVERITY info
--> error 1:30: expected WHEN, found `n`

CREATE ALERT a ON per_sensor WHEN avg_tmp > 1 SEVERITY info
--> error 1:35: no column `avg_tmp` in per_sensor; did you mean `avg_temp`?

CREATE ALERT a ON per_sensor WHEN avg_temp SEVERITY info
--> error 1:35: WHEN takes a condition, not DOUBLE

CREATE ALERT a ON per_sensor WHEN avg_temp > 'x' SEVERITY info
--> error 1:44: DOUBLE cannot be compared with STRING

CREATE ALERT a ON per_sensor WHEN AVG(n) > 1 SEVERITY info
--> error 1:35: AVG is an aggregate and cannot stand in WHEN

CREATE ALERT a ON per_sensor WHEN NOW() > window_end SEVERITY info
--> error 1:35: NOW() cannot stand in a view, pattern or alert: its result must not depend on when it is computed

CREATE ALERT a ON per_sensor WHEN n > 1
--> error 1:40: expected SEVERITY, found the end

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERTY info
--> error 1:41: expected SEVERITY (is `SEVERTY` meant to be SEVERITY?), found `SEVERTY`

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY criticl
--> error 1:50: expected INFO, WARNING or CRITICAL, found `criticl`; did you mean `CRITICAL`?

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY 'loud'
--> error 1:50: a severity is info, warning or critical, not 'loud'

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info FOR 2 WINDOWS
--> error 1:55: expected `;` or the end of the statement (the order is ON, WHEN, FOR, RECOVER WHEN, STALE AFTER, SEVERITY, NOTIFY, LABELS), found `FOR`

CREATE ALERT a ON per_sensor WHEN n > 1 FOR 0 WINDOWS SEVERITY info
--> error 1:45: FOR 1 to 64 WINDOWS, not 0

CREATE ALERT a ON per_sensor WHEN n > 1 FOR 65 WINDOWS SEVERITY info
--> error 1:45: FOR 1 to 64 WINDOWS, not 65

CREATE ALERT a ON per_sensor WHEN n > 1 FOR 5 SEVERITY info
--> error 1:47: expected a unit of time (MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS), found `SEVERITY`

CREATE ALERT a ON per_sensor WHEN n > 1 FOR 'a while' SEVERITY info
--> error 1:45: FOR takes a length of time up to 30 days like '5m' or '90s', or FOR 3 WINDOWS, not 'a while'

CREATE ALERT a ON per_sensor WHEN n > 1 FOR '40000h' SEVERITY info
--> error 1:45: FOR takes a length of time up to 30 days like '5m' or '90s', or FOR 3 WINDOWS, not '40000h'

CREATE ALERT a ON per_sensor WHEN n > 1 STALE '10m' SEVERITY info
--> error 1:47: expected AFTER, found '10m'

CREATE ALERT a ON per_sensor WHEN n > 1 STALE AFTER 3 WINDOWS SEVERITY info
--> error 1:55: expected a unit of time (MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS), found `WINDOWS`

CREATE ALERT a ON per_sensor WHEN n > 1 STALE AFTER 'soon' SEVERITY info
--> error 1:53: STALE AFTER takes a length of time up to 30 days like '5m' or '90s', not 'soon'

CREATE ALERT a ON per_sensor WHEN n > 1 STALE AFTER 31 DAYS SEVERITY info
--> error 1:53: STALE AFTER takes a length of time of at most 30 days

CREATE ALERT a ON per_sensor WHEN n > 1 STALE AFTER '10m' RECOVER WHEN n < 1 SEVERITY info
--> error 1:59: expected SEVERITY (the order is ON, WHEN, FOR, RECOVER WHEN, STALE AFTER, SEVERITY, NOTIFY, LABELS), found `RECOVER`

CREATE ALERT a ON falls WHEN before > 1 STALE AFTER '10m' SEVERITY info
--> error 1:41: matches are moments, whose alert is over alerts.quiet after the last: STALE AFTER is for the windows of a view

CREATE ALERT a ON visits WHEN n > 1 STALE AFTER '10m' SEVERITY info
--> error 1:37: a session ends because its key is silent; STALE AFTER is for TUMBLING and HOPPING windows

CREATE ALERT a ON per_sensor WHEN n > 1 RECOVER n < 1 SEVERITY info
--> error 1:49: expected WHEN, found `n`

CREATE ALERT a ON per_sensor WHEN n > 1 RECOVER WHEN m < 1 SEVERITY info
--> error 1:54: no column `m` in per_sensor; did you mean `n`?

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info NOTIFY
--> error 1:61: expected the name of a channel, found the end

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info NOTIFY ops, ops
--> error 1:67: channel `ops` is named twice

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info LABELS (team = ops)
--> error 1:70: expected the label's value in single quotes, found `ops`

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info LABELS (team = 'a', Team = 'b')
--> error 1:75: label `Team` is given twice

CREATE ALERT a ON per_sensor WHEN n > 1 SEVERITY info LABELS (team = 'a') NOTIFY ops
--> error 1:75: expected `;` or the end of the statement (the order is ON, WHEN, FOR, RECOVER WHEN, STALE AFTER, SEVERITY, NOTIFY, LABELS), found `NOTIFY`

CREATE ALERT a ON falls WHEN before > 1 FOR 2 WINDOWS SEVERITY info
--> error 1:41: matches are moments, of which none lasts: FOR is for the rows of a view

CREATE ALERT a ON fence_events WHEN kind = 'enter' FOR '5m' SEVERITY info
--> error 1:52: events at fences are moments, of which none lasts: FOR is for the rows of a view

CREATE ALERT a ON fence_events WHEN in_fence(lat, lon, 'depot') SEVERITY info
--> error 1:56: no fence `depot`; PUT /api/v1/fences/{id} makes one

CREATE ALERT hot ON per_sensor WHEN n > 1 SEVERITY info
--> error 1:14: alert hot exists with another definition; use CREATE OR REPLACE ALERT

CREATE ALERT per_sensor ON per_sensor WHEN n > 1 SEVERITY info
--> error 1:14: per_sensor is a view

CREATE VIEW hot AS SELECT COUNT(*) AS n FROM temps
--> error 1:13: hot is an alert

CREATE ALERT alerts ON per_sensor WHEN n > 1 SEVERITY info
--> error 1:14: alerts is a built-in table

CREATE ALERT a ON falls WHEN anomaly(before) > 0.99 SEVERITY info
--> error 1:30: ANOMALY looks back over the windows of a view, and falls has none

CREATE ALERT a ON fence_events WHEN zscore(speed_kmh) > 3 SEVERITY info
--> error 1:37: ZSCORE looks back over the windows of a view, and fence_events has none

SELECT anomaly(avg_temp) FROM per_sensor
--> error 1:8: ANOMALY stands in WHEN and RECOVER WHEN of an alert on a view

CREATE VIEW w AS SELECT sensor, ZSCORE(temp) AS z FROM temps
--> error 1:33: ZSCORE stands in WHEN and RECOVER WHEN of an alert on a view

CREATE ALERT a ON per_sensor WHEN anomaly(sensor) > 0.99 SEVERITY info
--> error 1:43: ANOMALY takes a number, not STRING

CREATE ALERT a ON per_sensor WHEN anomaly() > 0.99 SEVERITY info
--> error 1:35: ANOMALY is called ANOMALY(x) or ANOMALY(x, 'week')

CREATE ALERT a ON per_sensor WHEN anomaly(avg_temp, 'month') > 0.99 SEVERITY info
--> error 1:53: ANOMALY is called ANOMALY(x) or ANOMALY(x, 'week')

CREATE ALERT a ON per_sensor WHEN anomaly(zscore(avg_temp)) > 0.99 SEVERITY info
--> error 1:43: a score of a score: ANOMALY takes a number of the window

CREATE ALERT a ON per_sensor WHEN anomaly(avg_temp) SEVERITY info
--> error 1:35: WHEN takes a condition, not DOUBLE

CREATE ALERT a ON per_sensor WHEN zscore(avg_temp, 3) > 4 SEVERITY info
--> error 1:52: ZSCORE is called ZSCORE(x) or ZSCORE(x, 30), with 8 to 240 windows

CREATE ALERT a ON per_sensor WHEN zscore(avg_temp, n) > 4 SEVERITY info
--> error 1:52: the second argument is a number or text that stands there: ZSCORE(x) or ZSCORE(x, 30), with 8 to 240 windows

CREATE ALERT a ON per_sensor WHEN ewma_zscore(avg_temp, 2) > 4 SEVERITY info
--> error 1:57: EWMA_ZSCORE is called EWMA_ZSCORE(x), EWMA_ZSCORE(x, 0.1) or EWMA_ZSCORE(x, '30m')

CREATE ALERT a ON per_sensor WHEN ewma_zscore(avg_temp, 'a while') > 4 SEVERITY info
--> error 1:57: a half-life is a length of time up to 30 days like '30m' or '6h', not 'a while'

CREATE ALERT a ON slow WHEN seasonal_zscore(n) > 4 SEVERITY info
--> error 1:29: slow has windows of 12 hours: a profile of 1 day needs at least 4

CREATE ALERT a ON per_sensor WHEN anomly(avg_temp) > 0.99 SEVERITY info
--> error 1:35: no function `anomly`; did you mean `ANOMALY`?

CREATE ALERT a ON per_sensor WHEN zscore(n,8)+zscore(n,9)+zscore(n,10)+zscore(n,11)+zscore(n,12)+zscore(n,13)+zscore(n,14)+zscore(n,15)+zscore(n,16) > 9 SEVERITY info
--> error 1:137: an alert has at most 8 different scores

DROP ALERT hott
--> error 1:12: no alert `hott`; did you mean `hot`?

DROP VIEW per_sensor
--> error 1:11: view per_sensor cannot be dropped: alert hot is built on it; DROP ALERT first

CREATE OR REPLACE VIEW per_sensor AS SELECT sensor, MAX(temp) AS t FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor
--> error 1:24: view per_sensor cannot be replaced: alert hot is built on it; DROP ALERT first

DESCRIBE hott
--> error 1:10: no stream, view, pattern, alert or table `hott`; did you mean `hot`?

EXPLAIN hott
--> error 1:9: no stream, table, view, pattern or alert `hott`; did you mean `hot`?
