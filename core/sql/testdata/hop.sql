CREATE STREAM purchases (card STRING KEY, ts TIMESTAMP, city STRING, amount DECIMAL(10,2)) WITH (topic = 'till/{card}', timestamp = 'ts')
--> stream purchases created

-- A window of an hour that starts every five minutes is made of panes of five minutes.
CREATE VIEW suspicious AS
  SELECT card, COUNT(*) AS n, COUNT(DISTINCT city) AS cities, COLLECT_LIST(city) AS seen
  FROM purchases WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 5 MINUTES, GRACE PERIOD 10 MINUTES)
  GROUP BY card HAVING COUNT(*) >= 5 AND COUNT(DISTINCT city) >= 3
--> view suspicious created

EXPLAIN suspicious
--> view suspicious over stream purchases
--> ├─ edge: each reading
--> │  ├─ decode   json from topic till/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      card
--> │  ├─ pane     5 minutes of event time
--> │  ├─ observe  COUNT(*), COUNT(DISTINCT city), COLLECT_LIST(city)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(card) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour every 5 minutes
-->    ├─ slide    each window is 12 panes, merged by two stacks; a key keeps up to 13
-->    ├─ late     revised for 10 minutes after the window, then to the table late
-->    ├─ having   COUNT(*) >= 5 AND COUNT(DISTINCT city) >= 3
-->    ├─ column   card
-->    ├─ column   n = COUNT(*)
-->    ├─ column   cities = COUNT(DISTINCT city)
-->    ├─ column   seen = COLLECT_LIST(city)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

-- The other spellings mean the same; Flink's has the advance first.
EXPLAIN CREATE VIEW x AS SELECT card, COUNT(*) AS n FROM purchases GROUP BY card, HOP(ts, INTERVAL '1' HOUR, INTERVAL '5' MINUTE)
--> view x over stream purchases
--> ├─ edge: each reading
--> │  ├─ decode   json from topic till/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      card
--> │  ├─ pane     5 minutes of event time
--> │  ├─ share    its look-up and equal aggregates with suspicious
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(card) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour every 5 minutes
-->    ├─ slide    each window is 12 panes, merged by two stacks; a key keeps up to 13
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   card
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

EXPLAIN CREATE VIEW x AS SELECT card, window_start, window_end, COUNT(*) AS n
  FROM TABLE(HOP(TABLE purchases, DESCRIPTOR(ts), INTERVAL '5' MINUTES, INTERVAL '1' HOUR)) GROUP BY card, window_start, window_end
--> view x over stream purchases
--> ├─ edge: each reading
--> │  ├─ decode   json from topic till/{card}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      card
--> │  ├─ pane     5 minutes of event time
--> │  ├─ share    its look-up and equal aggregates with suspicious
--> │  ├─ observe  COUNT(*)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(card) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour every 5 minutes
-->    ├─ slide    each window is 12 panes, merged by two stacks; a key keeps up to 13
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   card
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW x AS SELECT COUNT(*) AS n FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(ts), INTERVAL '10' SECOND)) p WHERE p.amount > 5 GROUP BY window_start
--> view x created

-- An advance that does not divide the size makes panes of what divides both; one of the whole size is a tumbling window.
CREATE VIEW odd AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 4 MINUTES);
CREATE VIEW same AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 10 MINUTES);
CREATE VIEW finals AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR, RETENTION 30 DAYS, GRACE PERIOD 1 HOUR) EMIT FINAL;
SHOW VIEWS
--> view odd created
--> view same created
--> view finals created
--> name | stream | window | sql
--> suspicious | purchases | windows of 1 hour every 5 minutes | CREATE VIEW suspicious AS⏎  SELECT card, COUNT(*) AS n, COUNT(DISTINCT city) AS cities, COLLECT_LIST(city) AS seen⏎  FROM purchases WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 5 MINUTES, GRACE PERIOD 10 MINUTES)⏎  GROUP BY card HAVING COUNT(*) >= 5 AND COUNT(DISTINCT city) >= 3
--> x | purchases | windows of 10 seconds | CREATE VIEW x AS SELECT COUNT(*) AS n FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(ts), INTERVAL '10' SECOND)) p WHERE p.amount > 5 GROUP BY window_start
--> odd | purchases | windows of 10 minutes every 4 minutes | CREATE VIEW odd AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 4 MINUTES)
--> same | purchases | windows of 10 minutes | CREATE VIEW same AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 10 MINUTES)
--> finals | purchases | windows of 1 day every 1 hour | CREATE VIEW finals AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR, RETENTION 30 DAYS, GRACE PERIOD 1 HOUR) EMIT FINAL

-- Errors.
CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 HOUR)
--> error 2:81: expected `,`, found `)`

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 0 SECONDS)
--> error 1:94: a window that advances by 0 never ends

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 5 MINUTES, ADVANCE BY 1 HOUR)
--> error 1:97: windows of 5 minutes that advance by 1 hour would leave out what lies between them; ADVANCE BY is at most SIZE

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 7001 MILLISECONDS)
--> error 1:94: windows of 1 hour that advance by 7001 milliseconds are made of 3600000 panes of 1 millisecond; at most 10000 fit. A larger ADVANCE BY that divides SIZE needs fewer

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 7 DAYS, ADVANCE BY 1 SECOND)
--> error 1:94: windows of 7 days that advance by 1 second are made of 604800 panes of 1 second; at most 10000 fit. A larger ADVANCE BY that divides SIZE needs fewer

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR, RETENTION 1 DAY)
--> error 1:61: RETENTION is shorter than SIZE (of sessions the gap) and GRACE PERIOD together: late readings would find their window gone

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases GROUP BY HOP(ts, INTERVAL '5' MINUTE, INTERVAL '1' HOUR)
--> error 1:92: HOP(time, size, advance): the size comes first, and is at least the advance

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases GROUP BY HOP(ts, INTERVAL '5' MINUTE)
--> error 1:63: HOP takes the event time, a size and an advance: HOP(ts, INTERVAL '1' HOUR, INTERVAL '5' MINUTE)

CREATE VIEW y AS SELECT COUNT(*) AS n FROM purchases WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY HOP(ts, INTERVAL '5' MINUTE, INTERVAL '1' MINUTE)
--> error 1:95: a view has one window; here is a second

CREATE VIEW y AS SELECT COUNT(*) AS n, HOP(ts, INTERVAL '5' MINUTE, INTERVAL '1' MINUTE) FROM purchases
--> error 1:40: HOP stands in GROUP BY

CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(HOP(TABLE purchases, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '5' MINUTES))
--> error 1:87: HOP(TABLE stream, DESCRIPTOR(time), advance, size): here the advance comes first, and is at most the size

CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(amount), INTERVAL '5' MINUTES))
--> error 1:85: windows go by event time, which in purchases is `ts`, not `amount`

CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(CUMULATE(TABLE purchases, DESCRIPTOR(ts), INTERVAL '5' MINUTES))
--> error 1:50: expected TUMBLE, HOP or SESSION, found `CUMULATE`

CREATE VIEW y AS SELECT COUNT(*) AS n FROM hop(purchases)
--> error 1:47: no table function `hop`; there is TABLE(TUMBLE(TABLE stream, DESCRIPTOR(time), INTERVAL '10' SECOND)), and HOP

CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(ts), INTERVAL '5' MINUTES)) WINDOW TUMBLING (SIZE 5 MINUTES)
--> error 1:113: WINDOW is given twice
