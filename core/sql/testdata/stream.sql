-- A stream, as the README has it.
CREATE STREAM vehicles (
  device   STRING KEY,
  ts       TIMESTAMP,
  lat DOUBLE, lon DOUBLE, speed DOUBLE, heading DOUBLE
) WITH (topic = 'city/{device}/position', format = 'json', timestamp = 'ts', disorder = '5s');
--> stream vehicles created

DESCRIBE vehicles;
--> column | type | note
--> device | STRING | key, from the topic
--> ts | TIMESTAMP | event time
--> lat | DOUBLE | latitude
--> lon | DOUBLE | longitude
--> speed | DOUBLE | speed
--> heading | DOUBLE | heading

-- The same file read again is no error, however it is laid out.
create stream VEHICLES (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, heading DOUBLE)
with (topic = 'city/{device}/position', format = 'json', timestamp = 'ts', disorder = '5s')
--> stream vehicles exists already (no change)

CREATE STREAM IF NOT EXISTS vehicles (device STRING KEY) WITH (topic = 'other')
--> stream vehicles exists already (no change)

CREATE STREAM vehicles (device STRING KEY) WITH (topic = 'other')
--> error 1:15: stream vehicles exists with another definition; use CREATE OR REPLACE STREAM

CREATE OR REPLACE STREAM vehicles (device STRING KEY, ts BIGINT) WITH (topic = 'v/{DEVICE}/+/#', timestamp = 'TS', dedupe = 'none')
--> stream vehicles replaced

DESCRIBE vehicles; EXPLAIN vehicles
--> column | type | note
--> device | STRING | key, from the topic
--> ts | BIGINT | event time
--> stream vehicles
--> ├─ edge: each reading
--> │  ├─ decode   json from topic v/{device}/+/#
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  └─ dedupe   none: all that arrives counts
--> └─ core
-->    └─ nothing: no position, so no rows are forwarded

-- Real feeds: paths, units, decimals, quoted names.
CREATE STREAM "HSL" (
  veh BIGINT KEY PATH '$.*.veh', at TIMESTAMP PATH '$.*.tst', latitude DOUBLE PATH '$.VP.lat', longitude DOUBLE PATH '$.VP.long',
  spd DOUBLE PATH '$.VP.spd', hdg BIGINT PATH '$.VP.hdg', seq BIGINT, fare DECIMAL(6,2), "Odd Name" BOOLEAN
) WITH (topic = '/hfp/v2/journey/#', timestamp = 'at', speed = 'spd', speed_unit = 'ms', dedupe = 'sequence:seq', disorder = '60 s');
DESCRIBE "HSL"
--> stream HSL created
--> column | type | note
--> veh | BIGINT | key, path $.*.veh
--> at | TIMESTAMP | path $.*.tst, event time
--> latitude | DOUBLE | path $.VP.lat, latitude
--> longitude | DOUBLE | path $.VP.long, longitude
--> spd | DOUBLE | path $.VP.spd, speed
--> hdg | BIGINT | path $.VP.hdg, heading
--> seq | BIGINT | sequence
--> fare | DECIMAL(6,2) |
--> Odd Name | BOOLEAN |

EXPLAIN "HSL"
--> stream HSL
--> ├─ edge: each reading
--> │  ├─ decode   json from topic /hfp/v2/journey/#
--> │  ├─ time     at, up to 1 minute out of order
--> │  ├─ dedupe   by the device's own counter seq
--> │  └─ forward  each reading as a row, for the map
--> └─ core
-->    └─ rows     newest position per device

SHOW STREAMS
--> name | topic | format | sql
--> vehicles | v/{device}/+/# | json | CREATE OR REPLACE STREAM vehicles (device STRING KEY, ts BIGINT) WITH (topic = 'v/{DEVICE}/+/#', timestamp = 'TS', dedupe = 'none')
--> HSL | /hfp/v2/journey/# | json | CREATE STREAM "HSL" (⏎  veh BIGINT KEY PATH '$.*.veh', at TIMESTAMP PATH '$.*.tst', latitude DOUBLE PATH '$.VP.lat', longitude DOUBLE PATH '$.VP.long',⏎  spd DOUBLE PATH '$.VP.spd', hdg BIGINT PATH '$.VP.hdg', seq BIGINT, fare DECIMAL(6,2), "Odd Name" BOOLEAN⏎) WITH (topic = '/hfp/v2/journey/#', timestamp = 'at', speed = 'spd', speed_unit = 'ms', dedupe = 'sequence:seq', disorder = '60 s')

INSERT INTO vehicles VALUES ('bus 7', 1764000000000), ('it''s', NULL);
INSERT INTO "HSL" (veh, fare, "Odd Name", at) VALUES (12, 2.5, TRUE, '2026-01-01T00:00:00Z'), (1 + 1, 3, FALSE, NOW() - INTERVAL '5' MINUTE)
--> bus 7 | 1764000000000
--> it's | NULL
--> 12 | 2026-01-01T00:00:00Z | NULL | NULL | NULL | NULL | NULL | 2.50 | true
--> 2 | 2026-01-01T11:55:00Z | NULL | NULL | NULL | NULL | NULL | 3.00 | false

INSERT INTO "HSL" (fare) VALUES (2.505)
--> error 1:34: column `fare`: '2.505' is no DECIMAL(6,2)

INSERT INTO vehicles (device, tss) VALUES ('a', 1)
--> error 1:31: no column `tss` in vehicles; did you mean `ts`?

INSERT INTO vehicles VALUES ('a')
--> error 1:30: 1 values for 2 columns

INSERT INTO vehicles VALUES ('a', ts)
--> error 1:35: VALUES hold no columns; text needs single quotes: 'ts'

INSERT INTO vehicle VALUES ('a', 1)
--> error 1:13: no stream `vehicle`; did you mean `vehicles`?

DROP STREAM vehicle
--> error 1:13: no stream `vehicle`; did you mean `vehicles`?

DROP STREAM IF EXISTS vehicle; DROP STREAM Vehicles; DROP STREAM hsl
--> no stream vehicle (no change)
--> stream vehicles dropped
--> stream HSL dropped

-- The other formats; keys with any characters, and elements.
CREATE STREAM motors (node STRING KEY, rpm DOUBLE PATH '$["Motor/RPM"]', first BIGINT PATH '$.a[''b.c''].list[0]', online BOOLEAN)
  WITH (topic = 'spBv1.0/plant/+/{node}/#', format = 'Sparkplug');
DESCRIBE motors
--> stream motors created
--> column | type | note
--> node | STRING | key, from the topic
--> rpm | DOUBLE | path $["Motor/RPM"]
--> first | BIGINT | path $.a['b.c'].list[0]
--> online | BOOLEAN |

EXPLAIN motors
--> stream motors
--> ├─ edge: each reading
--> │  ├─ decode   sparkplug from topic spBv1.0/plant/+/{node}/#
--> │  ├─ time     the message's own, or of arrival, up to 5 seconds out of order
--> │  └─ dedupe   equal key, time and payload count once
--> └─ core
-->    └─ nothing: no position, so no rows are forwarded

CREATE STREAM trams (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE) WITH (topic = 'trams/{device}', timestamp = 'ts', overflow = 'latest_per_pane')
--> stream trams created

EXPLAIN trams
--> stream trams
--> ├─ edge: each reading
--> │  ├─ decode   json from topic trams/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ overflow of an outage: the newest row of each key and pane is kept longest
--> │  └─ forward  each reading as a row, for the map
--> └─ core
-->    └─ rows     newest position per device
