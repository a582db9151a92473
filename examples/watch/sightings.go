package main

import (
	"context"
	"slices"
	"sync"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
)

// sightings are the changes that a watch has handled, and how its streams ended.
type sightings struct {
	mu      sync.Mutex
	numbers []uint64
	tokens  []string // of the numbers, by their fingerprints
	endings []Ending
}

// handle is for [Watcher.Handle].
func (s *sightings) handle(_ context.Context, change *watchv1.WatchResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers = append(s.numbers, change.GetSequence())
	s.tokens = append(s.tokens, change.GetFingerprint())
	return nil
}

// ended is for [Watcher.Ended].
func (s *sightings) ended(_ context.Context, ending Ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endings = append(s.endings, ending)
}

// last is the number of the latest change, 0 if there is none.
func (s *sightings) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.numbers) == 0 {
		return 0
	}
	return s.numbers[len(s.numbers)-1]
}

// endingsAfter returns all endings but the first n.
func (s *sightings) endingsAfter(n int) []Ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.endings[min(n, len(s.endings)):])
}

// are reports whether the numbers are 1 to last, each once and in order.
func (s *sightings) are(last uint64) bool {
	s.mu.Lock()
	n := uint64(len(s.numbers))
	s.mu.Unlock()
	return n == last && s.inOrder()
}

// inOrder reports whether the numbers so far are 1, 2, 3 and so on, none left out.
func (s *sightings) inOrder() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range s.numbers {
		if n != uint64(i)+1 {
			return false
		}
	}
	return true
}

// distinct returns how many tokens brought the changes.
func (s *sightings) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.Compact(slices.Sorted(slices.Values(s.tokens))))
}
