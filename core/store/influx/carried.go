package influx

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// What a point carries is text of base64 in a string field, hexpane_window. InfluxDB promises to take 64 KiB a field: what is longer goes on in
// hexpane_window_2, and so forth, and says at its front how many there are: a point that is written again with less leaves the others standing.
//
//	hexpane_window = "AQEC…"        one
//	hexpane_window = "3:AQEC…", hexpane_window_2 = "…", hexpane_window_3 = "…"
const (
	carriedName = "hexpane_window"
	carriedMost = 60_000 // bytes of a field
)

// carriedFields matches the names of all of them.
const carriedFields = "/^" + carriedName + "(_[0-9]+)?$/"

var carriedNumber = regexp.MustCompile("^" + carriedName + "(?:_([0-9]+))?$")

var errCarried = errors.New("corrupt field " + carriedName)

func carriedField(i int) string {
	if i == 0 {
		return carriedName
	}
	return carriedName + "_" + strconv.Itoa(i+1)
}

// carriedTexts are the fields' values, in order.
func carriedTexts(carried []byte) (texts []string) {
	if len(carried) == 0 {
		return nil
	}
	text := base64.RawStdEncoding.EncodeToString(carried)
	n := (len(text) + carriedMost - 1) / carriedMost
	for len(text) > carriedMost {
		texts, text = append(texts, text[:carriedMost]), text[carriedMost:]
	}
	texts = append(texts, text)
	if n > 1 {
		texts[0] = strconv.Itoa(n) + ":" + texts[0]
	}
	return texts
}

// readCarried puts together what a point carries; nil if nothing.
func readCarried(texts []string) ([]byte, error) {
	if len(texts) == 0 || texts[0] == "" {
		return nil, nil
	}
	text := texts[0]
	if number, first, several := strings.Cut(text, ":"); several {
		n, err := strconv.Atoi(number)
		if err != nil || n < 2 || n > len(texts) {
			return nil, errCarried
		}
		text = first + strings.Join(texts[1:n], "")
	}
	carried, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errCarried
	}
	return carried, nil
}

// carriedAt says which of them a field is, from 0; ok is false for another field.
func carriedAt(field string) (i int, ok bool) {
	m := carriedNumber.FindStringSubmatch(field)
	if m == nil || m[1] == "" {
		return 0, m != nil
	}
	n, err := strconv.Atoi(m[1])
	return n - 1, err == nil && n > 1 && n <= carriedFieldsMost
}

// carriedFieldsMost bounds what names of fields make the reader hold.
const carriedFieldsMost = 10_000
