package revocation

import (
	"crypto/sha256"
	"sync"
)

// replays are the logout tokens that were published lately. Their number is fixed:
// the oldest makes room. None needs to be forgotten when it expires, because an
// expired one is refused before anybody looks here.
//
// A token is told by what its signature is over, and not by its "jti": a provider
// that uses one twice, for two logouts, means both.
type replays struct {
	mu    sync.Mutex
	known map[logoutHash]struct{}
	ring  []logoutHash
	next  int // where in the ring the next one goes
}

// logoutHash is a [token.Token.SigningInputHash].
type logoutHash = [sha256.Size]byte

// maxReplays is how many are remembered: some 400 KiB.
const maxReplays = 4096

func newReplays() *replays { return &replays{known: make(map[logoutHash]struct{})} }

func (r *replays) has(hash logoutHash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.known[hash]
	return ok
}

func (r *replays) add(hash logoutHash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.known[hash]; ok {
		return
	}
	r.known[hash] = struct{}{}
	if len(r.ring) < maxReplays {
		r.ring = append(r.ring, hash)
		return
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next] = hash
	r.next = (r.next + 1) % maxReplays
}
