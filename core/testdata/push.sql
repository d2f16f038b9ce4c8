-- Who listens to a stream gets its readings as they come, of those that pass, made into the columns asked for.

CREATE STREAM bids (id STRING KEY, ts TIMESTAMP, auction BIGINT, price DOUBLE) WITH (topic = 'bids/{id}', timestamp = 'ts');
INSERT INTO bids VALUES ('b0', '10:00:00', 1, 99.0);
LISTEN SELECT auction, price * 0.908 AS euros, ts FROM bids WHERE auction = 1 OR auction > 5 EMIT CHANGES;
INSERT INTO bids VALUES ('b1', '10:00:01', 1, 100.0), ('b2', '10:00:02', 2, 50.0), ('b3', '10:00:03', 7, 10.0);
HEARD
--> 1, 90.8, 10:00:01
--> 7, 9.08, 10:00:03
HEARD
INSERT INTO bids VALUES ('b4', '09:00:00', 1, 1.0);
HEARD
--> 1, 0.908, 09:00:00

-- Who listens to a view gets each row that changes, with its revision, and when it is final if it is told then.

CREATE VIEW counts AS SELECT auction, COUNT(*) AS n FROM bids WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 MINUTE) GROUP BY auction;
LISTEN SELECT window_start, auction, n, revision FROM counts WHERE auction < 5 EMIT CHANGES;
INSERT INTO bids VALUES ('b5', '10:00:11', 1, 1.0), ('b6', '10:00:12', 1, 1.0), ('b7', '10:00:13', 9, 1.0);
HEARD
--> 10:00:10, 1, 2, 0
WATERMARK '10:00:25'
HEARD
--> 10:00:10, 1, 2, 0
INSERT INTO bids VALUES ('b8', '10:00:14', 1, 1.0);
HEARD
--> 10:00:10, 1, 3, 1
CREATE VIEW tops AS SELECT MAX(n) AS top FROM counts GROUP BY window_start;
LISTEN SELECT * FROM tops EMIT CHANGES;
INSERT INTO bids VALUES ('b9', '10:00:15', 1, 1.0);
HEARD
--> 4, 10:00:10, 10:00:20, 1, false

-- And to a join, a stream made of others, a table.

CREATE STREAM auctions (id STRING KEY, ts TIMESTAMP, auction BIGINT, item STRING) WITH (topic = 'auctions/{id}', timestamp = 'ts');
LISTEN SELECT a.item, b.price FROM bids b JOIN auctions a WITHIN 1 MINUTE ON a.auction = b.auction WHERE b.price > 10 EMIT CHANGES;
INSERT INTO auctions VALUES ('a1', '10:00:20', 1, 'lamp');
INSERT INTO bids VALUES ('c1', '10:00:30', 1, 20.0), ('c2', '10:00:30', 1, 5.0);
HEARD
--> lamp, 20
CREATE STREAM all_ids AS SELECT id, price FROM bids UNION ALL SELECT id, 0.0 FROM auctions;
LISTEN SELECT id FROM all_ids WHERE id <> 'x' EMIT CHANGES;
INSERT INTO auctions VALUES ('a2', '10:00:20', 1, 'lamp');
INSERT INTO bids VALUES ('c3', '10:00:31', 1, 20.0), ('x', '10:00:31', 1, 20.0);
HEARD
--> a2
--> c3
CREATE TABLE sellers (id STRING KEY, ts TIMESTAMP, name STRING) WITH (topic = 'sellers/{id}', timestamp = 'ts');
LISTEN SELECT * FROM sellers EMIT CHANGES;
INSERT INTO sellers VALUES ('s1', '10:00:00', 'Ada');
HEARD
--> s1, 10:00:00, Ada

-- It ends with what it reads.

LISTEN SELECT n FROM counts EMIT CHANGES;
DROP VIEW tops;
HEARD
DROP VIEW counts;
HEARD
--> ended: what it reads was dropped or defined anew
LISTEN SELECT id FROM bids EMIT CHANGES;
DROP STREAM all_ids;
HEARD
DROP STREAM bids;
HEARD
--> ended: what it reads was dropped or defined anew

-- What a push query is not.

LISTEN SELECT COUNT(*) FROM auctions EMIT CHANGES;
--> line 1, column 1: a push query gives rows as they come and groups nothing: CREATE VIEW … AS SELECT does, and SELECT … FROM that view EMIT CHANGES follows it
LISTEN SELECT id FROM auctions ORDER BY id EMIT CHANGES;
--> line 1, column 1: a push query gives rows as they come: it has no ORDER BY and no OFFSET
LISTEN SELECT id FROM auctions EMIT FINAL;
--> line 1, column 25: EMIT FINAL stands in CREATE VIEW; EMIT CHANGES of a view that was made with it gives what is final
LISTEN SELECT idd FROM auctions EMIT CHANGES;
--> line 1, column 8: no column `idd` in auctions; did you mean `id`?
LISTEN SELECT id FROM nothing EMIT CHANGES;
--> line 1, column 16: no stream `nothing`
