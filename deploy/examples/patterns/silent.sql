-- A sensor that goes silent: five minutes without a word, told by the watermark when nothing else comes.

CREATE STREAM sensors (sensor STRING KEY, ts TIMESTAMP, value DOUBLE)
  WITH (topic = 'sensor/{sensor}', timestamp = 'ts', disorder = '30s');

CREATE PATTERN silent AS
  SELECT sensor, last_seen, last_value FROM sensors MATCH_RECOGNIZE (
    PARTITION BY sensor ORDER BY ts
    MEASURES A.ts AS last_seen, A.value AS last_value
    PATTERN (A NOT FOLLOWED BY B) WITHIN INTERVAL '5' MINUTE);
