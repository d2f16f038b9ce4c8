-- A table that devices keep up to date: who drives a bus. A reading meets the driver at its own time, whatever comes first.

CREATE STREAM positions (bus STRING KEY, ts TIMESTAMP, km BIGINT) WITH (topic = 'b/{bus}', timestamp = 'ts');
CREATE TABLE drivers (bus STRING KEY, ts TIMESTAMP, name STRING) WITH (topic = 'd/{bus}', timestamp = 'ts');
CREATE VIEW driven AS SELECT name, SUM(km) AS km FROM positions p JOIN drivers d ON p.bus = d.bus GROUP BY name;
CREATE VIEW all_driven AS SELECT COALESCE(name, 'nobody') AS driver, SUM(km) AS km FROM positions p LEFT JOIN drivers d ON p.bus = d.bus GROUP BY COALESCE(name, 'nobody');

INSERT INTO positions VALUES ('b1', '10:00:10', 1), ('b1', '10:05:10', 2), ('b2', '10:00:20', 4);
INSERT INTO drivers VALUES ('b1', '10:05:00', 'Berit'), ('b1', '09:00:00', 'Anna');
SELECT name, km FROM driven;
WATERMARK '10:05:10'
SELECT name, km FROM driven;
--> Anna, 1
CRASH
WATERMARK '10:05:11'
SELECT name, km FROM driven;
--> Anna, 1
--> Berit, 2
SELECT driver, km FROM all_driven;
--> Anna, 1
--> Berit, 2
--> nobody, 4

-- One that comes late is answered at once, with the driver of then.

INSERT INTO positions VALUES ('b1', '10:04:59', 8);
SELECT name, km FROM driven;
--> Anna, 9
--> Berit, 2

-- Where the table says nothing of a bus at a time, JOIN leaves the reading out, and LEFT JOIN gives NULL.

INSERT INTO positions VALUES ('b1', '08:00:00', 16);
SELECT driver, km FROM all_driven;
--> Anna, 9
--> Berit, 2
--> nobody, 20
INSERT INTO drivers VALUES ('b2', '10:06:00', 'Anna');
INSERT INTO positions VALUES ('b2', '10:06:00', 32);
WATERMARK '10:07:00'
SELECT name, km FROM driven;
--> Anna, 41
--> Berit, 2
