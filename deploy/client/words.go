package client

import (
	"regexp"
	"slices"
	"strings"
)

// The words of the language, for Tab alone: what is not here can be typed all the same.
var (
	beginnings = strings.Fields("CREATE DESCRIBE DROP EXPLAIN INSERT LIST SELECT SHOW")

	// follows says what comes after a word, where little can.
	follows = map[string][]string{
		"CREATE":   {"STREAM", "TABLE", "VIEW", "PATTERN", "ALERT", "OR REPLACE"},
		"REPLACE":  {"STREAM", "TABLE", "VIEW", "PATTERN", "ALERT"},
		"DROP":     {"STREAM", "TABLE", "VIEW", "PATTERN", "ALERT"},
		"SHOW":     {"ALERTS", "EDGES", "PATTERNS", "STREAMS", "TABLES", "VIEWS"},
		"LIST":     {"ALERTS", "EDGES", "PATTERNS", "STREAMS", "TABLES", "VIEWS"},
		"INSERT":   {"INTO"},
		"GROUP":    {"BY"},
		"ORDER":    {"BY"},
		"EMIT":     {"CHANGES", "FINAL"},
		"WINDOW":   {"HOPPING", "SESSION", "TUMBLING"},
		"GRACE":    {"PERIOD"},
		"ADVANCE":  {"BY"},
		"UNION":    {"ALL"},
		"IS":       {"NOT NULL", "NULL"},
		"LEFT":     {"JOIN"},
		"INNER":    {"JOIN"},
		"IF":       {"EXISTS", "NOT EXISTS"},
		"AFTER":    {"MATCH SKIP"},
		"STALE":    {"AFTER"},
		"SKIP":     {"PAST LAST ROW", "TO FIRST", "TO LAST", "TO NEXT ROW"},
		"ROW":      {"PER MATCH"},
		"ROWS":     {"PER MATCH"},
		"RECOVER":  {"WHEN"},
		"SEVERITY": {"CRITICAL", "INFO", "WARNING"},
	}

	// reserved words can be names only in quotes.
	reserved = strings.Fields(`AND AS BETWEEN BY CASE CAST CREATE CROSS DISTINCT DROP ELSE EMIT END ESCAPE EXISTS FALSE FROM FULL GROUP
		HAVING IN INNER INSERT INTERVAL IS JOIN LEFT LIKE LIMIT MATCH_RECOGNIZE NOT NULL OFFSET ON OR ORDER OUTER PARTITION RIGHT
		SELECT THEN TRUE UNION WHEN WHERE WINDOW WITH WITHIN`)

	words = append(strings.Fields(`ADVANCE AFTER ALERT ALL ANY ASC BIGINT BOOLEAN CHANGES DAY DAYS DECIMAL DEFINE DESC DESCRIPTOR DOUBLE FINAL FOR GRACE FOLLOWED HOPPING HOUR
		HOURS IF INTO KEY LABELS MATCH MEASURES MINUTE MINUTES NOTIFY ONE PAST PATH PATTERN PER PERIOD
		PREV CLASSIFIER MATCH_NUMBER RECOVER RETENTION ROW ROWS RUNNING SECOND SECONDS SESSION SEVERITY SIZE SKIP STALE STREAM STRING SUBSET TABLE TIMESTAMP TUMBLING
		VALUES VIEW WINDOWS`), reserved...)

	functions = strings.Fields(`COUNT SUM AVG MIN MAX STDDEV PERCENTILE FIRST LAST COLLECT_LIST TOPK TUMBLE HOP
		ABS SIGN SQRT FLOOR CEIL ROUND UPPER LOWER TRIM LEN SUBSTRING REPLACE CONCAT COALESCE IFNULL NULLIF GREATEST LEAST CAST
		UNIX_TIMESTAMP FROM_UNIXTIME NOW H3 H3_PARENT DISTANCE_M`)

	bareName = regexp.MustCompile(`^[\pL_][\pL\p{Nd}_]*$`)
)

// quoted writes a name as a statement may have it.
func quoted(name string) string {
	if bareName.MatchString(name) && !slices.Contains(reserved, strings.ToUpper(name)) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
