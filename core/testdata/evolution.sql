-- A view's columns, HAVING and RETENTION may change over what it holds; what was not gathered can't be shown of the past.

CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, stop STRING, fare DECIMAL(6,2)) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE VIEW stops AS SELECT stop, COUNT(*) AS n, SUM(fare) AS fares, MAX(fare) AS dearest FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
INSERT INTO taps VALUES ('a', '10:00:01', 'north', 2.00), ('b', '10:00:02', 'north', 3.00), ('c', '10:00:03', 'south', 1.50);
CREATE VIEW stops AS SELECT stop AS place, MAX(fare) - 1 AS above, SUM(fare) / COUNT(*) AS mean, window_end AS until FROM taps WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 30 DAYS) GROUP BY stop HAVING COUNT(*) > 1;
SELECT * FROM stops;
--> north, 2.00, 2.5, 10:01:00, 10:00:00, 10:01:00, 0, false
INSERT INTO taps VALUES ('d', '10:00:04', 'south', 2.50);
SELECT place, above, mean, until FROM stops;
--> north, 2.00, 2.5, 10:01:00
--> south, 1.50, 2, 10:01:00
CRASH
SELECT place, above, mean, until FROM stops;
--> north, 2.00, 2.5, 10:01:00
--> south, 1.50, 2, 10:01:00

-- Readings that an edge had taken in under the old definition count in the new one.

CREATE OR REPLACE VIEW stops AS SELECT stop, COUNT(*) AS n FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
INSERT INTO taps VALUES ('e', '10:00:05', 'south', 2.50);
SELECT stop, n FROM stops;
--> north, 2
--> south, 3
CREATE VIEW stops AS SELECT stop, MAX(fare) AS dearest FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
SELECT stop, dearest FROM stops;
--> north, 3.00
--> south, 2.50

-- An aggregate that is new, another window, group or filter would make the past wrong: that has to be said.

CREATE VIEW stops AS SELECT stop, MIN(fare) AS cheapest FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
--> error: line 1, column 13: view stops exists with another definition, whose windows do not fit this one: it reads, groups or windows otherwise, or has an aggregate that is new; CREATE OR REPLACE VIEW drops them and begins anew
CREATE VIEW stops AS SELECT stop, COUNT(*) AS n FROM taps WINDOW TUMBLING (SIZE 2 MINUTES) GROUP BY stop;
--> error: line 1, column 13: view stops exists with another definition, whose windows do not fit this one: it reads, groups or windows otherwise, or has an aggregate that is new; CREATE OR REPLACE VIEW drops them and begins anew
CREATE VIEW stops AS SELECT stop, COUNT(*) AS n FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) WHERE fare > 0 GROUP BY stop;
--> error: line 1, column 13: view stops exists with another definition, whose windows do not fit this one: it reads, groups or windows otherwise, or has an aggregate that is new; CREATE OR REPLACE VIEW drops them and begins anew
CREATE OR REPLACE VIEW stops AS SELECT stop, MIN(fare) AS cheapest FROM taps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY stop;
SELECT * FROM stops;
INSERT INTO taps VALUES ('f', '10:00:06', 'south', 9.00);
SELECT stop, cheapest FROM stops;
--> south, 9.00

-- The same of hopping windows and sessions.

CREATE VIEW hops AS SELECT stop, COUNT(*) AS n, SUM(fare) AS fares FROM taps WINDOW HOPPING (SIZE 2 MINUTES, ADVANCE BY 1 MINUTE) GROUP BY stop;
CREATE VIEW trips AS SELECT card, COUNT(*) AS n, SUM(fare) AS fares FROM taps WINDOW SESSION (1 MINUTE) GROUP BY card;
INSERT INTO taps VALUES ('g', '10:05:00', 'west', 1.00), ('g', '10:05:30', 'west', 2.00);
CREATE VIEW hops AS SELECT stop, SUM(fare) AS paid FROM taps WINDOW HOPPING (SIZE 2 MINUTES, ADVANCE BY 1 MINUTE) GROUP BY stop;
CREATE VIEW trips AS SELECT card, SUM(fare) AS paid, window_end - INTERVAL '1' SECOND AS soon FROM taps WINDOW SESSION (1 MINUTE) GROUP BY card;
INSERT INTO taps VALUES ('g', '10:06:10', 'west', 4.00);
SELECT window_start, paid FROM hops;
--> 10:04:00, 3.00
--> 10:05:00, 7.00
--> 10:06:00, 4.00
SELECT card, paid, soon, window_start, window_end FROM trips;
--> g, 7.00, 10:06:09, 10:05:00, 10:06:10
CRASH
INSERT INTO taps VALUES ('g', '10:06:20', 'west', 8.00);
SELECT window_start, paid FROM hops;
--> 10:04:00, 3.00
--> 10:05:00, 15.00
--> 10:06:00, 12.00
SELECT card, paid, soon FROM trips;
--> g, 15.00, 10:06:19

-- And of a view with a sub-select that groups: what is inside stays as long as it is the same.

CREATE VIEW per_card AS SELECT MAX(n) AS most FROM (SELECT card, COUNT(*) AS n FROM taps GROUP BY card) c;
INSERT INTO taps VALUES ('h', '10:07:00', 'west', 1.00), ('h', '10:07:01', 'west', 1.00);
CREATE VIEW per_card AS SELECT MAX(n) * 10 AS ten_times FROM (SELECT card, COUNT(*) AS n FROM taps GROUP BY card) c;
SELECT ten_times FROM per_card;
--> 20
INSERT INTO taps VALUES ('h', '10:07:02', 'west', 1.00);
SELECT ten_times FROM per_card;
--> 30
CREATE OR REPLACE VIEW per_card AS SELECT MIN(n) AS least FROM (SELECT card, COUNT(*) AS n FROM taps GROUP BY card) c;
SELECT least FROM per_card;
--> 3
