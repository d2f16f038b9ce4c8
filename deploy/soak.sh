#!/usr/bin/env bash
# make soak: every test in its full length (HEXPANE_SOAK=1), then the sabotages of deploy/mutants.sh, then every fuzz target for FUZZTIME.
# A test reports what it tried and what was lost in lines that begin with "soak:" (t.Logf); they are
# gathered into a table at the end. Everything printed stays in deploy/bench/soak-*.txt.   RUN=regexp FUZZTIME=1m
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p deploy/bench
log=deploy/bench/soak-$(date -u +%Y%m%d-%H%M%S)-$(git describe --always --dirty 2>/dev/null || echo unknown).txt
status=0

# -p 1: one package at a time has the machine to itself, and its lines come as they are printed.
HEXPANE_SOAK=1 go test -p 1 -count 1 -timeout 2h -v -run "${RUN:-.}" ./... 2>&1 | tee "$log" || status=1

echo "=== MUTANTS" | tee -a "$log"
deploy/mutants.sh 2>&1 | tee -a "$log" || status=1

for dir in $(go list -f '{{.Dir}}' ./...); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$dir"/*_test.go 2>/dev/null); do
		echo "=== FUZZ ${dir#"$PWD"/} $target" | tee -a "$log"
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-1m}" "$dir" 2>&1 | tee -a "$log"; then
			echo "soak: fuzz ${dir#"$PWD"/} $target ${FUZZTIME:-1m} found=0" >> "$log"
		else
			echo "soak: fuzz ${dir#"$PWD"/} $target FAILED" >> "$log"
			status=1
		fi
	done
done

echo
echo "What was tried, and what was lost ($log):"
grep -oE 'soak: .*' "$log" | sed 's/^soak: /  /' || echo "  nothing reported"
grep -E '^(--- FAIL|FAIL)' "$log"
exit "$status"
