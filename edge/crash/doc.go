// Package crash names the places where a test kills the edge, or the core: between a commit and its acknowledgement, in the middle of a
// publish. In what is delivered Here is empty, and the compiler leaves nothing of it. Built with -tags crashpoints, the
// program dies, as by kill -9, where the environment variable HEXPANE_CRASH says:
//
//	HEXPANE_CRASH=store.committed         the first time it passes there
//	HEXPANE_CRASH=store.committed:40      the 40th time
//	HEXPANE_CRASH=store.committed:40:5ms  the same, 5 ms late: it goes no further there, while the other goroutines go on
//
// A name stands at one place. deploy/e2e finds them all in the source, and has the edge die at each.
package crash
