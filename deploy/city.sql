-- The demo city: what its devices publish, and what the map and its operators ask of it.

CREATE STREAM vehicles (
  device  STRING KEY,
  ts      TIMESTAMP,
  lat     DOUBLE,
  lon     DOUBLE,
  speed   DOUBLE,           -- km/h
  heading DOUBLE,           -- degrees clockwise from north
  kind    STRING
) WITH (topic = 'city/{device}/position', format = 'json', timestamp = 'ts', disorder = '5s');

CREATE STREAM sensors (
  device      STRING KEY,
  ts          TIMESTAMP,
  lat         DOUBLE,
  lon         DOUBLE,
  temperature DOUBLE,       -- °C
  pm25        DOUBLE,       -- µg/m³
  noise_db    DOUBLE
) WITH (topic = 'city/{device}/env', format = 'json', timestamp = 'ts', disorder = '5s');

CREATE STREAM purchases (
  card     STRING KEY,
  ts       TIMESTAMP,
  amount   DECIMAL(10,2),
  city     STRING,
  merchant STRING,
  lat      DOUBLE,
  lon      DOUBLE
) WITH (topic = 'city/pos/{card}/purchase', format = 'json', timestamp = 'ts', disorder = '5s', position = 'none');

-- How fast traffic flows, cell by cell: the map's H3 layer.
CREATE VIEW cell_speed AS
  SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, AVG(speed) AS avg_speed, MAX(speed) AS max_speed
  FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR, RETENTION 1 DAY)
  GROUP BY cell EMIT CHANGES;

CREATE VIEW cell_air AS
  SELECT h3(lat, lon, 8) AS cell, COUNT(*) AS n, AVG(pm25) AS pm25, MAX(noise_db) AS noise_db
  FROM sensors WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR, RETENTION 7 DAYS)
  GROUP BY cell EMIT CHANGES;

CREATE VIEW fleet AS
  SELECT kind, COUNT(*) AS n, AVG(speed) AS avg_speed
  FROM vehicles WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR, RETENTION 7 DAYS)
  GROUP BY kind EMIT CHANGES;

CREATE VIEW sales AS
  SELECT city, COUNT(*) AS n, SUM(amount) AS total, MAX(amount) AS largest
  FROM purchases WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR, RETENTION 7 DAYS)
  GROUP BY city EMIT CHANGES;

-- What operators are told: whoever is too fast in the Old Town, and where it is loud.
CREATE ALERT speeding ON fence_events WHEN kind = 'speeding' SEVERITY warning LABELS (team = 'traffic');

CREATE ALERT loud ON cell_air WHEN noise_db > 55 RECOVER WHEN noise_db < 53 SEVERITY info LABELS (team = 'city');
