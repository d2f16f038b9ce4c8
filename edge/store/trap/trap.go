// Package trap is for tests: a file system in memory whose machine dies in the middle of an operation. What was synced then is there
// afterwards, of the rest a random part.
package trap

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Trap takes the crashed copy of a file system at the n-th writing operation after it is armed. Work goes on meanwhile on the file
// system that is lost.
type Trap struct {
	fs *vfs.MemFS

	mu     sync.Mutex
	armed  bool
	left   int
	config vfs.CrashCloneCfg
	clone  *vfs.MemFS
}

// New makes a trap on fs, which must be vfs.NewCrashableMem's or a crash clone.
func New(fs *vfs.MemFS) *Trap { return &Trap{fs: fs} }

// FS is the file system to work on.
func (tr *Trap) FS() vfs.FS { return errorfs.Wrap(tr.fs, tr) }

// Arm has the machine die after some more writing operations.
func (tr *Trap) Arm(c vfs.CrashCloneCfg, after int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.armed, tr.left, tr.config, tr.clone = true, after, c, nil
}

// Dead reports whether the machine has died.
func (tr *Trap) Dead() bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.clone != nil
}

// Spring gives what is on disk after the crash, and whether that came before this call; if not, it is now.
func (tr *Trap) Spring() (after *vfs.MemFS, before bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.armed = false
	if tr.clone != nil {
		return tr.clone, true
	}
	return tr.fs.CrashClone(tr.config), false
}

// String is for errorfs.
func (tr *Trap) String() string { return "trap" }

// MaybeError is called by errorfs for each operation; it lets all of them pass.
func (tr *Trap) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.armed && tr.clone == nil {
		if tr.left--; tr.left < 0 {
			tr.clone = tr.fs.CrashClone(tr.config)
		}
	}
	return nil
}
