package keyset_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// watcher is an Observer that remembers.
type watcher struct {
	mu        sync.Mutex
	refreshes []keyset.Refresh
	refusals  []keyset.Refusal
}

func (w *watcher) Refreshed(_ context.Context, r keyset.Refresh) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refreshes = append(w.refreshes, r)
}

func (w *watcher) Refused(_ context.Context, r keyset.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals = append(w.refusals, r)
}

// last returns the last refresh, and how many there were.
func (w *watcher) last() (keyset.Refresh, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refreshes) == 0 {
		return keyset.Refresh{}, 0
	}
	return w.refreshes[len(w.refreshes)-1], len(w.refreshes)
}

func TestObserverIsToldOfEachFetch(t *testing.T) {
	t.Parallel()
	seen := new(watcher)
	slow := after(2*time.Second, body(jwks(edJWK().named("a"), otherEdJWK().named("b"))))
	fetched(t, keyset.RemoteConfig{Observer: seen}, slow, func(t *testing.T, r *remote) {
		pass(2 * time.Second)
		got, n := seen.last()
		if n != 1 || got.Err != nil || !got.Changed || got.Duration != 2*time.Second || got.Source != issuerURL {
			t.Errorf("%d: %+v", n, got)
		}
		if s := got.Status; !s.Ready || s.Keys != 2 || s.Generation != 1 || s.Age != 0 || s.Failures != 0 || s.Err != nil ||
			s.Next.Before(time.Now().Add(7*time.Minute)) || !s.ValidUntil.Equal(time.Now().Add(24*time.Hour)) {
			t.Errorf("%+v", s)
		}
		pass(10 * time.Minute)
		if got, n := seen.last(); n != 2 || got.Changed || got.Err != nil {
			t.Errorf("%d: %+v", n, got)
		}
		r.becomes(down)
		confirmed := time.Now()
		pass(time.Hour)
		got, n = seen.last()
		if n < 50 || got.Changed || got.Duration != 0 || got.Status.Age < 50*time.Minute || got.Status.Failures != n-2 {
			t.Errorf("%d: %+v", n, got)
		}
		wantError(t, got.Err, "connection refused")
		status := r.Status()
		if !errors.Is(status.Err, got.Err) || status.Age > time.Since(confirmed)+10*time.Minute || !status.Next.After(time.Now()) {
			t.Errorf("%+v", status)
		}
		_ = r.Close()
		if !r.Status().Next.IsZero() {
			t.Error("a closed set means to fetch again")
		}
	})
}

func TestStatusWithoutKeys(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		status := r.Status()
		if status.Ready || status.Keys != 0 || status.Generation != 0 || status.Age != 0 || status.Failures != 1 {
			t.Errorf("%+v", status)
		}
		wantError(t, status.Err, "connection refused")
	})
}

func TestObserverIsToldOfRefusedKeys(t *testing.T) {
	t.Parallel()
	seen := new(watcher)
	fetched(t, keyset.RemoteConfig{Observer: seen}, nil, func(t *testing.T, r *remote) {
		r.wantAtOnce("a")
		r.want("b", keyset.ErrUnknownKey)
		_, _ = r.Key(t.Context(), "a", keyset.ES256)
		r.becomes(down)
		r.wantUnavailable("c", time.Second)
		want := []keyset.Refusal{
			{Source: issuerURL, ID: "b", Algorithm: keyset.EdDSA, Err: keyset.ErrUnknownKey},
			{Source: issuerURL, ID: "a", Algorithm: keyset.ES256, Err: keyset.ErrWrongAlgorithm},
			{Source: issuerURL, ID: "c", Algorithm: keyset.EdDSA, Err: keyset.ErrUnavailable},
		}
		if len(seen.refusals) != len(want) {
			t.Fatalf("%+v", seen.refusals)
		}
		for i, got := range seen.refusals {
			if !errors.Is(got.Err, want[i].Err) {
				t.Errorf("%d: %v", i, got.Err)
			}
			if got.Err = want[i].Err; got != want[i] {
				t.Errorf("%d: %+v", i, got)
			}
		}
	})
}

func TestObserverOfAFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := new(watcher)
		path := filepath.Join(t.TempDir(), "keys.json")
		write := func(content string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(string(jwks(edJWK().named("a"))))
		file := must(keyset.Load(path, keyset.FileConfig{Observer: seen, Logger: new(record).logger()}))
		defer func() { _ = file.Close() }()
		pass(time.Minute)
		if _, n := seen.last(); n != 0 {
			t.Errorf("told %d times of nothing", n)
		}
		if status := file.Status(); !status.Ready || status.Keys != 1 || status.Age != 0 || status.Err != nil || !status.Next.IsZero() {
			t.Errorf("%+v", status)
		}
		write(string(jwks(edJWK().named("a"), otherEdJWK().named("b"))))
		pass(time.Second)
		if got, n := seen.last(); n != 1 || !got.Changed || got.Err != nil || got.Source != path || got.Status.Keys != 2 {
			t.Errorf("%d: %+v", n, got)
		}
		write("{")
		pass(time.Minute)
		if got, n := seen.last(); n != 2 || got.Changed || got.Err == nil || got.Status.Keys != 2 {
			t.Errorf("%d: %+v", n, got)
		}
		if status := file.Status(); status.Age != 59*time.Second || status.Failures != 60 || status.Err == nil {
			t.Errorf("%+v", status)
		}
		write(string(jwks(edJWK().named("a"))))
		pass(time.Second)
		if got, n := seen.last(); n != 3 || !got.Changed || got.Err != nil || got.Status.Age != 0 {
			t.Errorf("%d: %+v", n, got)
		}
		_, _ = file.Key(t.Context(), "b", keyset.EdDSA)
		if len(seen.refusals) != 1 || seen.refusals[0].Source != path {
			t.Errorf("%+v", seen.refusals)
		}
	})
}
