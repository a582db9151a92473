package token_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestWithoutATurnATokenWaitsAsLongAsItsCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.MaxConcurrentVerifications(2))
		known := issuer.Token()
		wantReason(t, verifier, known, "")
		first, second := verifier.TakeSlot(), verifier.TakeSlot()

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := verifier.Verify(ctx, issuer.Token(jwttest.Subject("bob")))
		if took := time.Since(began); token.ReasonOf(err) != token.ReasonOverloaded || took != time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cause is %v", errors.Unwrap(err))
		}

		// What needs no signature to be checked doesn't wait.
		wantReason(t, verifier, known, "")
		wantReason(t, verifier, "x", token.ReasonMalformed)
		wantReason(t, verifier, issuer.Token(jwttest.Header("kid", "another")), token.ReasonKeyUnknown)

		waiting := crowd(t.Context(), verifier, issuer.Token(jwttest.Subject("carol")), 3)
		synctest.Wait()
		first()
		if got := waiting(); got[""] != 3 {
			t.Errorf("those that waited got %v", got)
		}
		second()
	})
}

// Reading what stands in front of a signature can take longer than checking one, if
// whoever wrote it wants that.
func TestLongJSONWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		members := make(map[string]int)
		for i := range 100 {
			members[fmt.Sprint("member-", i)] = i
		}
		other := token.Issuer{URL: "https://other.test", Audiences: issuer.Audience(), Keys: issuer.Keys()}
		one := trusting(t, issuer, token.MaxConcurrentVerifications(1))
		two := newVerifier(t, []token.Issuer{trust(issuer), other}, token.MaxConcurrentVerifications(1))
		for name, test := range map[string]struct {
			verifier *token.Verifier
			raw      string
			waits    bool
		}{
			"a header":                {one, issuer.Token(jwttest.Forged(), jwttest.Header("kid", "x"), jwttest.Header("x", members)), true},
			"a short header":          {one, issuer.Token(jwttest.Header("kid", "x"), jwttest.Header("x", map[string]int{"a": 1})), false},
			"a long plain header":     {one, issuer.Token(jwttest.Header("kid", "x"), jwttest.Header("x", strings.Repeat("x", 2000))), false},
			"claims, of some issuer":  {two, issuer.Token(jwttest.Header("kid", "x"), jwttest.Claim("x", members)), true},
			"claims of one issuer":    {one, issuer.Token(jwttest.Header("kid", "x"), jwttest.Claim("x", members)), false},
			"a few claims of several": {two, issuer.Token(jwttest.Header("kid", "x")), false},
		} {
			free := test.verifier.TakeSlot()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			began := time.Now()
			_, err := test.verifier.Verify(ctx, test.raw)
			want, long := token.ReasonKeyUnknown, time.Duration(0)
			if test.waits {
				want, long = token.ReasonOverloaded, time.Minute
			}
			if took := time.Since(began); token.ReasonOf(err) != want || took != long {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			cancel()
			free()
			wantReason(t, test.verifier, test.raw, token.ReasonKeyUnknown)
		}
	})
}

// Every way out of a verification gives its turn back.
func TestTurnsAreGivenBack(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := trusting(t, issuer, token.MaxConcurrentVerifications(1), token.CacheSize(0))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		wantReason(t, verifier, issuer.Token(), "")
		wantReason(t, verifier, issuer.Token(jwttest.Forged()), token.ReasonSignatureInvalid)
		wantReason(t, verifier, issuer.Token(jwttest.Audience("another")), token.ReasonAudienceMismatch)
		wantReason(t, verifier, issuer.Token(jwttest.Expired(time.Hour)), token.ReasonExpired)
		if _, err := verifier.Verify(cancelled, issuer.Token()); err != nil {
			t.Errorf("with a turn at hand, an ended call got %v", err)
		}
	}
	verifier.TakeSlot()()
}

// A call may wait for its turn for as long as it likes. That doesn't save a key that was
// withdrawn in the meantime.
func TestWhoWaitedForItsTurnIsAskedForItsKeyAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, issuer *jwttest.Issuer) *keyset.Static
		want   token.Reason
	}{
		"the key is gone": {func(_ *testing.T, i *jwttest.Issuer) *keyset.Static {
			old := i.Key(keyset.ES256)
			i.Rotate()
			i.Withdraw(old)
			return i.Keys()
		}, token.ReasonKeyUnknown},
		"another key has come":   {func(_ *testing.T, i *jwttest.Issuer) *keyset.Static { i.Rotate(); return i.Keys() }, ""},
		"another key has its id": {otherKeyOfTheSameID, token.ReasonSignatureInvalid},
		"the set was read anew":  {func(_ *testing.T, i *jwttest.Issuer) *keyset.Static { return i.Keys() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCached(t, token.MaxConcurrentVerifications(1))
				raw := c.issuer.Token()
				free := c.TakeSlot()
				waiting := crowd(t.Context(), c.Verifier, raw, 10)
				synctest.Wait()
				c.keys.now.Store(test.change(t, c.issuer))
				free()
				if got := waiting(); got[test.want] != 10 {
					t.Errorf("got %v, want %q", got, test.want)
				}
				c.TakeSlot()()
			})
		})
	}
}

func TestByDefaultAQuarterOfTheProcessorsIsLeft(t *testing.T) { //nolint:paralleltest // it changes the number of processors
	issuer := newIssuer(t)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 3, 8: 6} {
		runtime.GOMAXPROCS(processors)
		if got := trusting(t, issuer).Turns(); got != want {
			t.Errorf("%d processors: %d turns, want %d", processors, got, want)
		}
	}
	if got := trusting(t, issuer, token.MaxConcurrentVerifications(7)).Turns(); got != 7 {
		t.Errorf("got %d turns, want what was asked for", got)
	}
}

func TestWhoGaveUpIsToldWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		verifier := trusting(t, issuer, token.MaxConcurrentVerifications(1))
		defer verifier.TakeSlot()()
		why := errors.New("the user went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, err := verifier.Verify(ctx, issuer.Token()); token.ReasonOf(err) != token.ReasonOverloaded || !errors.Is(err, why) {
			t.Errorf("got %v for %v", err, errors.Unwrap(err))
		}
	})
}
