-- Payment cards: what is no one's way to shop.
--
-- Terminals publish to pay/{terminal} with {"card", "ts", "city", "lat", "lon", "amount"}. Whichever edge a terminal hangs on, all uses of a card meet at
-- the core, in the order of their event times.

CREATE STREAM purchases (card STRING KEY, ts TIMESTAMP, city STRING, lat DOUBLE, lon DOUBLE, amount DECIMAL(10,2))
  WITH (topic = 'pay/+', timestamp = 'ts', disorder = '30s', position = 'none');

-- A card used five times or more in three cities or more within an hour.
CREATE PATTERN many_cities AS
  SELECT card, uses, cities, total, way FROM purchases MATCH_RECOGNIZE (
    PARTITION BY card ORDER BY ts
    MEASURES COUNT(*) AS uses, COUNT(DISTINCT city) AS cities, SUM(amount) AS total, COLLECT_LIST(city) AS way
    ONE ROW PER MATCH
    AFTER MATCH SKIP PAST LAST ROW
    PATTERN (U{4,}? L) WITHIN INTERVAL '1' HOUR
    DEFINE L AS COUNT(DISTINCT city) >= 3);

-- Impossible travel: two uses, one behind the other, further apart than 900 km/h (250 m/s) allow.
CREATE PATTERN impossible_travel AS
  SELECT card, from_city, to_city, km, minutes FROM purchases MATCH_RECOGNIZE (
    PARTITION BY card ORDER BY ts
    MEASURES A.city AS from_city, B.city AS to_city, distance_m(A.lat, A.lon, B.lat, B.lon) / 1000 AS km,
             (UNIX_TIMESTAMP(B.ts) - UNIX_TIMESTAMP(A.ts)) / 60000.0 AS minutes
    AFTER MATCH SKIP TO NEXT ROW
    PATTERN (A B) WITHIN INTERVAL '12' HOUR
    DEFINE B AS distance_m(A.lat, A.lon, lat, lon) > 250.0 * (UNIX_TIMESTAMP(ts) - UNIX_TIMESTAMP(A.ts)) / 1000);
