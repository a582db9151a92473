package keyset_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestKeysThatAreTooOldAreUnavailable(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		fetched := time.Now()
		r.becomes(down)
		pass(24*time.Hour - 1)
		r.wantAtOnce("a")
		if !r.Ready() {
			t.Error("not ready")
		}
		pass(1)
		for _, id := range []string{"a", "", "b"} {
			r.wantUnavailable(id, time.Minute)
		}
		_, err := r.key("a")
		wantError(t, err, "the keys are older than 24h0m0s", "connection refused")
		if r.Ready() || r.Snapshot().ValidUntil() != fetched.Add(24*time.Hour) {
			t.Error("ready")
		}
		if n := r.log.count("level=ERROR"); n != 1 {
			t.Errorf("%d lines cry out:\n%s", n, r.log)
		}
		pass(24 * time.Hour)
		if r.log.count("the last good keys are too old") < 100 || r.log.count("level=ERROR") != 1 {
			t.Error("the failures after that are not logged, or cried out")
		}
		r.serves(edJWK().named("a"))
		pass(time.Minute)
		r.wantAtOnce("a")
	})
}

func TestMaxStaleIsConfigured(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{MaxStale: 15 * time.Minute}, nil, func(_ *testing.T, r *remote) {
		r.becomes(down)
		pass(15*time.Minute - 1)
		r.wantAtOnce("a")
		pass(1)
		r.wantUnavailable("a", time.Minute)
	})
}

func TestWaitReadyWaitsForNewKeysWhenTheOldAreTooOld(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{MaxStale: time.Hour}, nil, func(t *testing.T, r *remote) {
		r.becomes(down)
		pass(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := r.WaitReady(ctx); !errors.Is(err, keyset.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		back := time.Now().Add(time.Hour)
		time.AfterFunc(time.Hour, func() { r.serves(edJWK().named("a")) })
		if err := r.WaitReady(t.Context()); err != nil || time.Since(back) > time.Minute || time.Since(back) < 0 {
			t.Errorf("%v, %v after the issuer was back", err, time.Since(back))
		}
	})
}

func TestReadyChangedIsToldInTime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []bool
	var times []time.Time
	config := keyset.RemoteConfig{MaxStale: time.Hour, ReadyChanged: func(ready bool) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, ready)
		times = append(times, time.Now())
	}}
	fetched(t, config, down, func(t *testing.T, r *remote) {
		want := func(what ...bool) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if len(told) != len(what) || len(what) > 0 && told[len(told)-1] != what[len(what)-1] {
				t.Errorf("told %v, want %v", told, what)
			}
		}
		pass(time.Hour)
		want(false)
		r.serves(edJWK().named("a"))
		pass(time.Hour)
		want(false, true)
		r.becomes(hang) // so that the end comes in the middle of a fetch, or between two
		pass(2 * time.Hour)
		want(false, true, false)
		mu.Lock()
		late := times[2].Sub(r.Snapshot().ValidUntil())
		mu.Unlock()
		if late < 0 || late > 10*time.Second {
			t.Errorf("told %v after the end", late)
		}
		r.serves(edJWK().named("a"))
		pass(time.Hour)
		want(false, true, false, true)
		_ = r.Close()
		want(false, true, false, true) // the service ends: nobody has to be told
	})
}

// gRPC's health server begins as serving: whoever hands its status to the hook
// must hear at once that there are no keys.
func TestReadyChangedIsToldBeforeTheConstructorReturns(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []bool
	config := keyset.RemoteConfig{ReadyChanged: func(ready bool) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, ready)
	}}
	want := func(wanted bool) func(*testing.T, *remote) {
		return func(t *testing.T, _ *remote) {
			t.Helper()
			mu.Lock()
			if len(told) == 0 || told[0] != wanted {
				t.Errorf("told %v", told)
			}
			mu.Unlock()
			synctest.Wait()
			mu.Lock()
			told = nil
			mu.Unlock()
		}
	}
	restarting(t,
		life{config: config, answer: body(jwks(edJWK().named("a"))), do: want(false)},
		life{config: config, answer: down, do: want(true)},
	)
}
