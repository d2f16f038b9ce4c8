-- What is refused, and how it is said.
CREATE STREAM v (device STRING KEY, lat DOUBLE)
--> error 2:15: stream v has no topic: WITH (topic = 'city/{device}/position')

CREATE STREAM v (device STRING KEY) WITH (topic = 'a/{devise}/b')
--> error 1:51: topic: no column `devise` in v; did you mean `device`?

CREATE STREAM v (device STRING KEY) WITH (topic = 'a/b-{device}')
--> error 1:51: `b-{device}`: {column}, + and # stand for a whole level of the topic

CREATE STREAM v (device STRING KEY) WITH (topic = 'a/#/b')
--> error 1:51: # may only be the last level of a topic

CREATE STREAM v (device STRING KEY) WITH (topic = '{device}/{device}')
--> error 1:51: the topic fills column `device` twice

CREATE STREAM v (device STRING KEY, ts STRING) WITH (topic = 't', timestamp = 'ts')
--> error 1:79: the event time `ts` is STRING; it must be TIMESTAMP or BIGINT

CREATE STREAM v (device STRING KEY, ts TIMESTAMP) WITH (topic = 't', timestamp = 'time')
--> error 1:82: timestamp: no column `time` in v

CREATE STREAM v (a STRING) WITH (topic = 't', fromat = 'json')
--> error 1:47: no option `fromat`; there are topic, format, timestamp, disorder, position, speed, heading, speed_unit, dedupe, overflow; did you mean `format`?

CREATE STREAM v (a STRING, lat DOUBLE, lon DOUBLE) WITH (topic = 't', lat = 'lat', lon = 'lon')
--> error 1:71: no option `lat`; use position = 'lat,lon', the names of two columns

CREATE STREAM v (a STRING) WITH (topic = 't', colour = 'red')
--> error 1:47: no option `colour`; there are topic, format, timestamp, disorder, position, speed, heading, speed_unit, dedupe, overflow

CREATE STREAM v (a STRING) WITH (kafka_topic = 't')
--> error 1:34: no option `kafka_topic`; use topic

CREATE STREAM v (a STRING) WITH (topic = 't', format = 'sparklug')
--> error 1:56: no format 'sparklug'; there are json, senml, cbor, line, owntracks, sparkplug; did you mean `sparkplug`?

CREATE STREAM v (a STRING) WITH (topic = 't', format = 'jsn')
--> error 1:56: no format 'jsn'; there are json, senml, cbor, line, owntracks, sparkplug; did you mean `json`?

CREATE STREAM v (a STRING) WITH (topic = 't', topic = 'u')
--> error 1:47: option topic is given twice

CREATE STREAM v (a STRING) WITH (topic = 't', disorder = 'soon')
--> error 1:58: disorder is a length of time from '0s' to '24h' like '5s' or '500ms', not 'soon'

CREATE STREAM v (a STRING) WITH (topic = 't', dedupe = 'sequence:b')
--> error 1:56: dedupe: no column `b` in v; did you mean `a`?

CREATE STREAM v (a STRING) WITH (topic = 't', dedupe = 'sequence:a')
--> error 1:56: the sequence `a` is STRING; it must be BIGINT

CREATE STREAM v (a STRING, A BIGINT) WITH (topic = 't')
--> error 1:28: column `A` is declared twice

CREATE STREAM v (a CELL) WITH (topic = 't')
--> error 1:18: column `a`: a CELL is what h3(lat, lon, resolution) gives; devices send STRINGs

CREATE STREAM v (a FLOAT) WITH (topic = 't')
--> error 1:20: no type `FLOAT`; use DOUBLE

CREATE STREAM v (a STRNG) WITH (topic = 't')
--> error 1:20: no type `STRNG`; the types are STRING, BIGINT, DOUBLE, DECIMAL, BOOLEAN, TIMESTAMP; did you mean `STRING`?

CREATE STREAM v (a DECIMAL) WITH (topic = 't')
--> error 1:20: DECIMAL needs its digits: DECIMAL(10,2) has 10, 2 of them after the point

CREATE STREAM v (a DECIMAL(20,2)) WITH (topic = 't')
--> error 1:28: the number of digits of a DECIMAL is 1 to 18, not 20

CREATE STREAM v (a DECIMAL(4,5)) WITH (topic = 't')
--> error 1:30: the number of digits after the point is 0 to 4, not 5

CREATE STREAM v (a STRING PATH 'a.b') WITH (topic = 't')
--> error 1:32: a path is like '$.a.b', '$.*.b' (* is any one key), '$.a[0]' or '$["a/b"]', not 'a.b'

CREATE STREAM v (a STRING PATH '$.a[x]') WITH (topic = 't')
--> error 1:32: '$.a[x]' is no path: want keys like a.b, *, [0] or ["a/b"]

CREATE STREAM v (a STRING PATH '$["a/b') WITH (topic = 't')
--> error 1:32: '$["a/b' is no path: want keys like a.b, *, [0] or ["a/b"]

CREATE STREAM v (a STRING PATH '$.a..b') WITH (topic = 't')
--> error 1:32: the path '$.a..b' has an empty key

CREATE STREAM v (d STRING, lat DOUBLE, lon DOUBLE) WITH (topic = 't', position = 'lat,lon')
--> error 1:82: a position needs a device: mark its column as KEY

CREATE STREAM v (d STRING KEY, lat STRING, lon DOUBLE) WITH (topic = 't', position = 'lat,lon')
--> error 1:86: position: `lat` is STRING, not a number

CREATE STREAM v (d STRING KEY, x DOUBLE) WITH (topic = 't', speed = 'x')
--> error 1:61: option speed belongs to a position, and the stream has none: it takes a KEY and position = 'lat,lon'

CREATE STREAM v (d STRING KEY, lat DOUBLE, lon DOUBLE, x DOUBLE) WITH (topic = 't', speed = 'x', speed_unit = 'knots')
--> error 1:111: speed_unit is 'kmh', 'ms', 'mph' or 'kn', not 'knots'

CREATE STREAM alerts (a STRING) WITH (topic = 't')
--> error 1:15: alerts is a built-in table

CREATE STREAM select (a STRING) WITH (topic = 't')
--> error 1:15: expected a name for the stream, found the keyword SELECT (as a name it needs double quotes)

CREATE STRAEM v (a STRING) WITH (topic = 't')
--> error 1:8: expected STREAM, TABLE, VIEW, PATTERN or ALERT, found `STRAEM`; did you mean `STREAM`?

CREATE PATTERN p (a STRING)
--> error 1:18: expected AS, found `(`

CREATE STREAM v (a STRING WITH (topic = 't')
--> error 1:27: expected KEY, PATH, `,` or `)`, found `WITH`

CREATE STREAM v (a STRING) WITH (topic = 't
--> error 1:42: this string has no end: the closing ' is missing

CREATE STREAM v AS SELECT 1
--> error 1:28: expected FROM, found the end

SHOW STREMS
--> error 1:6: expected STREAMS, TABLES, VIEWS, EDGES, PATTERNS or ALERTS, found `STREMS`; did you mean `STREAMS`?

SHOW ALERTS
--> name | source | condition | for | severity | notify | sql

CRATE STREAM v (a STRING)
--> error 1:1: expected a statement (CREATE, DROP, SHOW, LIST, DESCRIBE, EXPLAIN, INSERT, SELECT …), found `CRATE`; did you mean `CREATE`?

CREATE STREAM v (a STRING) WITH (topic = 't') EMIT CHANGES
--> error 1:47: expected `;` or the end of the statement, found `EMIT`

/* a comment without end
--> error 1:1: this comment has no end: */ is missing

SELECT a § b
--> error 1:10: '§' has no meaning here

DESCRIBE nothing
--> error 1:10: no stream, view, pattern, alert or table `nothing`

CREATE STREAM v (device STRING KEY, lat DOUBLE, lon DOUBLE) WITH (topic = 't', overflow = 'drop_newest')
--> error 1:91: overflow is 'drop_oldest' or 'latest_per_pane', not 'drop_newest'

CREATE STREAM v (device STRING KEY) WITH (topic = 't', overflow = 'latest_per_pane')
--> error 1:67: overflow is about rows, and stream v forwards none: it has no position
