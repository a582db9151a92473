package revocation

import (
	"sync"
	"sync/atomic"
)

// watchers are those who hold on to tokens, found by what entries are found by.
type watchers struct {
	mu    sync.Mutex
	byKey [kinds]map[key]*link // the newest of those with a key
}

// watcher is one of them.
type watcher struct {
	keys   keys
	issued int64
	links  [kinds]link

	told  atomic.Bool
	mu    sync.Mutex // held while ended runs
	ended func()     // nil once it was called, or isn't to be
}

// link is a watcher's place among those with the same key.
type link struct {
	watcher    *watcher
	prev, next *link
}

// add begins to watch.
func (w *watchers) add(ks keys, issued int64, ended func()) *watcher {
	one := &watcher{keys: ks, issued: issued, ended: ended}
	w.mu.Lock()
	defer w.mu.Unlock()
	for kind := byID; kind < kinds; kind++ {
		if ks[kind].value == "" && kind != byIssuer {
			continue
		}
		if w.byKey[kind] == nil {
			w.byKey[kind] = make(map[key]*link)
		}
		l := &one.links[kind]
		l.watcher, l.next = one, w.byKey[kind][ks[kind]]
		if l.next != nil {
			l.next.prev = l
		}
		w.byKey[kind][ks[kind]] = l
	}
	return one
}

// remove ends watching: ended is not called afterwards.
func (w *watchers) remove(one *watcher) {
	one.mu.Lock()
	one.ended = nil
	one.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for kind := byID; kind < kinds; kind++ {
		l := &one.links[kind]
		if l.watcher == nil { // it was removed, or never there
			continue
		}
		if l.next != nil {
			l.next.prev = l.prev
		}
		switch {
		case l.prev != nil:
			l.prev.next = l.next
		case l.next != nil:
			w.byKey[kind][one.keys[kind]] = l.next
		default:
			delete(w.byKey[kind], one.keys[kind])
		}
		*l = link{}
	}
}

// tell tells those whom a record concerns.
func (w *watchers) tell(kind kind, r *record) {
	for _, one := range w.with(kind, r.key) {
		if one.issued < r.before.Load() {
			one.tell()
		}
	}
}

// with returns those with a key.
func (w *watchers) with(kind kind, k key) []*watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*watcher
	for l := w.byKey[kind][k]; l != nil; l = l.next {
		all = append(all, l.watcher)
	}
	return all
}

// tell calls ended, once. What ended revokes may concern it again.
func (w *watcher) tell() {
	if !w.told.CompareAndSwap(false, true) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		w.ended()
		w.ended = nil
	}
}
