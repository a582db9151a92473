package token_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// counted are claims that count how often they were decoded, and let a test hold that
// up.
type counted struct {
	Counter string `json:"counter"`
}

// gates are what counted claims pass, by the name in their token.
var gates sync.Map

type gate struct {
	passed atomic.Int64
	held   chan struct{} // nil if it is open
	panics atomic.Bool
}

func (c *counted) Validate() error {
	found, _ := gates.Load(c.Counter)
	g, ok := found.(*gate)
	if !ok {
		return errors.New("no gate has this name")
	}
	g.passed.Add(1)
	if g.held != nil {
		<-g.held
	}
	if g.panics.Load() {
		panic("own claims")
	}
	return nil
}

// newGate returns a gate, and a token whose verification passes it.
func newGate(t *testing.T, issuer *jwttest.Issuer, g *gate) (raw string) {
	t.Helper()
	gates.Store(t.Name(), g)
	t.Cleanup(func() { gates.Delete(t.Name()) })
	return issuer.Token(jwttest.Claim("counter", t.Name()))
}

// crowd verifies a token many times at once.
func crowd(ctx context.Context, verifier *token.Verifier, raw string, n int) (verdicts func() map[token.Reason]int) {
	var wg sync.WaitGroup
	got := make([]token.Reason, n)
	for i := range n {
		wg.Go(func() {
			_, err := verifier.Verify(ctx, raw)
			got[i] = token.ReasonOf(err)
		})
	}
	return func() map[token.Reason]int {
		wg.Wait()
		count := make(map[token.Reason]int)
		for _, reason := range got {
			count[reason]++
		}
		return count
	}
}

func TestAThousandCallsVerifyANewTokenOnce(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]token.VerifierOption{
		"with a cache": nil, "without": {token.CacheSize(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				verifier := trusting(t, issuer, append(options, token.WithClaims[counted]())...)
				g := &gate{held: make(chan struct{})}
				verdicts := crowd(t.Context(), verifier, newGate(t, issuer, g), 1000)
				synctest.Wait() // for one that is held up, and all that wait for it
				close(g.held)
				if got := verdicts(); got[""] != 1000 {
					t.Errorf("got %v", got)
				}
				if n := g.passed.Load(); n != 1 {
					t.Errorf("verified %d times", n)
				}
			})
		})
	}
}

func TestATokenThatIsRefusedIsRefusedForAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.MaxConcurrentVerifications(1))
		free := verifier.TakeSlot()
		verdicts := crowd(t.Context(), verifier, issuer.Token(jwttest.Forged()), 100)
		synctest.Wait()
		free()
		if got := verdicts(); got[token.ReasonSignatureInvalid] != 100 {
			t.Errorf("got %v", got)
		}
	})
}

func TestACallThatIsGivenUpFailsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.MaxConcurrentVerifications(1), token.WithClaims[counted]())
		g := new(gate)
		raw := newGate(t, issuer, g)
		free := verifier.TakeSlot()
		ctx, cancel := context.WithCancelCause(t.Context())
		first := crowd(ctx, verifier, raw, 1)
		synctest.Wait()
		others := crowd(t.Context(), verifier, raw, 100)
		synctest.Wait()
		cancel(errors.New("given up"))
		if got := first(); got[token.ReasonOverloaded] != 1 {
			t.Errorf("the one that was given up got %v", got)
		}
		synctest.Wait()
		free()
		if got := others(); got[""] != 100 {
			t.Errorf("the others got %v", got)
		}
		if n := g.passed.Load(); n != 1 {
			t.Errorf("verified %d times", n)
		}
	})
}

func TestWhoWaitsForAnotherGivesUpWithItsOwnCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.WithClaims[counted]())
		g := &gate{held: make(chan struct{})}
		raw := newGate(t, issuer, g)
		first := crowd(t.Context(), verifier, raw, 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := verifier.Verify(ctx, raw)
		if token.ReasonOf(err) != token.ReasonOverloaded || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(g.held)
		if got := first(); got[""] != 1 {
			t.Errorf("the first got %v", got)
		}
	})
}

// What the service's own code does is not for the library to hide, nor may it leave
// others waiting.
func TestAPanicInOwnClaimsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.WithClaims[counted](), token.MaxConcurrentVerifications(1))
		g := &gate{held: make(chan struct{})}
		g.panics.Store(true)
		raw := newGate(t, issuer, g)
		panicked := make(chan any, 1)
		go func() {
			defer func() { panicked <- recover() }()
			_, _ = verifier.Verify(t.Context(), raw)
		}()
		synctest.Wait()
		others := crowd(t.Context(), verifier, raw, 10)
		synctest.Wait()
		g.held <- struct{}{}
		if got := <-panicked; got != "own claims" {
			t.Errorf("got %v", got)
		}
		g.panics.Store(false)
		close(g.held)
		if got := others(); got[""] != 10 {
			t.Errorf("the others got %v", got)
		}
		if n := g.passed.Load(); n != 2 {
			t.Errorf("verified %d times", n)
		}
	})
}

// lateKeys is a key set that answers its second question only when it is told to.
type lateKeys struct {
	*changing
	answer chan struct{}
}

func (l lateKeys) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) {
	key, err := l.changing.Key(ctx, id, alg)
	if l.asked.Load() == 2 {
		<-l.answer
	}
	return key, err
}

// Between its look at the cache and its turn, another call may have verified the token.
func TestWhoComesTooLateToWaitFindsTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		g := &gate{held: make(chan struct{})}
		raw := newGate(t, issuer, g)
		keys := lateKeys{newChanging(issuer.Keys()), make(chan struct{})}
		verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}},
			token.WithClaims[counted]())
		first := crowd(t.Context(), verifier, raw, 1)
		synctest.Wait()
		second := crowd(t.Context(), verifier, raw, 1)
		synctest.Wait()
		close(g.held)
		if got := first(); got[""] != 1 {
			t.Errorf("the first got %v", got)
		}
		close(keys.answer)
		if got := second(); got[""] != 1 {
			t.Errorf("the second got %v", got)
		}
		if n := g.passed.Load(); n != 1 {
			t.Errorf("verified %d times", n)
		}
	})
}
