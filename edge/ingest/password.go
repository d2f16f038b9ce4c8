package ingest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// passwords are users' passwords, plain or as bcrypt hashes. A hash costs some 50 ms of CPU to check, so that few are checked at a
// time, and what was right once is known.
type passwords struct {
	users map[string]string // name → password or hash
	busy  chan struct{}
	salt  [32]byte

	mu    sync.Mutex
	known map[[32]byte]struct{}
}

// maxRemembered bounds the memory for checked passwords.
const maxRemembered = 100_000

func newPasswords(users map[string]string) *passwords {
	p := &passwords{users: users, busy: make(chan struct{}, max(1, runtime.NumCPU()/2)), known: map[[32]byte]struct{}{}}
	_, _ = rand.Read(p.salt[:]) // does not fail
	return p
}

// Hashed reports whether a configured password is a bcrypt hash.
func Hashed(password string) bool {
	return strings.HasPrefix(password, "$2a$") || strings.HasPrefix(password, "$2b$") || strings.HasPrefix(password, "$2y$")
}

// CheckPassword says what is wrong with a configured one.
func CheckPassword(password string) error {
	if Hashed(password) {
		if _, err := bcrypt.Cost([]byte(password)); err != nil {
			return fmt.Errorf("not a bcrypt hash, though it begins like one: %w", err)
		}
	}
	return nil
}

func (p *passwords) any() bool { return len(p.users) > 0 }

func (p *passwords) right(user string, given []byte) bool {
	wanted, there := p.users[user]
	if !there {
		return false
	}
	if !Hashed(wanted) {
		return subtle.ConstantTimeCompare([]byte(wanted), given) == 1
	}
	key := sha256.Sum256([]byte(string(p.salt[:]) + wanted + string(given)))
	p.mu.Lock()
	_, remembered := p.known[key]
	p.mu.Unlock()
	if remembered {
		return true
	}
	timeout := time.NewTimer(connectWithin)
	defer timeout.Stop()
	select {
	case p.busy <- struct{}{}:
	case <-timeout.C:
		return false
	}
	err := bcrypt.CompareHashAndPassword([]byte(wanted), given)
	<-p.busy
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxRemembered {
		clear(p.known)
	}
	p.known[key] = struct{}{}
	return true
}
