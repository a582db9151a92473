package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// session is who is logged in: nobody at first. It may be used concurrently.
type session struct {
	tokens atomic.Pointer[oauth2.TokenSource]
}

// begin begins a session with the tokens of a login, which fetch gives. Begin with
// each login anew: of those that are kept from before, one may be revoked, and look
// fresh for a while.
//
// A token is kept until so long before its end. A stream is ended by the service's
// clock, and if that is fast, sooner than this one knows: early is how far the clocks
// may differ, and more than a call takes to arrive. fetch doesn't see the contexts of
// the calls that wait for it: let it have a time-out.
func (s *session) begin(fetch func() (*oauth2.Token, error), early time.Duration) {
	kept := oauth2.ReuseTokenSourceWithExpiry(nil, fetching(fetch), early)
	s.tokens.Store(&kept)
}

// credential is an [interceptor.Source]. While nobody is logged in it gives nothing.
//
// It doesn't say until when a token is valid, which it could: then the client would
// end a stream, by its own clock and with CREDENTIAL_UNAVAILABLE. The service does
// it by the clock that counts, and says why.
func (s *session) credential(context.Context, interceptor.Call) (interceptor.Credential, error) {
	tokens := s.tokens.Load()
	if tokens == nil {
		return interceptor.Credential{}, nil
	}
	t, err := (*tokens).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return withoutToken(refused)
	}
	switch {
	case err != nil:
		return interceptor.Credential{}, err
	case t.Type() != "Bearer":
		return interceptor.Credential{}, errors.New("the token is no bearer token")
	default:
		return interceptor.Credential{Value: "Bearer " + t.AccessToken}, nil
	}
}

// withoutToken returns what goes out when the issuer refused a token. If the login
// has ended (RFC 6749 section 5.2) nothing does, without an error: that is no
// failure, and RequireToken refuses such a call with TOKEN_MISSING.
func withoutToken(refused *oauth2.RetrieveError) (interceptor.Credential, error) {
	if refused.ErrorCode == "invalid_grant" {
		return interceptor.Credential{}, nil
	}
	// Its own text quotes the whole answer, whatever that may be.
	return interceptor.Credential{}, fmt.Errorf("the issuer refused a token: %.40q", refused.ErrorCode)
}

// fetching is an [oauth2.TokenSource] that is a function, and keeps nothing.
type fetching func() (*oauth2.Token, error)

// Token implements [oauth2.TokenSource].
func (f fetching) Token() (*oauth2.Token, error) { return f() }
