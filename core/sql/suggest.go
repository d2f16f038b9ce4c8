package sql

import (
	"strings"
	"unicode/utf8"
)

// didYouMean gives "; did you mean `speed`?" if one candidate is near enough, else "".
func didYouMean(name string, candidates []string) string {
	if near, ok := nearest(name, candidates); ok {
		return "; did you mean `" + near + "`?"
	}
	return ""
}

// nearest allows one slip in three letters, or a missing or surplus ending of a word (lat for latitude).
func nearest(name string, candidates []string) (string, bool) {
	folded := strings.ToLower(name)
	n := utf8.RuneCountInString(folded)
	if n == 0 || n > maxName {
		return "", false
	}
	best, bestSlips := "", max(1, n/3)+1
	for _, c := range candidates {
		f := strings.ToLower(c)
		slips := distance([]rune(folded), []rune(f), bestSlips)
		if n >= 3 && slips >= bestSlips && best == "" && (strings.HasPrefix(f, folded) || len(f) >= 3 && strings.HasPrefix(folded, f)) {
			best = c // a beginning is a guess only as long as nothing is nearer
			continue
		}
		if slips < bestSlips {
			best, bestSlips = c, slips
		}
	}
	return best, best != ""
}

// distance counts insertions, deletions, changes and swaps of neighbours (optimal string alignment); it
// gives up at most.
func distance(a, b []rune, most int) int {
	if d := len(a) - len(b); d >= most || -d >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(most, last[len(b)])
}
