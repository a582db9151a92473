package revocation_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// TestTheTableIsAMap compares a list with a map, while entries come and go by the
// thousand, so that the table grows, shrinks and uses its slots again.
func TestTheTableIsAMap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list := newList(t, revocation.Config{MaxLifetime: lifetime, Leeway: time.Second})
		model := make(map[string]time.Time) // when each can be forgotten
		samples := make(map[string]time.Time)
		for round := range 60 {
			for range []int{3000, 30, 0}[round/20] {
				id := strconv.Itoa(rand.IntN(20_000)) //nolint:gosec // any will do
				revoke(t, list, revocation.Session(w.issuer.URL(), id))
				model[id] = time.Now().Add(lifetime + 2*time.Second)
			}
			time.Sleep(5 * time.Minute)
			for id, until := range model {
				if !time.Now().Before(until) {
					delete(model, id)
				} else if len(samples) < 5 {
					samples[id] = until
				}
			}
			if got := list.Status().Entries; got != len(model) {
				t.Fatalf("round %d: %d entries, want %d", round, got, len(model))
			}
			for id, until := range samples {
				verified := w.token(sid(id))
				_, known := model[id]
				wantRevoked(t, list, verified, known)
				if !time.Now().Before(until) {
					delete(samples, id)
				}
			}
		}
		if len(model) != 0 {
			t.Errorf("%d are left", len(model))
		}
	})
}

// TestATableThatStaysAsFullAsItIsKeepsFreeSlots has entries come and go at the same
// rate, so that the table neither grows nor shrinks: who looks for what isn't there
// must still come to an end.
func TestATableThatStaysAsFullAsItIsKeepsFreeSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list := newList(t, revocation.Config{})
		never := w.token(sid("never"))
		for i := range 3000 {
			revoke(t, list, revocation.Session(w.issuer.URL(), strconv.Itoa(i)))
			wantRevoked(t, list, never, false)
			time.Sleep(time.Minute / 2)
		}
	})
}
