package revocation_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
)

func TestOnlyThoseWhomItConcernsAreToldAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	var mine, mineToo, others, stopped bell
	first := w.token(sid("s-1"))
	list.OnRevoked(first, mine.ring)
	list.OnRevoked(w.token(sid("s-1")), mineToo.ring)
	list.OnRevoked(w.token(sid("s-2")), others.ring)
	stop := list.OnRevoked(first, stopped.ring)
	stop()
	stop() // more than once
	revoke(t, list, revocation.Session(w.issuer.URL(), "s-1"))
	revoke(t, list, revocation.Session(w.issuer.URL(), "s-1"), revocation.Token(first)) // for another reason, too
	mine.want(t, 1)
	mineToo.want(t, 1)
	others.want(t, 0)
	stopped.want(t, 0)
}

// Whoever stops is taken from among others with the same session, in any order.
func TestThoseWhoStopLeaveTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	for round := range 100 {
		id := strconv.Itoa(round)
		verified := w.token(sid(id))
		bells, stops := make([]bell, 6), make([]func(), 6)
		for i := range bells {
			stops[i] = list.OnRevoked(verified, bells[i].ring)
		}
		gone := rand.Perm(len(bells))[:round%(len(bells)+1)] //nolint:gosec // any order will do
		want := []int32{1, 1, 1, 1, 1, 1}
		for _, i := range gone {
			stops[i]()
			want[i] = 0
		}
		revoke(t, list, revocation.Session(w.issuer.URL(), id))
		for i := range bells {
			bells[i].want(t, want[i])
			stops[i]()
		}
	}
}

// Who stops once more has nothing to do with those who came since.
func TestStoppingAgainStopsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	verified := w.token(sid("s"))
	var gone, stays bell
	stop := list.OnRevoked(verified, gone.ring)
	stop()
	list.OnRevoked(verified, stays.ring)
	stop()
	revoke(t, list, revocation.Session(w.issuer.URL(), "s"))
	gone.want(t, 0)
	stays.want(t, 1)
}

// An entry has been found to concern two when the first that is told stops the other.
func TestWhoIsStoppedWhileOthersAreToldIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	verified := w.token(sid("s"))
	told := 0
	var stops [2]func()
	for i := range stops {
		stops[i] = list.OnRevoked(verified, func() {
			told++
			stops[1-i]()
		})
	}
	revoke(t, list, revocation.Session(w.issuer.URL(), "s"))
	if told != 1 {
		t.Errorf("%d were told, want 1", told)
	}
}

// Not parallel: it measures memory.
func TestWhoStopsLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // see above
	const streams = 5000
	w := newWorld(t, jwttest.WithAlgorithms(keyset.HS256))
	list := newList(t, revocation.Config{})
	same := w.token(sid("same"))
	before := heap()
	for i := range streams {
		list.OnRevoked(w.token(sid(strconv.Itoa(i)), jwttest.ID(strconv.Itoa(i))), func() {})()
		list.OnRevoked(same, func() {})()
	}
	if after := heap(); after > before+streams*100 {
		t.Errorf("%d bytes are left of each", (after-before)/streams)
	}
	runtime.KeepAlive(list)
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// A watch that begins while the entry comes finds it, or is found: it is told once.
func TestNobodyWhoBeginsMeanwhileIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	for i := range 300 {
		id := strconv.Itoa(i)
		verified := w.token(sid(id))
		var told, late bell
		var both sync.WaitGroup
		both.Go(func() { list.OnRevoked(verified, told.ring) })
		both.Go(func() { list.OnRevoked(verified, late.ring) })
		both.Go(func() { _ = list.Revoke(t.Context(), revocation.Session(w.issuer.URL(), id)) })
		both.Wait()
		told.want(t, 1)
		late.want(t, 1)
	}
}

func TestAfterStopHasReturnedNobodyIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	for i := range 300 {
		id := strconv.Itoa(i)
		var told, both = new(bell), new(sync.WaitGroup)
		stop := list.OnRevoked(w.token(sid(id)), func() { told.ring() })
		both.Go(func() { _ = list.Revoke(t.Context(), revocation.Session(w.issuer.URL(), id)) })
		stop()
		before := told.rung.Load()
		both.Wait()
		told.want(t, before)
	}
}

// An application may revoke from where it is told.
func TestWhoIsToldMayRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	var told bell
	list.OnRevoked(w.token(sid("b")), told.ring)
	both := w.token(sid("a"))
	list.OnRevoked(both, func() {
		_ = list.Revoke(t.Context(), revocation.Session(w.issuer.URL(), "b"), revocation.Token(both))
	})
	revoke(t, list, revocation.Session(w.issuer.URL(), "a"))
	told.want(t, 1)
}

func TestATokenWithoutAnyNameCanBeWatched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	var told bell
	stop := list.OnRevoked(w.token(jwttest.Without("jti"), jwttest.IssuedAt(time.Now().Add(-time.Minute))), told.ring)
	revoke(t, list, revocation.Issuer(w.issuer.URL(), time.Now()))
	told.want(t, 1)
	stop()
}
