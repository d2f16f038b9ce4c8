CREATE STREAM orders (id STRING KEY, ts TIMESTAMP, device STRING, amount DECIMAL(10,2), city STRING) WITH (topic = 'o/{id}', timestamp = 'ts');
CREATE STREAM payments (pid STRING KEY, ts TIMESTAMP, order_id STRING, paid DECIMAL(10,2)) WITH (topic = 'p/{pid}', timestamp = 'ts');
CREATE TABLE cards (device STRING KEY, ts TIMESTAMP, owner STRING) WITH (topic = 'c/{device}', timestamp = 'ts');
CREATE TABLE cities (city STRING KEY, country STRING) WITH (file = 'cities.csv');
--> stream orders created
--> stream payments created
--> table cards created
--> table cities created

-- a view over a view, with the windows of the one below

CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 10 MINUTES) GROUP BY device;
CREATE VIEW busiest AS SELECT MAX(n) AS top, COUNT(*) AS devices FROM per_device GROUP BY window_start;
EXPLAIN busiest;
--> view per_device created
--> view busiest created
--> view busiest over per_device
--> ├─ edge: nothing; see EXPLAIN per_device
--> ├─ core: each row of per_device that changes, where it is
--> │  ├─ key      none: one group of all
--> │  ├─ pane     the window that the row is of
--> │  ├─ observe  MAX(n), COUNT(*)
--> │  ├─ keep     what each row gave last, to take it back
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    one partition: there is no key
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 10 minutes after the window, then to the table late
-->    ├─ column   top = MAX(n)
-->    ├─ column   devices = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW hourly AS SELECT COUNT(*) AS devices, AVG(n) AS mean FROM per_device WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 5 MINUTES) WHERE n > 2;
EXPLAIN hourly;
SHOW VIEWS;
--> view hourly created
--> view hourly over per_device
--> ├─ edge: nothing; see EXPLAIN per_device
--> ├─ core: each row of per_device that changes, where it is
--> │  ├─ filter   n > 2
--> │  ├─ key      none: one group of all
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  COUNT(*), AVG(n)
--> │  ├─ keep     what each row gave last, to take it back
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    one partition: there is no key
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 15 minutes after the window, then to the table late
-->    ├─ column   devices = COUNT(*)
-->    ├─ column   mean = AVG(n)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark
--> name | stream | window | sql
--> per_device | orders | windows of 1 minute | CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 10 MINUTES) GROUP BY device
--> busiest | per_device | windows of 1 minute | CREATE VIEW busiest AS SELECT MAX(n) AS top, COUNT(*) AS devices FROM per_device GROUP BY window_start
--> hourly | per_device | windows of 1 hour | CREATE VIEW hourly AS SELECT COUNT(*) AS devices, AVG(n) AS mean FROM per_device WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 5 MINUTES) WHERE n > 2

CREATE VIEW v AS SELECT MAX(n) AS top FROM per_device
--> error 1:1: the windows of per_device would add up for ever: GROUP BY window_start keeps them apart, and WINDOW puts them into larger ones

CREATE VIEW v AS SELECT MAX(n) AS top FROM per_device WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 1 MINUTE)
--> error 1:62: a WINDOW over a view that is not TUMBLING is not supported yet

CREATE VIEW v AS SELECT revision, COUNT(*) FROM per_device GROUP BY revision, window_start
--> error 1:69: no column and no alias `revision` to group by

DROP VIEW per_device
--> error 1:11: view per_device cannot be dropped: views busiest, hourly are built on it; DROP VIEW first

CREATE OR REPLACE VIEW per_device AS SELECT device, COUNT(*) AS n FROM orders GROUP BY device
--> error 1:24: view per_device cannot be replaced: views busiest, hourly are built on it; DROP VIEW first

CREATE VIEW ever AS SELECT device, COUNT(*) AS n FROM orders GROUP BY device;
CREATE VIEW spread AS SELECT n, COUNT(*) AS devices FROM ever GROUP BY n;
EXPLAIN spread
--> view ever created
--> view spread created
--> view spread over ever
--> ├─ edge: nothing; see EXPLAIN ever
--> ├─ core: each row of ever that changes, where it is
--> │  ├─ key      n
--> │  ├─ pane     one for ever
--> │  ├─ observe  COUNT(*)
--> │  ├─ keep     what each row gave last, to take it back
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(n) mod 8
-->    ├─ merge    panes of all edges into one window for ever
-->    ├─ column   n
-->    ├─ column   devices = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     for good

CREATE VIEW v AS SELECT COUNT(*) AS n FROM ever WINDOW TUMBLING (SIZE 1 MINUTE)
--> error 1:56: the rows of ever have no time: it has no WINDOW

CREATE VIEW v AS SELECT LAST(n) AS n FROM ever
--> error 1:25: LAST goes by event time, and the rows of ever have none

-- a sub-select that groups is a view of its own

CREATE VIEW mean_top AS SELECT city, AVG(top) AS mean FROM (SELECT city, device, MAX(amount) AS top FROM orders GROUP BY city, device) x GROUP BY city;
SHOW VIEWS;
--> view mean_top created
--> name | stream | window | sql
--> per_device | orders | windows of 1 minute | CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 10 MINUTES) GROUP BY device
--> busiest | per_device | windows of 1 minute | CREATE VIEW busiest AS SELECT MAX(n) AS top, COUNT(*) AS devices FROM per_device GROUP BY window_start
--> hourly | per_device | windows of 1 hour | CREATE VIEW hourly AS SELECT COUNT(*) AS devices, AVG(n) AS mean FROM per_device WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 5 MINUTES) WHERE n > 2
--> ever | orders | one window for ever | CREATE VIEW ever AS SELECT device, COUNT(*) AS n FROM orders GROUP BY device
--> spread | ever | one window for ever | CREATE VIEW spread AS SELECT n, COUNT(*) AS devices FROM ever GROUP BY n
--> mean_top#1 | orders | one window for ever | CREATE VIEW "mean_top#1" AS SELECT city, device, MAX(amount) AS top FROM orders GROUP BY city, device
--> mean_top | mean_top#1 | one window for ever | CREATE VIEW mean_top AS SELECT city, AVG(top) AS mean FROM (SELECT city, device, MAX(amount) AS top FROM orders GROUP BY city, device) x GROUP BY city

DROP VIEW "mean_top#1"
--> error 1:11: view mean_top#1 cannot be dropped: view mean_top is built on it; DROP VIEW first

DROP VIEW mean_top;
SHOW VIEWS;
--> view mean_top dropped
--> name | stream | window | sql
--> per_device | orders | windows of 1 minute | CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 10 MINUTES) GROUP BY device
--> busiest | per_device | windows of 1 minute | CREATE VIEW busiest AS SELECT MAX(n) AS top, COUNT(*) AS devices FROM per_device GROUP BY window_start
--> hourly | per_device | windows of 1 hour | CREATE VIEW hourly AS SELECT COUNT(*) AS devices, AVG(n) AS mean FROM per_device WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 5 MINUTES) WHERE n > 2
--> ever | orders | one window for ever | CREATE VIEW ever AS SELECT device, COUNT(*) AS n FROM orders GROUP BY device
--> spread | ever | one window for ever | CREATE VIEW spread AS SELECT n, COUNT(*) AS devices FROM ever GROUP BY n

-- joins of streams

CREATE VIEW paid AS SELECT city, COUNT(*) AS n, SUM(paid) AS total FROM orders o JOIN payments p WITHIN 10 MINUTES ON o.id = p.order_id AND p.paid <= o.amount WINDOW TUMBLING (SIZE 1 HOUR) WHERE o.amount > 5 AND p.paid > 1 GROUP BY city;
EXPLAIN paid;
--> view paid created
--> view paid over orders JOIN payments
--> ├─ edge: each reading of stream orders
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   amount > 5 AND id IS NOT NULL
--> │  └─ forward  each reading as a row, by id
--> ├─ edge: each reading of stream payments
--> │  ├─ decode   json from topic p/{pid}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   paid > 1 AND order_id IS NOT NULL
--> │  └─ forward  each reading as a row, by order_id
--> ├─ core: each row
--> │  ├─ route    hash(id) mod 8
--> │  ├─ join     rows of payments from 10 minutes before to 10 minutes after it
--> │  ├─ late     taken up to 1 hour behind the watermark, then counted
--> │  ├─ keep     of orders for 70 minutes, of payments for 70 minutes of event time
--> │  └─ if       payments.paid <= orders.amount
--> ├─ core: each row of the join, where it is made
--> │  ├─ key      city = orders.city
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  COUNT(*), SUM(payments.paid)
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(city) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   city
-->    ├─ column   n = COUNT(*)
-->    ├─ column   total = SUM(payments.paid)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW unpaid AS SELECT city, COUNT(*) AS n FROM orders o LEFT JOIN payments p WITHIN (0 SECONDS, 1 HOUR) GRACE PERIOD 5 MINUTES ON p.order_id = o.id WINDOW TUMBLING (SIZE 1 HOUR) WHERE p.pid IS NULL GROUP BY city;
EXPLAIN unpaid;
--> view unpaid created
--> view unpaid over orders JOIN payments
--> ├─ edge: each reading of stream orders
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row, by id
--> ├─ edge: each reading of stream payments
--> │  ├─ decode   json from topic p/{pid}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   order_id IS NOT NULL
--> │  └─ forward  each reading as a row, by order_id
--> ├─ core: each row
--> │  ├─ route    hash(id) mod 8
--> │  ├─ join     rows of payments from 0 milliseconds before to 1 hour after it
--> │  ├─ late     taken up to 5 minutes behind the watermark, then counted
--> │  ├─ keep     of orders for 65 minutes, of payments for 5 minutes of event time
--> │  └─ missing  NULLs for what finds none, once none can come any more
--> ├─ core: each row of the join, where it is made
--> │  ├─ filter   payments.pid IS NULL
--> │  ├─ key      city = orders.city
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  COUNT(*)
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(city) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   city
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW owners AS SELECT owner, COUNT(*) AS n FROM orders JOIN cards ON orders.device = cards.device WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY owner;
EXPLAIN owners;
--> view owners created
--> view owners over orders JOIN cards
--> ├─ edge: each reading of stream orders
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   device IS NOT NULL
--> │  └─ forward  each reading as a row, by device
--> ├─ edge: each reading of table cards
--> │  ├─ decode   json from topic c/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   device IS NOT NULL
--> │  └─ forward  each reading as a row, by device
--> ├─ core: each row
--> │  ├─ route    hash(device) mod 8
--> │  ├─ wait     until the watermark of orders passes it
--> │  ├─ join     the row of cards that was newest at its time
--> │  └─ keep     of cards the newest row per key, and newer ones
--> ├─ core: each row of the join, where it is made
--> │  ├─ key      owner = cards.owner
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  COUNT(*)
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(owner) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   owner
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

SHOW STREAMS;
SHOW TABLES;
EXPLAIN cards;
DESCRIBE cards;
--> name | topic | format | sql
--> orders | o/{id} | json | CREATE STREAM orders (id STRING KEY, ts TIMESTAMP, device STRING, amount DECIMAL(10,2), city STRING) WITH (topic = 'o/{id}', timestamp = 'ts')
--> payments | p/{pid} | json | CREATE STREAM payments (pid STRING KEY, ts TIMESTAMP, order_id STRING, paid DECIMAL(10,2)) WITH (topic = 'p/{pid}', timestamp = 'ts')
--> name | file | format | rows | sql
--> cities | cities.csv | csv | 0 | CREATE TABLE cities (city STRING KEY, country STRING) WITH (file = 'cities.csv')
--> cards | c/{device} | json | NULL | CREATE TABLE cards (device STRING KEY, ts TIMESTAMP, owner STRING) WITH (topic = 'c/{device}', timestamp = 'ts')
--> table cards
--> ├─ edge: each reading
--> │  ├─ decode   json from topic c/{device}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  └─ forward  each reading as a row, by the table's key
--> └─ core
-->    └─ rows     newest row per key
--> column | type | note
--> device | STRING | key, from the topic
--> ts | TIMESTAMP | event time
--> owner | STRING |

DROP TABLE cards
--> error 1:12: table cards cannot be dropped: view owners is built on it; DROP VIEW first

DROP STREAM payments
--> error 1:13: stream payments cannot be dropped: views paid, unpaid are built on it; DROP VIEW first

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p ON o.id = p.order_id
--> error 1:48: rows of two streams are joined within a time, or they would have to be kept for ever: JOIN payments WITHIN 10 MINUTES ON …

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 2 WEEKS ON o.id = p.order_id
--> error 1:73: expected a unit of time (MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS), found `WEEKS`

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 200 DAYS ON o.id = p.order_id
--> error 1:71: rows of both streams are kept for as long as they may still meet; at most 7 days

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.amount < p.paid
--> error 1:90: ON needs a column of orders that equals one of payments: rows meet by key

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.paid
--> error 1:86: one side is STRING and the other DECIMAL(10,2); CAST one: CAST(… AS STRING)

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.order_idd
--> error 1:90: no column `order_idd` in payments; did you mean `order_id`?

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = order_id GROUP BY ts
--> error 1:106: column `ts` is in both o and p; write o.ts or p.ts

CREATE VIEW v AS SELECT COUNT(*) FROM orders JOIN cards WITHIN 1 HOUR ON orders.device = cards.device
--> error 1:64: cards is a table: a row meets the one that was newest at its own time; leave WITHIN out

CREATE VIEW v AS SELECT COUNT(*) FROM orders JOIN cards ON orders.device = cards.owner
--> error 1:74: a table is joined by all of its key, and by nothing else; of cards that is: ON cards.device = orders.…

CREATE VIEW v AS SELECT COUNT(*) FROM cards GROUP BY owner
--> error 1:39: cards is a table, of which only the newest rows count; a view reads a stream and joins tables to it: FROM stream JOIN cards ON …

CREATE VIEW v AS SELECT COUNT(*) FROM orders JOIN orders WITHIN 1 HOUR ON id = id
--> error 1:51: `orders` is named twice; give one of them another name: JOIN orders AS other

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.order_id JOIN cards ON o.device = cards.device
--> error 1:99: a second JOIN beside a join of streams is not supported yet

CREATE VIEW v AS SELECT COUNT(*) FROM orders JOIN per_device ON orders.device = per_device.device
--> error 1:51: joining a view (per_device is one; what can be joined is a TABLE, or a stream WITHIN a time) is not supported yet

CREATE VIEW pairs AS SELECT COUNT(*) AS n FROM orders a JOIN orders b WITHIN 1 MINUTE ON a.device = b.device AND a.id < b.id GROUP BY a.city
--> view pairs created

CREATE VIEW v AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.order_id GROUP BY TUMBLE(o.ts, INTERVAL '1' HOUR)
--> error 1:117: windows over the join go by ROWTIME: of a join it is the later time of both rows, of a view the end of a row's window, of a pattern match_end

CREATE VIEW tumbled AS SELECT COUNT(*) FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.order_id GROUP BY TUMBLE(ROWTIME, INTERVAL '1' HOUR)
--> view tumbled created

-- streams made of others

CREATE STREAM large AS SELECT id, ts, amount * 2 AS double FROM orders WHERE amount > 100;
DESCRIBE large;
EXPLAIN large;
--> stream large created
--> column | type | note
--> id | STRING |
--> ts | TIMESTAMP |
--> double | DECIMAL(18,2) |
--> stream large made of others
--> ├─ edge: nothing for it alone; it is written out in the views that read it
--> └─ core: nothing for it alone

CREATE VIEW larges AS SELECT COUNT(*) AS n, SUM(double) AS total FROM large WINDOW TUMBLING (SIZE 1 MINUTE);
EXPLAIN larges
--> view larges created
--> view larges over stream orders
--> ├─ edge: each reading
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   amount > 100
--> │  ├─ key      none: one group of all
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  COUNT(*), SUM(amount * 2)
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    one partition: there is no key
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   n = COUNT(*)
-->    ├─ column   total = SUM(amount * 2)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE STREAM money AS SELECT id, amount FROM orders UNION ALL SELECT pid, paid FROM payments WHERE paid > 0;
CREATE VIEW flows AS SELECT COUNT(*) AS n, SUM(amount) AS total FROM money WINDOW TUMBLING (SIZE 1 MINUTE) WHERE amount < 1000;
EXPLAIN flows;
--> stream money created
--> view flows created
--> view flows over stream orders
--> ├─ edge: each reading
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   amount < 1000
--> │  ├─ key      none: one group of all
--> │  ├─ pane     1 minute of event time
--> │  ├─ observe  COUNT(*), SUM(amount)
--> │  └─ forward  what each pane gained, merged per key
--> ├─ edge: each reading of stream payments, too
--> │  ├─ decode   json from topic p/{pid}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   paid > 0 AND paid < 1000
--> │  ├─ key      none: one group of all
--> │  └─ observe  COUNT(*), SUM(paid)
--> └─ core: each delta
-->    ├─ route    one partition: there is no key
-->    ├─ merge    panes of all edges into windows of 1 minute
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   n = COUNT(*)
-->    ├─ column   total = SUM(amount)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW same AS SELECT COUNT(*) AS n FROM (SELECT amount FROM orders UNION ALL SELECT amount FROM orders) x
--> view same created

CREATE VIEW v AS SELECT COUNT(*) AS n FROM (SELECT amount FROM orders UNION ALL SELECT pid FROM payments) x
--> error 1:71: column 1 is DECIMAL(10,2) in the first SELECT of the UNION ALL and STRING in this one; CAST it: CAST(… AS DECIMAL(10,2))

CREATE VIEW v AS SELECT COUNT(*) AS n FROM (SELECT amount FROM orders UNION ALL SELECT paid, pid FROM payments) x
--> error 1:71: the SELECTs of a UNION ALL have the same columns: the first has 1, this one 2

CREATE VIEW v AS SELECT COUNT(*) AS n FROM (SELECT amount FROM orders UNION SELECT paid FROM payments) x
--> error 1:71: UNION would have to remember all rows to leave out what it gave; write UNION ALL, or SELECT DISTINCT over it

CREATE VIEW v AS SELECT COUNT(*) AS n FROM orders UNION ALL SELECT COUNT(*) FROM payments
--> error 1:51: UNION ALL stands in FROM: SELECT … FROM (SELECT … UNION ALL SELECT …)

CREATE VIEW v AS SELECT COUNT(*) AS n FROM (SELECT n FROM ever UNION ALL SELECT n FROM ever) x
--> error 1:1: UNION ALL of anything but streams is not supported yet

CREATE VIEW enriched AS SELECT country, COUNT(*) AS n FROM money m JOIN cities ON m.id = cities.city GROUP BY country
--> view enriched created

CREATE STREAM joined AS SELECT o.id AS id, o.city AS city, p.paid AS paid FROM orders o JOIN payments p WITHIN 10 MINUTES ON o.id = p.order_id AND p.paid <= o.amount;
CREATE VIEW by_city AS SELECT city, SUM(paid) AS total FROM joined WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY city;
EXPLAIN by_city
--> stream joined created
--> view by_city created
--> view by_city over orders JOIN payments
--> ├─ edge: each reading of stream orders
--> │  ├─ decode   json from topic o/{id}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   id IS NOT NULL
--> │  └─ forward  each reading as a row, by id
--> ├─ edge: each reading of stream payments
--> │  ├─ decode   json from topic p/{pid}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ filter   order_id IS NOT NULL
--> │  └─ forward  each reading as a row, by order_id
--> ├─ core: each row
--> │  ├─ route    hash(id) mod 8
--> │  ├─ join     rows of payments from 10 minutes before to 10 minutes after it
--> │  ├─ late     taken up to 1 hour behind the watermark, then counted
--> │  ├─ keep     of orders for 70 minutes, of payments for 70 minutes of event time
--> │  └─ if       payments.paid <= orders.amount
--> ├─ core: each row of the join, where it is made
--> │  ├─ key      city = orders.city
--> │  ├─ pane     1 hour of event time
--> │  ├─ observe  SUM(payments.paid)
--> │  └─ send     to the partition of its key, in the commit that made the row
--> └─ core: what comes of it
-->    ├─ route    hash(city) mod 8
-->    ├─ merge    panes of all edges into windows of 1 hour
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   city
-->    ├─ column   total = SUM(payments.paid)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

DROP STREAM large
--> error 1:13: stream large cannot be dropped: view larges is built on it; DROP VIEW first

DROP STREAM orders
--> error 1:13: stream orders cannot be dropped: views per_device, ever, paid, unpaid, owners, pairs, tumbled, larges, flows, same, enriched, by_city are built on it; DROP VIEW first

DROP VIEW larges; DROP STREAM large
--> view larges dropped
--> stream large dropped

DROP VIEW larges
--> error 1:11: no view `larges`

DROP STREAM large
--> error 1:13: no stream `large`

CREATE STREAM again AS SELECT COUNT(*) AS n FROM orders
--> error 1:24: a SELECT that groups in a UNION ALL or in CREATE STREAM … AS is not supported yet

CREATE STREAM again AS SELECT n FROM ever
--> error 1:38: ever is a view, whose rows change; a view over it is made with CREATE VIEW

CREATE STREAM orders AS SELECT pid FROM payments
--> error 1:15: stream orders is one that devices fill; DROP STREAM first
