#!/usr/bin/env bash
# Breaks a copy of the edge and of the core in the ways that lose, double or delay readings, one at a time, and demands that the tests
# notice: tests that can't fail prove nothing. The repository itself is not touched.
#
#   deploy/mutants.sh          all sabotages against all tests that could see them (make soak), some minutes
#   deploy/mutants.sh quick    what the crash-simulated file system sees, alone
#   deploy/mutants.sh fits     runs no test: do the sabotages still fit the code, and build?
#   deploy/mutants.sh core     the core's alone, against its tests
#   deploy/mutants.sh all nosync   one sabotage; TESTS="kills" one kind of test
#
# A sabotage that a kind of test cannot see by its nature is listed with the reason, and not run.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-all} only=${2:-}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
status=0 table=""

fresh() { # the tree as it is here, without what git ignores
	rm -rf "$copy/tree" && mkdir "$copy/tree"
	git ls-files -z --cached --others --exclude-standard | tar --null -T - -c | tar -x -C "$copy/tree"
}

# swap FILE OLD NEW: OLD must be there once; \n and \t are newline and tab.
swap() {
	FILE="$copy/tree/$1" OLD=$(printf '%b' "$2") NEW=$(printf '%b' "$3") perl -e '
		local $/; open my $f, "<", $ENV{FILE} or die "$ENV{FILE}: $!\n"; my $s = <$f>; close $f;
		my $n = () = $s =~ /\Q$ENV{OLD}\E/g;
		$n == 1 or die "mutants.sh: $ENV{FILE} holds \"$ENV{OLD}\" $n times; the sabotage no longer fits the code: mend this script\n";
		$s =~ s/\Q$ENV{OLD}\E/$ENV{NEW}/; open $f, ">", $ENV{FILE} or die; print $f $s; close $f'
}

sabotage() {
	case $1 in
	ack-before-commit)
		swap edge/line.go 'if err := l.store.Commit(c); err != nil {' \
			'for _, m := range batch {\n\t\tif m.Done != nil {\n\t\t\tm.Done.Acknowledge(m.ID, m.QoS)\n\t\t}\n\t}\n\tif err := l.store.Commit(c); err != nil {' ;;
	nosync)
		swap edge/store/store.go 'err := b.Commit(pebble.Sync)' 'err := b.Commit(pebble.NoSync)' ;;
	sequence-apart)
		swap edge/store/outbox.go "set(binary.BigEndian.AppendUint32([]byte{'q'}, p), u64(seq))" '_, _ = p, seq'
		swap edge/store/outbox.go 's.sequences[p] = seq' \
			"s.sequences[p] = seq\n\t\tif err := s.db.Set(binary.BigEndian.AppendUint32([]byte{'q'}, p), u64(seq), pebble.Sync); err != nil {\n\t\t\treturn err\n\t\t}" ;;
	journal-dropped-early)
		swap edge/store/outbox.go 'if c.Whole {\n\t\terrs = append(errs, dropJournal' 'if c.Rows {\n\t\terrs = append(errs, dropJournal' ;;
	trimmed-before-ack)
		swap edge/uplink/uplink.go 'crash.Here("uplink.before-publish")' \
			'if err := u.outbox.Delivered(batches[0].order, batches[len(batches)-1].order); err != nil {\n\t\treturn 0, err\n\t}\n\tcrash.Here("uplink.before-publish")' ;;
	guard-never-refuses)
		swap edge/line.go 'if l.store.Space().Full() {\n\t\treturn l.submitFull(ctx, m)' 'if false {\n\t\treturn l.submitFull(ctx, m)'
		swap edge/line.go 'if l.full() || l.store.Space().Full() {' 'if l.full() {' ;;
	old-copy-unseen)
		swap edge/store/epoch.go 'if seq > s.sequences[p] {' 'if false && seq > s.sequences[p] {' ;;
	epoch-kept)
		swap edge/store/epoch.go 'v.Epoch = max(in.pending, epoch+1)' 'v.Epoch = 0' ;;
	core-dedupe-skipped)
		swap core/partition.go 'if b.Epoch < last.epoch || b.Epoch == last.epoch && b.Seq <= last.seq {' 'if false {' ;;
	core-epoch-ignored)
		swap core/partition.go 'if b.Epoch < last.epoch || b.Epoch == last.epoch && b.Seq <= last.seq {' 'if b.Seq <= last.seq {' ;;
	core-applied-not-kept)
		swap core/partition.go '\tt.tx.Applied(p.id, b.Edge, b.Epoch, b.Seq)\n' '' ;;
	core-place-not-kept)
		swap core/partition.go '\t\ttx.Position(p.id, p.position)\n' '' ;;
	core-effects-before-commit)
		swap core/partition.go 'p.effect(t, point(v.Def, start, row))' \
			'early := &turn{tx: p.store.Begin()}\n\t\tp.effect(early, point(v.Def, start, row))\n\t\tt.effects++\n\t\tif err := early.tx.Commit(); err != nil {\n\t\t\treturn err\n\t\t}' ;;
	core-fence-device-not-kept)
		swap core/fenced.go 't.tx.Device(p.id, id, device, state)' '_ = state' ;;
	core-fence-event-not-kept)
		swap core/fenced.go '\tt.tx.FenceEvent(p.id, w.def.Id, e.ID, h.append(nil))\n' '' ;;
	core-fence-rows-at-once)
		swap core/fenced.go 'if h.until < mark {' 'if true {' ;;
	core-fence-watermark-ahead)
		swap core/fenced.go 'mark = min(mark, h.row[eventTs].Int())' '_ = h' ;;
	core-fence-edit-lost)
		swap core/fenced.go 'w.set != set || p.edition == nil' 'w.set != set && p.edition != nil' ;;
	core-fence-correction-is-new)
		swap core/fenced.go 'if old := w.held[e.Replaces]; old != nil {' 'if old := w.held[e.Replaces]; false {' ;;
	core-nosync)
		swap core/state/state.go 't.batch.Commit(pebble.Sync)' 't.batch.Commit(pebble.NoSync)' ;;
	core-fastest-edge)
		swap core/merge/watermark.go 'target := lowest' 'target := highest' ;;
	core-waits-for-the-silent)
		swap core/merge/watermark.go 'if now-m.heard > w.IdleAfter {' 'if false {' ;;
	core-edge-goes-back)
		swap core/merge/watermark.go 'm.us = max(m.us, us)' 'm.us = us' ;;
	core-no-catching-up)
		swap core/merge/watermark.go 'm.catchesUp = w.known && m.us < w.output' 'm.catchesUp = false' ;;
	core-future-believed)
		swap core/merge/watermark.go 'if w.MaxFuture > 0 && us > now' 'if false && us > now' ;;
	core-watermark-not-kept)
		swap core/partition.go '\t\t\tt.tx.Watermark(p.id, id, us)\n' '' ;;
	core-edge-watermark-not-kept)
		swap core/partition.go '\t\t\tt.tx.EdgeWatermark(p.id, w.Stream, b.Edge, w.Us)\n' '' ;;
	core-late-vanishes)
		swap core/partition.go '\t\tp.tooLate(t, v, out, key, readings, watermark)\n' '' ;;
	core-late-starts-anew)
		swap core/merge/view.go 'bytes, err := store.Window(start, key)' 'var bytes []byte\n\t\tvar err error' ;;
	core-away-not-told)
		swap core/merge/view.go 'if p.away && !v.Def.EmitFinal {' 'if false {' ;;
	core-away-told-twice)
		swap core/merge/view.go 'if p.keys[string(key)] != nil {' 'if false {' ;;
	core-away-starts-anew)
		swap core/merge/view.go 'if class == window.Late || p.away {' 'if class == window.Late {' ;;
	core-away-panes-not-told)
		swap core/merge/hop.go '\t\t\th.fireRun(n, from, open, watermark, report)\n\t\t}\n\t\tif at' '\t\t}\n\t\tif at' ;;
	core-away-panes-start-anew)
		swap core/merge/hop.go 'if n != nil || !away {' 'if n != nil || away {' ;;
	core-away-session-starts-anew)
		swap core/merge/session.go '\tn.partial = d.partial\n' '\tn.partial = s.layout.New()\n' ;;
	core-away-row-replaced)
		swap core/streams.go 'if old == nil && s.away {' 'if false {' ;;
	core-revision-stays)
		swap core/merge/view.go 'w.Revision++' '_ = w.Revision' ;;
	core-grace-too-long)
		swap protocol/window/window.go 'case watermark < end+grace:' 'case watermark <= end+grace:' ;;
	core-finals-not-kept)
		swap core/partition.go '\t\tt.tx.Final(p.id, id, watermark)\n' '' ;;
	core-finals-without-grace)
		swap core/partition.go 'span := v.Def.WindowUs + v.Def.GraceUs' 'span := v.Def.WindowUs' ;;
	*) echo "mutants.sh: no sabotage $1" >&2; exit 2 ;;
	esac
}

blind() { # why a test can't see a sabotage, or nothing
	case $1/$2 in
	nosync/kills) echo "a kill leaves the page cache" ;;
	trimmed-before-ack/schedules) echo "they have a ledger for an uplink" ;;
	esac
}

attack() { # in the copy; how a test is run
	case $1 in
	kills) go test -count 1 -timeout 10m -run 'TestKills$' ./deploy/rounds ;;
	power) go test -count 1 -timeout 10m -run 'TestPowerCuts$' ./deploy/rounds ;;
	schedules) go test -count 1 -timeout 10m -run 'TestSchedulesSurviveCrashes$' ./edge ;;
	full) go test -count 1 -timeout 10m -run 'TestAFullDisk|TestDiskFull$' ./edge ./deploy/e2e ;;
	core) go test -count 1 -timeout 5m -failfast -run "$coretests" ./core && go test -count 1 -timeout 2m ./core/merge ./core/state ./protocol/window ;;
	copies) go test -count 1 -timeout 10m -run 'TestAnOldCopy' ./edge ;;
	esac
}

# The core's tests that are about event time and crashes; -failfast names the first that notices.
coretests='TestRedelivery|TestEpochs|TestWhatIsTooLate|TestEmitFinal|TestNoEffects|TestNoEdgeDelays|TestWindowsClose|TestPartitionIs|TestFinalResults|TestACoreKilled|TestAnyPermutation|KeepToTheirBudget|TestFence'

kinds() { # of tests that are about what a sabotage breaks
	case $1 in
	guard-never-refuses) echo full ;;
	old-copy-unseen | epoch-kept) echo copies ;;
	core-*) echo core ;;
	*) if [ "$mode" = quick ]; then echo schedules; else echo kills power schedules; fi ;;
	esac
}

cores=$(sed -n 's/^\t\(core-[a-z-]*\))$/\1/p' deploy/mutants.sh)
if [ "$mode" = core ]; then some=$cores; fi
if [ "$mode" = quick ]; then some="ack-before-commit nosync sequence-apart journal-dropped-early trimmed-before-ack"; fi
for s in ${only:-${some:-ack-before-commit nosync sequence-apart journal-dropped-early trimmed-before-ack guard-never-refuses old-copy-unseen epoch-kept $cores}}; do
	fresh
	sabotage "$s"
	(cd "$copy/tree" && go build ./edge/... ./core/... && if [ "${s#core-}" = "$s" ]; then go vet ./edge ./edge/store ./edge/uplink; fi) || { echo "mutants.sh: $s does not build" >&2; exit 2; }
	if [ "$mode" = fits ]; then continue; fi
	for t in ${TESTS:-$(kinds "$s")}; do
		why=$(blind "$s" "$t")
		if [ -n "$why" ]; then
			result="can't see it: $why"
		elif (cd "$copy/tree" && attack "$t") > "$copy/log" 2>&1; then
			if grep -q 'no tests to run' "$copy/log"; then result="NO SUCH TEST"; else result="NOT CAUGHT"; fi
			status=1
		elif [ "$t" = core ] && found=$(grep -oE -- '^--- FAIL: Test[A-Za-z]+' "$copy/log" | sort -u | cut -d' ' -f3 | paste -sd' ') && [ -n "$found" ]; then
			result="caught: $found"
		elif found=$(grep -oE '[0-9]+ lost, [0-9]+ counted twice.*|came as a row.*|batch [0-9]+ comes after.*|waits for .* acknowledgements|acknowledged on a full disk|is forwarded .* times|new epoch.*|the deltas of .*|SCHEDULE=.*|not within .*|before it served' "$copy/log" | head -n 1) && [ -n "$found" ]; then
			result="caught: ${found:0:90}"
		else
			result="FAILED OTHERWISE: $(grep -E 'FAIL|panic|_test.go' "$copy/log" | head -n 1)"
			status=1
		fi
		echo "soak: mutant $s, $t: $result"
		table+="| $s | $t | $result |"$'\n'
	done
done
if [ "$mode" = fits ]; then exit 0; fi
printf '\n| sabotage | test | |\n|---|---|---|\n%s' "$table"
exit $status
