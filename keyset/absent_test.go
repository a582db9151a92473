package keyset_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestAnIDThatIsMissingIsAskedForEverLessOften(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{RefreshInterval: 24 * time.Hour}, nil, func(t *testing.T, r *remote) {
		var when []time.Duration
		start := time.Now()
		for time.Since(start) < 150*time.Second {
			if n := r.counting(func() { r.want("b", keyset.ErrUnknownKey) }); n == 1 {
				when = append(when, time.Since(start))
			}
			pass(time.Second)
		}
		want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 65 * time.Second, 95 * time.Second, 125 * time.Second}
		if fmt.Sprint(when) != fmt.Sprint(want) {
			t.Errorf("asked after %v", when)
		}
		if n := r.counting(func() { r.want("c", keyset.ErrUnknownKey) }); n != 1 {
			t.Error("another id is not asked for")
		}
	})
}

func TestAnIDThatWasMissingIsUsedOnceItIsThere(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(_ *testing.T, r *remote) {
		for range 60 { // by now it is asked for twice a minute
			r.want("b", keyset.ErrUnknownKey)
			pass(time.Second)
		}
		r.serves(edJWK().named("a"), otherEdJWK().named("b"))
		r.want("b", keyset.ErrUnknownKey)
		r.want("c", keyset.ErrUnknownKey) // whoever asks brings all
		r.wantAtOnce("b")
	})
}

func TestManyWhoMissOneIDCountOnce(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(after(time.Second, body(jwks(edJWK().named("a")))))
		for range 100 {
			go func() { _, _ = r.key("b") }()
		}
		pass(7 * time.Second) // the fetch, and one interval since
		if n := r.counting(func() { r.want("b", keyset.ErrUnknownKey) }); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestFailureMakesAMissingIDUnavailable(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(_ *testing.T, r *remote) {
		r.want("b", keyset.ErrUnknownKey)
		r.becomes(down)
		r.wantUnavailable("c", time.Second)
		r.wantUnavailable("b", time.Second)
		r.serves(edJWK().named("a"))
		pass(time.Second)
		r.want("b", keyset.ErrUnknownKey)
	})
}

// The memory of missing ids must not grow with what strangers send: a hundred
// thousand long ids may cost no more than a few.
func TestMissingIDsTakeNoMemory(t *testing.T) { //nolint:paralleltest // others would count
	fetched(t, keyset.RemoteConfig{UnknownBurst: 1 << 20}, nil, func(t *testing.T, r *remote) {
		long := strings.Repeat("x", 16<<10)
		ask := func(from, to int) {
			for i := from; i < to; i++ {
				r.want(fmt.Sprint(i, long), keyset.ErrUnknownKey)
			}
		}
		ask(0, 2000)
		before := heap()
		ask(2000, 4000)
		if grown := heap() - before; grown > 4<<20 { // the ids alone have 32 MiB
			t.Errorf("the heap grew by %d KiB", grown>>10)
		}
	})
}

// heap returns what is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // far from overflowing
}

func TestAMissingIDIsNotMadeToWaitForAFetch(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.want("b", keyset.ErrUnknownKey)
		r.becomes(hang)
		go func() { _, _ = r.key("c") }()
		synctest.Wait()
		if took, err := r.key("b"); took != 0 {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestALongUnknownIntervalIsTheLeast(t *testing.T) {
	t.Parallel()
	config := keyset.RemoteConfig{UnknownInterval: 10 * time.Minute, UnknownBurst: 100, RefreshInterval: 24 * time.Hour}
	fetched(t, config, nil, func(t *testing.T, r *remote) {
		n := r.counting(func() {
			for range 31 * 60 {
				_, _ = r.key("b")
				pass(time.Second)
			}
		})
		if n != 4 {
			t.Errorf("%d fetches in 31 minutes", n)
		}
	})
}

func TestMissingIDsAreForgottenByTheThousand(t *testing.T) {
	t.Parallel()
	for others, want := range map[int]int{600: 0, 2000: 1} {
		config := keyset.RemoteConfig{UnknownInterval: time.Hour, UnknownBurst: 1 << 20, RefreshInterval: 24 * time.Hour}
		fetched(t, config, nil, func(t *testing.T, r *remote) {
			r.want("b", keyset.ErrUnknownKey)
			for i := range others {
				_, _ = r.key(fmt.Sprint(i))
			}
			if n := r.counting(func() { r.want("b", keyset.ErrUnknownKey) }); n != want {
				t.Errorf("%d fetches after %d others", n, others)
			}
		})
	}
}
