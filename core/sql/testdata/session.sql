CREATE STREAM pages (visitor STRING KEY, ts TIMESTAMP, page STRING, ms BIGINT) WITH (topic = 'web/{visitor}', timestamp = 'ts')
--> stream pages created

-- A session ends when nothing comes for the gap; edges send panes no longer than that.
CREATE VIEW visits AS
  SELECT visitor, COUNT(*) AS pages, LAST(page) AS left_at, window_start, window_end
  FROM pages WINDOW SESSION (30 MINUTES, GRACE PERIOD 1 HOUR)
  GROUP BY visitor HAVING COUNT(*) > 10
--> view visits created

EXPLAIN visits
--> view visits over stream pages
--> ├─ edge: each reading
--> │  ├─ decode   json from topic web/{visitor}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      visitor
--> │  ├─ pane     30 minutes of event time
--> │  ├─ observe  COUNT(*), LAST(page), first and last event time
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(visitor) mod 8
-->    ├─ merge    panes of all edges into sessions with gaps of up to 30 minutes
-->    ├─ late     revised for 1 hour after the window, then to the table late
-->    ├─ having   COUNT(*) > 10
-->    ├─ column   visitor
-->    ├─ column   pages = COUNT(*)
-->    ├─ column   left_at = LAST(page)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

DESCRIBE visits
--> column | type | note
--> visitor | STRING | key
--> pages | BIGINT |
--> left_at | STRING |
--> window_start | TIMESTAMP |
--> window_end | TIMESTAMP |
--> revision | BIGINT |
--> final | BOOLEAN |

-- The other spellings mean the same.
EXPLAIN CREATE VIEW x AS SELECT visitor, COUNT(*) AS n FROM pages GROUP BY visitor, SESSION(ts, INTERVAL '30' SECOND)
--> view x over stream pages
--> ├─ edge: each reading
--> │  ├─ decode   json from topic web/{visitor}
--> │  ├─ time     ts, up to 5 seconds out of order
--> │  ├─ dedupe   equal key, time and payload count once
--> │  ├─ key      visitor
--> │  ├─ pane     30 seconds of event time
--> │  ├─ observe  COUNT(*), first and last event time
--> │  └─ forward  what each pane gained, merged per key
--> └─ core: each delta
-->    ├─ route    hash(visitor) mod 8
-->    ├─ merge    panes of all edges into sessions with gaps of up to 30 seconds
-->    ├─ late     revised for 1 day after the window, then to the table late
-->    ├─ column   visitor
-->    ├─ column   n = COUNT(*)
-->    ├─ emit     each change
-->    └─ keep     7 days, counted back from the watermark

CREATE VIEW x AS SELECT visitor, page, COUNT(*) AS n
  FROM TABLE(SESSION(TABLE pages PARTITION BY visitor, page, DESCRIPTOR(ts), INTERVAL '30' SECONDS)) GROUP BY visitor, page, window_start, window_end
--> view x created

CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(SESSION(TABLE pages, DESCRIPTOR(ts), INTERVAL '30' SECONDS)) EMIT FINAL
--> view y created

SHOW VIEWS
--> name | stream | window | sql
--> visits | pages | sessions with gaps of up to 30 minutes | CREATE VIEW visits AS⏎  SELECT visitor, COUNT(*) AS pages, LAST(page) AS left_at, window_start, window_end⏎  FROM pages WINDOW SESSION (30 MINUTES, GRACE PERIOD 1 HOUR)⏎  GROUP BY visitor HAVING COUNT(*) > 10
--> x | pages | sessions with gaps of up to 30 seconds | CREATE VIEW x AS SELECT visitor, page, COUNT(*) AS n⏎  FROM TABLE(SESSION(TABLE pages PARTITION BY visitor, page, DESCRIPTOR(ts), INTERVAL '30' SECONDS)) GROUP BY visitor, page, window_start, window_end
--> y | pages | sessions with gaps of up to 30 seconds | CREATE VIEW y AS SELECT COUNT(*) AS n FROM TABLE(SESSION(TABLE pages, DESCRIPTOR(ts), INTERVAL '30' SECONDS)) EMIT FINAL

-- Errors.
CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages WINDOW SESSION (SIZE 30 SECONDS)
--> error 2:66: expected a length of time like 10 SECONDS, found `SIZE`

CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages WINDOW SESSION (0 SECONDS)
--> error 1:66: a session of gap 0 holds readings of one moment; give the time without a reading that ends it

CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages WINDOW SESSION (30 DAYS)
--> error 1:66: a gap of 30 days is too long: a session of a key is held until that much time went by; at most 7 days

CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages WINDOW SESSION (1 DAY, RETENTION 1 DAY)
--> error 1:57: RETENTION is shorter than SIZE (of sessions the gap) and GRACE PERIOD together: late readings would find their window gone

CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages GROUP BY SESSION(ts)
--> error 1:59: SESSION takes the event time and a gap: SESSION(ts, INTERVAL '30' SECOND)

CREATE VIEW z AS SELECT COUNT(*) AS n FROM pages GROUP BY SESSION(ms, INTERVAL '5' MINUTE)
--> error 1:67: windows go by event time, which in pages is `ts`, not `ms`

CREATE VIEW z AS SELECT COUNT(*) AS n FROM TABLE(SESSION(TABLE pages PARTITION BY visitor, DESCRIPTOR(ts), INTERVAL '30' SECONDS))
--> error 1:83: sessions are of a group, and GROUP BY does not name `visitor`

CREATE VIEW z AS SELECT visitor, SPAN(ms) FROM pages WINDOW SESSION (1 MINUTE) GROUP BY visitor
--> error 1:34: no function `SPAN`
