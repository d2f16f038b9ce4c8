package state_test

import (
	"fmt"
	"math"
	"testing"
)

// Blocks that may hold a group are found by where others begin, whatever lies beside them.
func TestBlocksOfAGroup(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	for _, v := range []uint32{1, 2} {
		for _, level := range []uint32{60, 3600} {
			for _, at := range []string{"-5 b", "-5 d", "0 a", "0 c", "0 e", "7 x", "9 a"} {
				var start int64
				var first string
				if _, err := fmt.Sscan(at, &start, &first); err != nil {
					t.Fatal(err)
				}
				tx.Block(3, v, level, start, []byte(first), fmt.Append(nil, v, level, " ", at))
			}
		}
	}
	tx.DropBlocks(3, 2, 60, -5, 9)
	tx.Rollup(3, 1, 60, []byte("mark"))
	tx.Rollup(3, 2, 3600, []byte("other"))
	must(t, tx.Commit())
	n := s.Snapshot()
	defer func() { must(t, n.Close()) }()
	blocks := func(view, level uint32, from, to int64, low, high []byte, most int) (got string) {
		must(t, n.Blocks(3, view, level, from, to, low, high, func(start int64, first, block []byte) (bool, error) {
			got += fmt.Sprintf("%d%s ", start, first)
			if want := fmt.Sprintf("%d %d %d %s", view, level, start, first); string(block) != want {
				t.Errorf("%q, want %q", block, want)
			}
			most--
			return most > 0, nil
		}))
		return got
	}
	for _, c := range []struct {
		from, to  int64
		low, high string
		want      string
	}{
		{math.MinInt64, math.MaxInt64, "", "", "-5b -5d 0a 0c 0e 7x 9a "},
		{-4, 9, "", "", "0a 0c 0e 7x "},
		{math.MinInt64, math.MaxInt64, "c", "c", "-5b 0c 9a "},
		{math.MinInt64, math.MaxInt64, "cc", "d", "-5b -5d 0c 9a "},
		{math.MinInt64, math.MaxInt64, "y", "z", "-5d 0e 7x 9a "},
		{math.MinInt64, math.MaxInt64, "a", "a", "0a 9a "},
		{0, 1, "0", "9", ""},
		{0, 8, "b", "b", "0a "},
	} {
		var low, high []byte
		if c.low != "" {
			low, high = []byte(c.low), []byte(c.high)
		}
		if got := blocks(1, 3600, c.from, c.to, low, high, 99); got != c.want {
			t.Errorf("[%d, %d) %q to %q: %q, want %q", c.from, c.to, c.low, c.high, got, c.want)
		}
	}
	if got := blocks(1, 3600, math.MinInt64, math.MaxInt64, nil, nil, 2); got != "-5b -5d " {
		t.Error(got)
	}
	if got := blocks(2, 60, math.MinInt64, math.MaxInt64, nil, nil, 99); got != "9a " {
		t.Errorf("after a deletion: %q", got)
	}
	if mark, err := n.Rollup(3, 1, 60); string(mark) != "mark" || err != nil {
		t.Error(mark, err)
	}
	tx = s.Begin()
	tx.DropRollups(3, 1)
	must(t, tx.Commit())
	if got := blocks(1, 60, math.MinInt64, math.MaxInt64, nil, nil, 99); got != "-5b -5d 0a 0c 0e 7x 9a " {
		t.Errorf("of the moment before: %q", got)
	}
	marks := ""
	must(t, s.Rollups(func(partition, view, level uint32, mark []byte) error {
		marks += fmt.Sprint(partition, view, level, string(mark), " ")
		return nil
	}))
	if marks != "3 2 3600other " {
		t.Error(marks)
	}
}

func TestWindowsOfAGroup(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	for start := int64(-20); start <= 40; start += 10 {
		for _, group := range []string{"a", "b", "bb", "c"} {
			if start != 10 || group != "b" {
				tx.Window(0, 1, start, []byte(group), fmt.Append(nil, start, group))
			}
		}
	}
	tx.Window(0, 2, 0, []byte("b"), nil)
	must(t, tx.Commit())
	n := s.Snapshot()
	defer func() { must(t, n.Close()) }()
	for _, c := range []struct {
		from, to int64
		group    string
		limit    int
		want     string
	}{
		{math.MinInt64, math.MaxInt64, "b", 99, "-20b 0b 20b 30b 40b -10b "},
		{-10, 31, "b", 99, "-10b 0b 20b 30b "},
		{-10, 31, "b", 2, "-10b 0b "},
		{math.MinInt64, math.MaxInt64, "d", 99, ""},
		{math.MinInt64, math.MaxInt64, "A", 99, ""},
		{15, 15, "b", 99, ""},
	} {
		got, k := map[string]bool{}, 0
		must(t, n.WindowsOf(0, 1, c.from, c.to, 10, []byte(c.group), func(start int64, group, stored []byte) (bool, error) {
			if string(stored) != fmt.Sprint(start, string(group)) {
				t.Errorf("%d %s: %q", start, group, stored)
			}
			got[fmt.Sprintf("%d%s", start, group)] = true
			k++
			return k < c.limit, nil
		}))
		want := map[string]bool{}
		for text := c.want; text != ""; {
			var one string
			if _, err := fmt.Sscan(text, &one); err != nil {
				break
			}
			want[one] = true
			text = text[len(one)+1:]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("[%d, %d) of %s: %v, want %v", c.from, c.to, c.group, got, want)
		}
	}
	if start, ok, err := n.FirstWindow(0, 1, -15); start != -10 || !ok || err != nil {
		t.Error(start, ok, err)
	}
	if _, ok, err := n.FirstWindow(0, 1, 41); ok || err != nil {
		t.Error(ok, err)
	}
}
