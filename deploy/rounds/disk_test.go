package rounds

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disk is an ext4 of its own in a file, whose power can be cut.
type disk struct {
	t          testing.TB
	image, dir string
}

// From linux/fs/ext4/ext4.h: FS_IOC_SHUTDOWN stops a file system at once; without a log flush even its journal stays as it is on disk.
const (
	ioctlShutdown      = 0x8004587d
	shutdownNoLogFlush = 2
)

// newDisk makes and mounts one. It takes root and loop devices.
func newDisk(t testing.TB, name string, megabytes int) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a power cut takes root, for a loop-mounted ext4")
	}
	d := &disk{t: t, image: filepath.Join(t.TempDir(), name+".ext4"), dir: filepath.Join(t.TempDir(), name)}
	if err := errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, int64(megabytes)<<20), os.Mkdir(d.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("mkfs.ext4: %v %s", err, out))
	}
	if err := d.mount(); err != nil {
		missing(t, err.Error())
	}
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) mount() error {
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount %s: %w %s", d.dir, err, out)
	}
	return nil
}

func (d *disk) unmount() {
	d.t.Helper()
	var out []byte
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) { // busy until the dead are gone
		if out, err = exec.Command("umount", d.dir).CombinedOutput(); err == nil {
			return
		}
	}
	d.t.Errorf("umount %s: %v %s", d.dir, err, out)
}

// cut has p stop where it is, takes what was not synced away from it, kills it, and brings the disk back, as its journal has it. It
// stops first, since a machine without power does nothing more: a sync that is under way while the file system shuts down may well
// succeed, and what it synced be gone (Linux 6.18: 3 of 40).
func (d *disk) cut(p *process) {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	p.freeze(d.t)
	err = unix.IoctlSetPointerInt(int(f.Fd()), ioctlShutdown, shutdownNoLogFlush)
	p.kill()
	if err = errors.Join(err, f.Close()); err != nil {
		d.t.Fatalf("cut the power of %s: %v", d.dir, err)
	}
	d.unmount()
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}
