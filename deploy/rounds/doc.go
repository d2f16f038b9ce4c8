// Package rounds kills edges and cuts their power, round after round, while devices publish to them, and counts what arrives.
//
// The edge is the real program over a real nats-server; it dies by kill -9 at any time, at each point that package edge/crash
// names, or with its file system: a loop-mounted ext4 that is shut down without a last write, as by a power cut. Devices do what
// real ones do: they have several messages under way, at QoS 1 and 2, and send again what was not acknowledged. The truth is
// theirs. It is held against what came to JetStream, each (edge, epoch, partition, sequence) counted once, as the core does:
// every reading once as a row, and once in the deltas of its pane.
//
//	rig_test.go     the programs, and a round
//	device_test.go  a device, and its truth
//	book_test.go    what came to JetStream
//	process_test.go a program that runs
//	disk_test.go    a disk whose power can be cut
//	kill_test.go    kill -9
//	power_test.go   power cuts
//
// HEXPANE_SOAK=1 runs the full number of rounds; SEED=n repeats the choices of a run, though not its timing.
package rounds
