package main

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// TestPositions has what is after each position of a journal that gave the numbers
// 11 to 15, and remembers 3.
func TestPositions(t *testing.T) {
	t.Parallel()
	j := newJournal(3, 10)
	for n := range 5 {
		if got := j.add(strconv.Itoa(n + 11)); got != uint64(n)+11 {
			t.Errorf("number %d", got)
		}
	}
	for position, test := range map[uint64]struct {
		want   []string
		reason string
	}{
		0:  {reason: tooOld},
		10: {reason: tooOld},
		11: {reason: tooOld},
		12: {want: []string{"13", "14", "15"}},
		13: {want: []string{"14", "15"}},
		15: {want: []string{}},
		16: {reason: ahead},
		99: {reason: ahead},
	} {
		t.Run(strconv.FormatUint(position, 10), func(t *testing.T) {
			t.Parallel()
			changes, _, err := j.since(position)
			wrong, _ := errors.AsType[*positionError](err)
			if wrong == nil {
				wrong = new(positionError)
			}
			if wrong.reason != test.reason || !slices.Equal(changes, test.want) {
				t.Errorf("got %v, %v", changes, err)
			}
			if err != nil && (wrong.oldest != 12 || wrong.newest != 15) {
				t.Errorf("it is said to begin between %d and %d", wrong.oldest, wrong.newest)
			}
		})
	}
}

// TestAnEmptyJournal has one position only.
func TestAnEmptyJournal(t *testing.T) {
	t.Parallel()
	for position, want := range map[uint64]bool{9: false, 10: true, 11: false} {
		if changes, _, err := newJournal(3, 10).since(position); (err == nil) != want || len(changes) > 0 {
			t.Errorf("after %d: %v, %v", position, changes, err)
		}
	}
}

// TestManyReadAndWrite has readers that each see every number.
func TestManyReadAndWrite(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 250
	j := newJournal(writers*each, 0)
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for range each {
				j.add("something")
			}
		})
		running.Go(func() {
			for position := uint64(0); position < writers*each; {
				changes, grown, err := j.since(position)
				if err != nil {
					t.Error(err)
					return
				}
				if position += uint64(len(changes)); len(changes) == 0 {
					<-grown
				}
			}
		})
	}
	running.Wait()
}

// TestWhatIsSharedStaysAsItIs has changes that were given while more were added.
func TestWhatIsSharedStaysAsItIs(t *testing.T) {
	t.Parallel()
	j := newJournal(4, 0)
	for n := range 100 {
		before := max(0, n-4)
		changes, _, err := j.since(uint64(before))
		if err != nil {
			t.Fatal(err)
		}
		given := slices.Clone(changes)
		for range 5 {
			j.add("later")
		}
		if !slices.Equal(changes, given) {
			t.Errorf("got %v, were %v", changes, given)
		}
		j = newJournal(4, 0)
		for i := range n + 1 {
			j.add(strconv.Itoa(i))
		}
	}
}
