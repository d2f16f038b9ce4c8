package service

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// LockDir creates a data directory if there is none and takes it for this process; release gives it back,
// and so does the end of the process, however it comes. LOCK holds the lock and, to be read by people, the
// owner's process id; FORMAT says what wrote the directory ("hexpane-edge 1").
//
// A directory in use, of another program, or of a newer format is refused. An older format is raised to
// this one, so that older builds refuse the directory from then on: who raises a format migrates first.
func LockDir(dir, name string, format int) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		owner, _ := os.ReadFile(lock.Name())
		lock.Close()
		return nil, fmt.Errorf("data directory %s is in use by process %s: stop that, or use another directory", dir, strings.TrimSpace(string(owner)))
	} else if err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	if err := errors.Join(lock.Truncate(0), writePID(lock), claimFormat(dir, name, format)); err != nil {
		lock.Close()
		return nil, err
	}
	return lock.Close, nil // closing gives the lock back; the file stays, so that no two can hold two LOCKs
}

func writePID(lock *os.File) error {
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func claimFormat(dir, name string, format int) error {
	path := filepath.Join(dir, "FORMAT")
	owner, found, err := DirFormat(dir)
	switch {
	case err != nil:
		return err
	case owner == "":
		return writeFormat(path, name, format)
	case owner != name:
		return fmt.Errorf("data directory %s belongs to %s, not to %s: use another directory", dir, owner, name)
	case found > format:
		return fmt.Errorf("data directory %s has format %d, this version knows up to %d: use the newer version that wrote it, or another directory", dir, found, format)
	case found < format:
		return writeFormat(path, name, format)
	}
	return nil
}

// DirInUse says whether a process holds a data directory's lock, and which. It changes nothing.
func DirInUse(dir string) (pid string, used bool) {
	lock, err := os.Open(filepath.Join(dir, "LOCK"))
	if err != nil {
		return "", false
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		return "", false
	}
	owner, _ := os.ReadFile(lock.Name())
	return strings.TrimSpace(string(owner)), true
}

// DirFormat says which program a data directory is of, and in which format; owner is "" where nothing says so.
func DirFormat(dir string) (owner string, format int, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "FORMAT"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, nil
	} else if err != nil {
		return "", 0, fmt.Errorf("read format of data directory: %w", err)
	}
	if _, err := fmt.Sscanf(string(text), "%s %d\n", &owner, &format); err != nil {
		return "", 0, fmt.Errorf("data directory %s: FORMAT is damaged (%q): restore it from a backup, or use another directory", dir, text)
	}
	return owner, format, nil
}

// writeFormat replaces the file in one step that survives a power cut.
func writeFormat(path, name string, format int) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("write format of data directory: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s %d\n", name, format)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = errors.Join(os.Rename(next, path), syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return fmt.Errorf("write format of data directory: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// CheckBind refuses an address that others can reach when nothing asks them who they are.
func CheckBind(addr string, authConfigured, insecure bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: want host:port: %w", addr, err)
	}
	ip := net.ParseIP(host)
	if authConfigured || insecure || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("refused to listen on %s, where others can reach it, with no authentication configured: configure it, listen on 127.0.0.1, or say --insecure", addr)
}
