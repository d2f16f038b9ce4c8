CREATE STREAM taps (card STRING KEY, ts TIMESTAMP, city STRING, amount BIGINT) WITH (topic = 'taps/{card}', timestamp = 'ts');
CREATE VIEW v AS SELECT card, COUNT(*) AS n FROM taps GROUP BY card;
CREATE PATTERN p AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A));
--> stream taps created
--> view v created
--> pattern p created

CREATE PATTERN q AS SELECT * FROM taps
--> error 1:39: expected MATCH_RECOGNIZE (…), which says what a pattern is, found the end

CREATE PATTERN q SELECT * FROM taps MATCH_RECOGNIZE (PATTERN (A))
--> error 1:18: expected AS, found `SELECT`

SELECT * FROM taps MATCH_RECOGNIZE (PATTERN (A))
--> error 1:20: MATCH_RECOGNIZE stands in CREATE PATTERN name AS SELECT …; views and SELECTs then read FROM name

CREATE VIEW q AS SELECT card FROM taps GROUP BY card MATCH_RECOGNIZE (PATTERN (A))
--> error 1:54: MATCH_RECOGNIZE stands right behind what it reads: FROM stream MATCH_RECOGNIZE (…), and that in CREATE PATTERN

CREATE VIEW q AS SELECT COUNT(*) FROM (SELECT * FROM taps MATCH_RECOGNIZE (PATTERN (A)))
--> error 1:59: MATCH_RECOGNIZE stands in CREATE PATTERN name AS SELECT …; views and SELECTs then read FROM name

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES A.x AS x PATTERN (A))
--> error 1:86: no column `x` in taps

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES A.amuont AS x PATTERN (A))
--> error 1:86: no column `amuont` in taps; did you mean `amount`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES B.amount AS x PATTERN (A))
--> error 1:84: no variable `B` in PATTERN; did you mean `A`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES amount PATTERN (A))
--> error 1:91: expected AS and the measure's name, found `PATTERN`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES NULL AS x PATTERN (A))
--> error 1:84: measure `x` is always NULL and so has no type; CAST it

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES amount AS x, city AS X PATTERN (A))
--> error 1:105: two columns are named `X`; give the measure another name

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES amount AS match_id PATTERN (A))
--> error 1:28: every pattern has a column `match_id` already; choose another name

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES SUM(A.amount + B.amount) AS x PATTERN (A B))
--> error 1:101: `A.amount` and `B.amount` are of different variables, and SUM is over the rows of one

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES SUM(A.city) AS x PATTERN (A))
--> error 1:84: SUM takes a number, not STRING

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES SUM(FIRST(A.amount)) AS x PATTERN (A))
--> error 1:88: FIRST inside of SUM is not supported yet; take the columns there as they are

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES PREV(LAST(A.amount)) AS x PATTERN (A))
--> error 1:89: LAST inside of PREV is not supported yet; take the columns there as they are

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES NEXT(amount) AS x PATTERN (A))
--> error 1:84: NEXT would look at rows that have not come yet; say it of the later row, with PREV or LAST(A.x)

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES FIRST(amount, -1) AS x PATTERN (A))
--> error 1:98: how many rows away is a whole number from 0 to 1000

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES FIRST() AS x PATTERN (A))
--> error 1:84: FIRST takes a column and how many rows away: FIRST(A.x) or FIRST(A.x, 2)

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES A.* AS x PATTERN (A))
--> error 1:86: A.* stands in COUNT(A.*) alone

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES COUNT(taps.*) AS x PATTERN (A))
--> error 1:90: COUNT(A.*) counts the rows of a variable; COUNT(*) counts all rows of the match

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES FINAL amount AS x PATTERN (A))
--> error 1:84: FINAL stands before FIRST, LAST or an aggregate

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES FINAL ABS(amount) AS x PATTERN (A))
--> error 1:84: FINAL stands before FIRST, LAST or an aggregate

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES NOW() AS x PATTERN (A))
--> error 1:84: NOW() cannot stand in a view, pattern or alert: its result must not depend on when it is computed

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES CLASSIFIER(A) AS x PATTERN (A))
--> error 1:84: CLASSIFIER() takes no arguments

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES MERGE(amount) AS x PATTERN (A))
--> error 1:84: MERGE puts the windows of a view together, and a pattern reads rows

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN ())
--> error 1:84: expected a variable, like A or A+, found `)`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)
--> error 1:86: expected WITHIN, SUBSET, DEFINE or `)`, found the end

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A*))
--> error 1:83: the pattern can match no rows at all: let it take at least one

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A | B?))
--> error 1:83: the pattern can match no rows at all: let it take at least one

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A{3,2}))
--> error 1:85: {3,2}: the second number is the larger one

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A{0}))
--> error 1:87: {0} is no row at all

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A{,}))
--> error 1:87: expected how many times, found `}`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A{5000}))
--> error 1:86: at most 2000 times; count rows with COUNT(*) in DEFINE rather than with {n}

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A+*))
--> error 1:86: a second quantifier; put brackets around what the first is of

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (FOLLOWED BY A))
--> error 1:84: a pattern begins with a row: nothing is there yet that FOLLOWED BY or NOT FOLLOWED BY could follow

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A FOLLOWED BY (B?) C))
--> error 1:99: FOLLOWED BY is followed by something that takes a row, and begins with it

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A NOT FOLLOWED BY B C))
--> error 1:104: after NOT FOLLOWED BY comes FOLLOWED BY, or the end of the pattern

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A NOT FOLLOWED BY B))
--> error 1:86: NOT FOLLOWED BY at the end of a pattern needs WITHIN: else nobody knows when to stop waiting

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A NOT FOLLOWED BY B+))
--> error 1:103: NOT FOLLOWED BY takes variables without quantifiers: one row of them is enough

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A NOT B))
--> error 1:90: expected FOLLOWED, found `B`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A FOLLOWED B))
--> error 1:95: expected BY, found `B`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A {- B -}))
--> error 1:86: leaving rows out with {- … -} is not supported yet

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (PERMUTE (A, B)))
--> error 1:84: PERMUTE is not supported yet

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (^ A))
--> error 1:84: '^' has no meaning here

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) WITHIN 0 SECONDS)
--> error 1:94: WITHIN takes a length of time above 0

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) WITHIN 10 PARSECS)
--> error 1:97: expected a unit of time (MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS), found `PARSECS`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) WITHIN 1 HOUR SUBSET U = (A) WITHIN 1 HOUR)
--> error 1:116: WITHIN is given twice

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) SUBSET A = (A))
--> error 1:94: `A` is named twice

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) SUBSET U = (A, C))
--> error 1:102: no variable `C` in PATTERN; did you mean `A`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFINE B AS amount > 1)
--> error 1:94: `B` is defined and is not in PATTERN; did you mean `A`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (Abc) DEFINE Abd AS amount > 1)
--> error 1:96: `Abd` is defined and is not in PATTERN; did you mean `Abc`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFINE A AS amount)
--> error 1:99: DEFINE A takes a condition, not BIGINT

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFINE A AS amount > 1, A AS amount < 3)
--> error 1:111: `A` is defined twice; join the conditions with AND

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) SUBSET U = (A, B) DEFINE U AS amount > 1)
--> error 1:114: `U` is a SUBSET; conditions are those of its variables

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) DEFINE B AS PREV(A.amount) > 1)
--> error 1:108: PREV looks back from the row at hand, whatever its variable; LAST(A.x, 1) is the last row but one of A

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) DEFINE B AS MATCH_NUMBER() > 1)
--> error 1:101: MATCH_NUMBER() is not known before there is a match: use it in MEASURES

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) DEFINE B AS FINAL LAST(A.amount) > 1)
--> error 1:101: FINAL is for MEASURES: in DEFINE the rows to come are not known

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A B) DEFINE B AS amount > city)
--> error 1:108: BIGINT cannot be compared with STRING

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFNE A AS amount > 1)
--> error 1:87: expected WITHIN, SUBSET, DEFINE or `)` (is `DEFNE` meant to be DEFINE?), found `DEFNE`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFINE A AS amount > 1 MEASURES amount AS x)
--> error 1:110: expected WITHIN, SUBSET, DEFINE or `)` (the order is PARTITION BY, ORDER BY, MEASURES, ONE ROW or ALL ROWS PER MATCH, AFTER MATCH SKIP, PATTERN, WITHIN, SUBSET, DEFINE), found `MEASURES`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MESURES amount AS x PATTERN (A))
--> error 1:75: expected PATTERN (…) (is `MESURES` meant to be MEASURES?), found `MESURES`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ONE ROW PER MATCH)
--> error 1:92: expected PATTERN (…), found `)`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ALL ROWS PER MATCH SHOW EMPTY MATCHES PATTERN (A))
--> error 1:94: each match has rows, and rows without a match are not told: leave SHOW … out

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ONE ROWS PER MATCH PATTERN (A))
--> error 1:79: expected ROW, found `ROWS`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card AFTER MATCH SKIP TO FIRST C PATTERN (A B))
--> error 1:101: no variable `C` in PATTERN; did you mean `A`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card AFTER MATCH SKIP TO PATTERN (A B))
--> error 1:103: expected PATTERN (…), found `(`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card AFTER MATCH SKIP LAST ROW PATTERN (A B))
--> error 1:92: expected PAST or TO, found `LAST`; did you mean `PAST`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ORDER BY amount PATTERN (A))
--> error 1:84: rows are ordered by event time, which in taps is `ts`, not `amount`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts DESC PATTERN (A))
--> error 1:84: rows come in the order of their event times; leave DESC out

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts, amount PATTERN (A))
--> error 1:88: rows are ordered by event time alone; those of one time by their columns, so that no order of arrival matters

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY crad PATTERN (A))
--> error 1:70: no column `crad` in taps; did you mean `card`?

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PATTERN (A))
--> error 1:1: a pattern needs a column: MEASURES names some, and so does PARTITION BY

CREATE PATTERN q AS SELECT amount FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:28: no column `amount` in q

CREATE PATTERN q AS SELECT COUNT(*) FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:28: COUNT is an aggregate and cannot stand in SELECT over matches; it stands in MEASURES

CREATE PATTERN q AS SELECT card, card FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:34: two columns are named `card`; give one of them another name: AS other

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)) WHERE card = 'a'
--> error 1:99: WHERE over matches stands where the pattern is read: SELECT … FROM pattern WHERE …; rows are chosen before with FROM (SELECT * FROM stream WHERE …)

CREATE PATTERN q AS SELECT card FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)) GROUP BY card
--> error 1:1: a pattern groups nothing; a view over it does: CREATE VIEW … AS SELECT … FROM pattern GROUP BY …

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)) LIMIT 3
--> error 1:1: a pattern has no order and no limit; they stand in the SELECT that reads it

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)) EMIT CHANGES
--> error 1:88: a match is told once, as soon as it is certain: leave EMIT out, or say EMIT ON ARRIVAL to be told before the watermark, and again when it changes

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A)) EMIT ON TIME
--> error 1:96: expected ARRIVAL, found `TIME`

CREATE PATTERN q AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card MEASURES COUNT(*) AS final PATTERN (A)) EMIT ON ARRIVAL
--> error 1:28: every pattern with EMIT ON ARRIVAL has a column `final` already; choose another name

SELECT * FROM taps EMIT ON ARRIVAL
--> error 1:25: expected CHANGES or FINAL, found `ON`

CREATE PATTERN q AS SELECT * FROM v MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:37: a pattern over a view (its rows change after they were matched) is not supported yet

CREATE PATTERN q AS SELECT * FROM p MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:37: a pattern over p (its rows are made at the core) is not supported yet

CREATE PATTERN q AS SELECT * FROM late MATCH_RECOGNIZE (PATTERN (A))
--> error 1:35: a pattern over late is not supported yet

CREATE PATTERN q AS SELECT * FROM tapps MATCH_RECOGNIZE (PATTERN (A))
--> error 1:35: no stream `tapps`; did you mean `taps`?

CREATE PATTERN q AS SELECT * FROM taps a JOIN taps b WITHIN 1 HOUR ON a.card = b.card MATCH_RECOGNIZE (PATTERN (A))
--> error 1:87: a pattern over a join is not supported yet

CREATE PATTERN q AS SELECT * FROM (SELECT card FROM taps UNION ALL SELECT city FROM taps) MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:91: a pattern over a UNION ALL is not supported yet

CREATE PATTERN taps AS SELECT * FROM taps MATCH_RECOGNIZE (PARTITION BY card PATTERN (A))
--> error 1:16: taps is a stream

CREATE VIEW p AS SELECT COUNT(*) FROM taps
--> error 1:13: p is a pattern

CREATE STREAM p (a STRING) WITH (topic = 'p')
--> error 1:15: p is a pattern

CREATE VIEW q AS SELECT COUNT(*) AS n FROM taps JOIN p WITHIN 1 HOUR ON taps.card = p.card
--> error 1:54: joining a pattern (p is one) is not supported yet

CREATE VIEW q AS SELECT COUNT(*) AS n FROM p WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY card, TUMBLE(match_start, INTERVAL '1' HOUR)
--> error 1:91: a view has one window; here is a second

SELECT cardd FROM p
--> error 1:8: no column `cardd` in p; did you mean `card`?

EXPLAIN pp
--> error 1:9: no stream, table, view, pattern or alert `pp`; did you mean `p`?
