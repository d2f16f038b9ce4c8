#!/usr/bin/env bash
# make bench: runs every benchmark, and leaves two files in deploy/bench/, named by date and commit:
# .txt as go test printed it, for benchstat, and .md, a table.   BENCH=regexp COUNT=n BENCHTIME=1s HEXPANE_YEAR_DAYS=30 (days with all their minutes, of a year of history)
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
out=deploy/bench/$(date -u +%Y%m%d-%H%M%S)-$commit
mkdir -p deploy/bench
export HEXPANE_YEAR_DAYS=${HEXPANE_YEAR_DAYS:-30}

cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
machine="$(uname -sm), $(nproc) × ${cpu:-unknown CPU}, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
printf 'commit: %s\ndate: %s\nmachine: %s\n' "$commit" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$machine" | tee "$out.txt"

status=0
go test -run '^$' -bench "${BENCH:-.}" -benchmem -benchtime "${BENCHTIME:-1s}" -count "${COUNT:-1}" -timeout 1h ./... |
	tee -a "$out.txt" | grep -v -e '\[no test files\]' -e '^PASS$' || status=$?

# A benchmark's line is its name, its count, then pairs of value and unit.
awk -v head="$commit, $(date -u +%F), $machine" '
	BEGIN { print "# Benchmarks\n\n" head "\n\n| package | benchmark | ns/op | B/op | allocs/op | more |\n|---|---|--:|--:|--:|---|" }
	/^pkg: / { pkg = $2; sub(".*/hexpane/hexpane/", "", pkg) }
	/^Benchmark/ && NF >= 4 {
		split("", v); more = ""
		for (i = 3; i < NF; i += 2)
			if ($(i+1) ~ /^(ns|B|allocs)\/op$/) v[$(i+1)] = $i
			else more = more (more == "" ? "" : ", ") $i " " $(i+1)
		print "| " pkg " | " substr($1, 10) " | " v["ns/op"] " | " v["B/op"] " | " v["allocs/op"] " | " more " |"
	}' "$out.txt" > "$out.md"
echo
cat "$out.md"
echo
echo "written: $out.txt, $out.md"
exit "$status"
