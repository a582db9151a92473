package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// TestCredentials has what an issuer may answer, and what goes out then.
func TestCredentials(t *testing.T) {
	t.Parallel()
	const leak = "hush-hush"
	for name, test := range map[string]struct {
		token *oauth2.Token
		err   error
		want  string // the header
		fails bool
	}{
		"a token":               {token: &oauth2.Token{AccessToken: "a.b.c"}, want: "Bearer a.b.c"},
		"in small letters":      {token: &oauth2.Token{AccessToken: "a.b.c", TokenType: "bearer"}, want: "Bearer a.b.c"},
		"of another kind":       {token: &oauth2.Token{AccessToken: "a.b.c", TokenType: "DPoP"}, fails: true},
		"the login has ended":   {err: &oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: leak}},
		"the client is unknown": {err: &oauth2.RetrieveError{ErrorCode: "invalid_client", ErrorDescription: leak, Body: []byte(leak)}, fails: true},
		"an outage":             {err: errors.New("no route to host"), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s session
			s.begin(func() (*oauth2.Token, error) { return test.token, test.err }, time.Second)
			got, err := s.credential(t.Context(), interceptor.Call{})
			if got.Value != test.want || (err != nil) != test.fails {
				t.Errorf("got %q, %v", got.Value, err)
			}
			if err != nil && strings.Contains(err.Error(), leak) {
				t.Error("it tells what the issuer said")
			}
		})
	}
}

// TestATokenIsKeptUntilShortlyBeforeItsEnd has tokens of 5 minutes.
func TestATokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		var s session
		s.begin(func() (*oauth2.Token, error) {
			fetched++
			return &oauth2.Token{AccessToken: "a.b.c", Expiry: time.Now().Add(tokenLife)}, nil
		}, 30*time.Second)
		for _, at := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {4*time.Minute + 29*time.Second, 1}, {2 * time.Second, 2}, {time.Hour, 3}} {
			time.Sleep(at.after)
			if _, err := s.credential(t.Context(), interceptor.Call{}); err != nil || fetched != at.want {
				t.Errorf("%v later %d were fetched, want %d: %v", at.after, fetched, at.want, err)
			}
		}
	})
}

// TestALoginForgetsTheTokensOfBefore has one that looks fresh.
func TestALoginForgetsTheTokensOfBefore(t *testing.T) {
	t.Parallel()
	var s session
	for _, raw := range []string{"a.b.c", "d.e.f"} {
		s.begin(func() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: raw}, nil }, time.Second)
		if got, err := s.credential(t.Context(), interceptor.Call{}); got.Value != "Bearer "+raw || err != nil {
			t.Error(got, err)
		}
	}
}
