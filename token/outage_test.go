package token_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// remoteIssuer is an issuer, which has these faults from the beginning, and what a
// service trusts of it.
func remoteIssuer(t *testing.T, url string, faults ...jwttest.Fault) (*jwttest.Issuer, token.Issuer) {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithURL(url))
	for _, fault := range faults {
		issuer.Misbehave(fault)
	}
	keys, err := keyset.Discover(issuer.URL(), keyset.RemoteConfig{Client: issuer.Client(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	return issuer, token.Issuer{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}
}

// verdict is the reason for which raw is refused, "" if it isn't, and the time
// that took.
func verdict(ctx context.Context, verifier *token.Verifier, raw string) (token.Reason, time.Duration) {
	start := time.Now()
	_, err := verifier.Verify(ctx, raw)
	var refused *token.Error
	if errors.As(err, &refused) {
		return refused.Reason(), time.Since(start)
	}
	return "", time.Since(start)
}

func TestOneIssuersOutageIsNotAnothers(t *testing.T) {
	t.Parallel()
	for _, fault := range jwttest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				down, trustDown := remoteIssuer(t, "https://down.test", fault)
				well, trustWell := remoteIssuer(t, "https://well.test")
				verifier, err := token.NewVerifier([]token.Issuer{trustDown, trustWell})
				if err != nil {
					t.Fatal(err)
				}
				want := func(raw string, wanted token.Reason, most time.Duration) {
					t.Helper()
					if reason, took := verdict(t.Context(), verifier, raw); reason != wanted || took > most {
						t.Errorf("%q after %v, want %q", reason, took, wanted)
					}
				}
				synctest.Wait()
				want(well.Token(), "", 0)
				want(down.Token(), token.ReasonKeysUnavailable, 0)

				well.Rotate()
				go func() { _, _ = verifier.Verify(t.Context(), down.Token()) }()
				want(well.Token(), "", 0) // a new key, in the middle of the other's outage
				time.Sleep(time.Hour)
				want(well.Token(), "", 0)
				want(down.Token(), token.ReasonKeysUnavailable, 0)

				down.Recover()
				time.Sleep(time.Minute + 10*time.Second)
				want(down.Token(), "", 0)
			})
		})
	}
}

// An outage of a day is no reason to send users away, but to make them wait.
func TestKeysThatAreTooOldMakeTokensUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, trusted := remoteIssuer(t, "https://id.test")
		verifier, err := token.NewVerifier([]token.Issuer{trusted})
		if err != nil {
			t.Fatal(err)
		}
		raw := issuer.Token(jwttest.ExpiresIn(72 * time.Hour))
		synctest.Wait()
		issuer.Fail(503)
		time.Sleep(23 * time.Hour)
		if reason, _ := verdict(t.Context(), verifier, raw); reason != "" {
			t.Errorf("after 23 hours: %q", reason)
		}
		time.Sleep(time.Hour)
		if reason, _ := verdict(t.Context(), verifier, raw); reason != token.ReasonKeysUnavailable {
			t.Errorf("after a day: %q", reason)
		}
	})
}

// Whoever can't sign can't make a service ask its issuer for anything.
func TestABadSignatureNeverCausesAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, trusted := remoteIssuer(t, "https://id.test")
		verifier, err := token.NewVerifier([]token.Issuer{trusted})
		if err != nil {
			t.Fatal(err)
		}
		raw := issuer.Token()
		forged := []string{issuer.Token(jwttest.Forged()), jwttest.Tamper(raw)}
		synctest.Wait()
		before := issuer.JWKSRequests() + issuer.DiscoveryRequests()
		for range 1000 {
			for _, raw := range forged {
				if reason, took := verdict(t.Context(), verifier, raw); reason != token.ReasonSignatureInvalid || took != 0 {
					t.Fatalf("%q after %v", reason, took)
				}
			}
		}
		if n := issuer.JWKSRequests() + issuer.DiscoveryRequests() - before; n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}
