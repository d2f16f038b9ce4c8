// Package deploy is the room for running hexpane: how it is started, told, watched and stopped. Its only code gives
// the demo city's SQL; its test keeps the layout of the whole tree.
//
//	cmd/hexpane/   everything in one process, the demo, the SQL client
//	service/       flags, configuration, logs, metrics, shutdown
//	layout_test.go which package may import which, and what may lie where
//	bench.sh       make bench: a table of the benchmarks, with commit and machine, in bench/
//	soak.sh        make soak: the long runs, and what was lost in them
package deploy
