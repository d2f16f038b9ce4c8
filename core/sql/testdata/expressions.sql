-- Expressions, over a view of one row: n = 7, x = 2.5, name = 'bus 7', none = NULL, money = 12.50.
CREATE STREAM s (name STRING KEY, ts TIMESTAMP, n BIGINT, x DOUBLE, none BIGINT, money DECIMAL(6,2), lat DOUBLE, lon DOUBLE, flag BOOLEAN) WITH (topic = 't', timestamp = 'ts');
CREATE VIEW one AS SELECT name, n, x, none, money, ts, flag, h3(lat, lon, 9) AS cell FROM s GROUP BY name, n, x, none, money, ts, flag, cell
--> stream s created
--> view one created

--| one
--| bus 7, 7, 2.5, , 12.50, 2016-11-25T12:00:00Z, true, 8928308280fffff, 1970-01-01T00:00:00Z, 1970-01-01T00:00:00Z, 0, false
SELECT 1 + 2 * 3 AS a, (1 + 2) * 3 AS b, -n AS c, - -n AS d, 7 / 2 AS e, 7 / 2.0 AS f, 7 % 4 AS g, 2 - 3 - 4 AS h FROM one
--> a | b | c | d | e | f | g | h
--> 7 | 9 | -7 | 7 | 3 | 3.5 | 3 | -5

-- A result that cannot be is NULL: division by zero, past 64 bits, past a double.
SELECT n / 0 AS a, n % 0 AS b, x / 0 AS c, 9223372036854775807 + n AS d, -9223372036854775808 AS e, 1e308 * 10 AS f, ABS(-9223372036854775808) AS g FROM one
--> a | b | c | d | e | f | g
--> NULL | NULL | NULL | NULL | -9223372036854775808 | NULL | NULL

-- DECIMALs are exact; beside them a literal is a DECIMAL, too.
SELECT money * 2 AS a, money + 0.05 AS b, money * 1.1 AS c, money / 2 AS d, money > 12.49 AS e, money = 12.5 AS f, money + x AS g, CAST(money AS BIGINT) AS h FROM one
--> a | b | c | d | e | f | g | h
--> 25.00 | 12.55 | 13.750 | 6.25 | true | true | 15 | 12

SELECT TRUE AND NULL AS a, FALSE AND NULL AS b, TRUE OR NULL AS c, NOT NULL AS d, NULL = NULL AS e, none IS NULL AS f, none IS NOT NULL AS g, flag AND NOT flag OR flag AS h FROM one
--> a | b | c | d | e | f | g | h
--> NULL | false | true | NULL | NULL | true | false | true

SELECT n BETWEEN 1 AND 7 AS a, n NOT BETWEEN 1 AND 7 AS b, n IN (1, 7) AS c, n NOT IN (1, 2) AS d, n IN (1, NULL) AS e, n NOT IN (7, NULL) AS f, none IN (1) AS g FROM one
--> a | b | c | d | e | f | g
--> true | false | true | true | NULL | false | NULL

SELECT name LIKE 'bus%' AS a, name LIKE '_us_7' AS b, name NOT LIKE '%x%' AS c, '50%' LIKE '%!%' ESCAPE '!' AS d, name LIKE 'BUS%' AS e FROM one
--> a | b | c | d | e
--> true | true | true | true | false

SELECT CASE WHEN n > 5 THEN 'many' ELSE 'few' END AS a, CASE n WHEN 7 THEN 'seven' WHEN 8 THEN 'eight' END AS b, CASE n WHEN 1 THEN 1 END AS c, CASE WHEN none > 1 THEN 1 ELSE 2.5 END AS d FROM one
--> a | b | c | d
--> many | seven | NULL | 2.5

SELECT UPPER(name) AS a, ucase(name) AS b, LCASE('ÄB') AS c, LEN(name) AS d, SUBSTRING(name, 5) AS e, SUBSTR(name, 1, 3) AS f, name || '-' || n || '-' || x AS g, CONCAT(name, NULL, '!') AS h, TRIM('  a ') AS i FROM one
--> a | b | c | d | e | f | g | h | i
--> BUS 7 | BUS 7 | äb | 5 | 7 | bus | bus 7-7-2.5 | bus 7! | a

SELECT ABS(-x) AS a, ROUND(x) AS b, ROUND(-x) AS c, ROUND(2.345, 2) AS d, FLOOR(-x) AS e, CEIL(x) AS f, COALESCE(none, n) AS g, IFNULL(none, 0) AS h, NULLIF(n, 7) AS i, GREATEST(1, n, x) AS j, LEAST(1, n, x) AS k FROM one
--> a | b | c | d | e | f | g | h | i | j | k
--> 2.5 | 3 | -2 | 2.35 | -3 | 3 | 7 | 0 | NULL | 7 | 1

SELECT CAST('12' AS BIGINT) AS a, CAST('x' AS BIGINT) AS b, CAST(x AS BIGINT) AS c, CAST(n AS STRING) AS d, CAST('2016-11-25' AS TIMESTAMP) AS e, CAST(x AS DECIMAL(4,2)) AS f, CAST('true' AS BOOLEAN) AS g, CAST(NULL AS DOUBLE) AS h FROM one
--> a | b | c | d | e | f | g | h
--> 12 | NULL | 2 | 7 | 2016-11-25T00:00:00Z | 2.50 | true | NULL

SELECT ts = '2016-11-25T12:00:00Z' AS a, ts > '2016-11-25' AS b, ts + INTERVAL '90' MINUTES AS c, ts - INTERVAL 1 DAY AS d, NOW() AS e, UNIX_TIMESTAMP(ts) AS f, FROM_UNIXTIME(0) AS g, ts = 1480075200 AS h, ts BETWEEN '2016-11-25' AND '2016-11-26' AS i FROM one
--> a | b | c | d | e | f | g | h | i
--> true | true | 2016-11-25T13:30:00Z | 2016-11-24T12:00:00Z | 2026-01-01T12:00:00Z | 1480075200000 | 1970-01-01T00:00:00Z | true | true

SELECT cell = '8928308280fffff' AS a, h3_parent(cell, 5) AS b, h3_parent('8928308280fffff', 5) AS c, h3(37.775270, -122.418870, 9) AS d, h3(91, 0, 9) AS e, ROUND(distance_m(0, 0, 0, 1)) AS f FROM one
--> a | b | c | d | e | f
--> true | 85283083fffffff | 85283083fffffff | 8928308280fffff | NULL | 111195

-- Names: the case matters only in double quotes.
SELECT "name", NAME AS "Name", one.n, o.n AS m FROM one o
--> name | Name | n | m
--> bus 7 | bus 7 | 7 | 7

SELECT "NAME" FROM one
--> error 1:8: no column `NAME` in one; did you mean `name`?

-- Precedence and comments.
SELECT NOT n = 8 AND TRUE AS a, n = 7 OR 1 / 0 = 1 AND FALSE AS b, 'a' || 'b' = 'ab' AS c -- the rest of the line
FROM /* a comment
over lines */ one
--> a | b | c
--> true | true | true

SELECT n + FROM one
--> error 1:12: expected an expression, found the keyword FROM (as a name it needs double quotes)

SELECT (n FROM one
--> error 1:11: expected `)`, found `FROM`

SELECT n n n FROM one
--> error 1:12: expected FROM, found `n`

SELECT 'it FROM one
--> error 1:8: this string has no end: the closing ' is missing

SELECT 12abc FROM one
--> error 1:8: the number 12 runs into 'a'

SELECT CAST(n AS) FROM one
--> error 1:17: expected a type (STRING, BIGINT, DOUBLE, DECIMAL, BOOLEAN, TIMESTAMP), found `)`

SELECT CASE n END FROM one
--> error 1:15: expected WHEN, found `END`

SELECT n IN () FROM one
--> error 1:14: expected an expression, found `)`

SELECT flag > 5 FROM one
--> error 1:13: BOOLEAN cannot be compared with BIGINT

SELECT name + 1 FROM one
--> error 1:13: + takes two numbers, not STRING and BIGINT

SELECT CASE WHEN n THEN 1 END FROM one
--> error 1:8: WHEN takes a condition, not BIGINT

SELECT CASE WHEN flag THEN 1 ELSE 'a' END FROM one
--> error 1:8: the results of CASE: STRING and BIGINT do not mix

SELECT COALESCE(n, name) FROM one
--> error 1:8: COALESCE(x, …): BIGINT and STRING do not mix

SELECT cell = '1' FROM one
--> error 1:15: '1' is no CELL

SELECT UPER(name) FROM one
--> error 1:8: no function `UPER`; did you mean `UPPER`?

SELECT UPPER(name, 1) FROM one
--> error 1:8: UPPER(text) takes 1 argument, not 2

SELECT CAST(flag AS DOUBLE) FROM one
--> error 1:8: BOOLEAN cannot be cast to DOUBLE

SELECT 99999999999999999999 FROM one
--> error 1:8: 99999999999999999999 is too large for a BIGINT

SELECT n FROM one WHERE n > (SELECT 1)
--> error 1:30: a sub-select is not supported yet
