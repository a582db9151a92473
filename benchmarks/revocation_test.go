package benchmarks

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// sizes are numbers of entries.
func sizes() []int { return []int{0, 1_000, 1_000_000} }

const lifetime = time.Hour

// sessionID returns an id as long as the UUIDs that identity providers give.
func sessionID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// entry returns the i-th of many entries, of all kinds that are told by a name.
func entry(issuer string, i int) revocation.Entry {
	switch name := sessionID(i); i % 3 {
	case 0:
		return revocation.Session(issuer, name)
	case 1:
		return revocation.TokenID(issuer, name, time.Time{})
	default:
		return revocation.Principal(token.Principal{Issuer: issuer, Subject: name}, time.Now())
	}
}

// filled returns a list of n entries.
func filled(tb testing.TB, issuer string, n int) *revocation.List {
	tb.Helper()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: lifetime})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		if err := list.Revoke(context.Background(), entry(issuer, i)); err != nil {
			tb.Fatal(err)
		}
	}
	return list
}

// verified returns a token of an issuer that has everything to be looked up by.
func verified(tb testing.TB, issuer *jwttest.Issuer, session string) *token.Token {
	tb.Helper()
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}})
	if err != nil {
		tb.Fatal(err)
	}
	t, err := verifier.Verify(context.Background(), issuer.Token(jwttest.Claim("sid", session), jwttest.ID("t-1")))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// BenchmarkRevoked asks about a token that is not revoked, as nearly all are, and
// about one that is: alone, by all cores, and while entries are added.
func BenchmarkRevoked(b *testing.B) {
	issuer := jwttest.NewIssuer(b, jwttest.InMemory())
	for _, n := range sizes() {
		list := filled(b, issuer.URL(), n)
		valid, revoked := verified(b, issuer, "valid"), verified(b, issuer, sessionID(0))
		for name, t := range map[string]*token.Token{"valid": valid, "revoked": revoked} {
			if n == 0 && t == revoked {
				continue
			}
			b.Run(fmt.Sprintf("entries=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ask(b, list, t, t == revoked)
				}
			})
		}
		b.Run(fmt.Sprintf("entries=%d/valid,all-cores", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ask(b, list, valid, false)
				}
			})
		})
		b.Run(fmt.Sprintf("entries=%d/valid,while-revoking", n), func(b *testing.B) { whileRevoking(b, issuer, list, valid) })
	}
}

// whileRevoking asks while somebody else revokes a thousand tokens a second.
func whileRevoking(b *testing.B, issuer *jwttest.Issuer, list *revocation.List, valid *token.Token) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_ = list.Revoke(ctx, revocation.Session(issuer.URL(), "while-"+strconv.Itoa(i)))
			time.Sleep(time.Millisecond)
		}
	})
	for b.Loop() {
		ask(b, list, valid, false)
	}
	cancel()
	done.Wait()
}

func ask(b *testing.B, list *revocation.List, t *token.Token, want bool) {
	if got, err := list.Revoked(t); got != want || err != nil {
		b.Errorf("%v, %v", got, err)
	}
}

// BenchmarkMemory measures what an entry takes, with its id of 36 bytes.
func BenchmarkMemory(b *testing.B) {
	for _, n := range sizes()[1:] {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			var bytes float64
			for b.Loop() {
				before := heap()
				list := filled(b, "https://id.example.com", n)
				bytes = float64(heap()-before) / float64(n)
				runtime.KeepAlive(list)
			}
			b.ReportMetric(bytes, "B/entry")
			b.ReportMetric(0, "ns/op") // that of filling is BenchmarkRevoke's
		})
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkRevoke adds entries to a list that is empty at first.
func BenchmarkRevoke(b *testing.B) {
	list := filled(b, "https://id.example.com", 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := list.Revoke(context.Background(), entry("https://id.example.com", i)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAMillionEntriesFit is what the package promises: 250 bytes an entry at most.
func TestAMillionEntriesFit(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	const n = 1_000_000
	before := heap()
	list := filled(t, "https://id.example.com", n)
	if each := (heap() - before) / n; each > 250 {
		t.Errorf("%d bytes an entry", each)
	}
	runtime.KeepAlive(list)
}
