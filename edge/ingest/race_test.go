//go:build race

package ingest

// raced: the race detector takes several times the memory.
const raced = true
