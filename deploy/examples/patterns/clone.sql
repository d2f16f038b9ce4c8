-- A device's id at two sites at once: somebody copied it.
--
-- Devices publish to site/{site}/ping/{device}; the site is a level of the topic, and each site has its edge. A device that moves goes from one site to
-- another and stays. One that is at north, then at south, and at north again within a minute is two.

CREATE STREAM pings (device STRING KEY, site STRING, ts TIMESTAMP, battery DOUBLE)
  WITH (topic = 'site/{site}/ping/{device}', timestamp = 'ts', disorder = '30s');

CREATE PATTERN clone AS
  SELECT device, here, there, seconds FROM pings MATCH_RECOGNIZE (
    PARTITION BY device ORDER BY ts
    MEASURES A.site AS here, B.site AS there, (UNIX_TIMESTAMP(C.ts) - UNIX_TIMESTAMP(A.ts)) / 1000 AS seconds
    PATTERN (A FOLLOWED BY B FOLLOWED BY C) WITHIN INTERVAL '1' MINUTE
    DEFINE B AS site <> A.site, C AS site = A.site);
