-- Fuel that is gone while the vehicle stands: somebody took it, or the meter was tampered with.
--
-- Trucks publish to truck/{truck} with {"ts", "speed", "fuel"}. A tank's level moves by a litre or so by itself, and falls when the truck drives; more than five
-- litres less within half an hour, without a kilometre driven, is neither.

CREATE STREAM trucks (truck STRING KEY, ts TIMESTAMP, speed DOUBLE, fuel DOUBLE)
  WITH (topic = 'truck/{truck}', timestamp = 'ts', disorder = '30s');

CREATE PATTERN fuel_theft AS
  SELECT truck, before, after, litres FROM trucks MATCH_RECOGNIZE (
    PARTITION BY truck ORDER BY ts
    MEASURES A.fuel AS before, C.fuel AS after, A.fuel - C.fuel AS litres
    PATTERN (A B*? C) WITHIN INTERVAL '30' MINUTE
    DEFINE A AS speed < 1, B AS speed < 1, C AS speed < 1 AND fuel < A.fuel - 5);
