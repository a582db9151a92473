package main

import (
	"sync"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// revoked is a list of the tokens that ended early, by their ids. It implements
// [token.Revocations], for one process. A real one is told by others.
type revoked struct {
	mu       sync.Mutex
	ids      map[string]bool
	watchers map[*watcherOf]bool // of tokens that are on the list, or not yet
}

// watcherOf is somebody who holds on to a token.
type watcherOf struct {
	id    string
	ended func()
}

func newRevoked() *revoked {
	return &revoked{ids: make(map[string]bool), watchers: make(map[*watcherOf]bool)}
}

// Revoked implements [token.Revocations].
func (r *revoked) Revoked(t *token.Token) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[t.ID()], nil
}

// Covers implements [token.Revocations]. Here nothing is forgotten.
func (r *revoked) Covers(_, _ time.Duration) error { return nil }

// OnRevoked implements [token.Revocations]. ended blocks nobody, so it is called
// under the lock: then it isn't after stop.
func (r *revoked) OnRevoked(t *token.Token, ended func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[t.ID()] {
		ended()
		return nil
	}
	w := &watcherOf{t.ID(), ended}
	r.watchers[w] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, w)
	}
}

// revoke puts tokens on the list.
func (r *revoked) revoke(ids ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.ids[id] = true
	}
	for w := range r.watchers {
		if r.ids[w.id] {
			delete(r.watchers, w)
			w.ended()
		}
	}
}
