package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
)

// early is how long before its end a token is not used for new calls.
const early = 30 * time.Second

// fetchLimit bounds one request for a token. oauth2 makes it under a lock, and
// doesn't see the contexts of the calls that wait for it.
const fetchLimit = 5 * time.Second

// ownConfig says where this service gets a token of its own, and as whom.
type ownConfig struct {
	tokenURL string // https
	clientID string
	secret   string

	// params is what else the issuer wants to be told: scope, audience, or
	// resource (RFC 8707). May be nil.
	params url.Values
}

// newOwnCredential returns the service's own credential: a token by OAuth 2.0
// client credentials (RFC 6749 section 4.4), which is asked for when a call
// first needs it, and kept until shortly before it ends. It is for calls with
// transport security only. ctx bounds the requests for tokens: it is the
// worker's, not that of a call. transport makes them.
func newOwnCredential(ctx context.Context, config ownConfig, transport http.RoundTripper) (credentials.PerRPCCredentials, error) {
	endpoint, err := url.Parse(config.tokenURL)
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
		return nil, errors.New("the token endpoint is not an https URL, and is to be told a secret (RFC 6749 section 3.2)")
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     transport,
		Timeout:       fetchLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // no secret goes elsewhere
	})
	grant := clientcredentials.Config{
		ClientID:       config.clientID,
		ClientSecret:   config.secret,
		TokenURL:       config.tokenURL,
		EndpointParams: config.params,
		AuthStyle:      oauth2.AuthStyleInHeader, // or else it is guessed, by sending the secret twice
	}
	fetch := tokenSource(func() (*oauth2.Token, error) { return usable(grant.Token(ctx)) })
	return oauth.TokenSource{TokenSource: oauth2.ReuseTokenSourceWithExpiry(nil, fetch, early)}, nil
}

// tokenSource is an [oauth2.TokenSource] that is a function, and keeps nothing.
type tokenSource func() (*oauth2.Token, error)

// Token implements [oauth2.TokenSource].
func (s tokenSource) Token() (*oauth2.Token, error) { return s() }

// usable returns what the token endpoint gave, if it may be kept and sent.
func usable(t *oauth2.Token, err error) (*oauth2.Token, error) {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		// Its own text quotes the whole answer, whatever that may be.
		return nil, fmt.Errorf("the token endpoint answered %s %.40q", refused.Response.Status, refused.ErrorCode)
	}
	switch {
	case err != nil:
		return nil, err
	case t.Type() != "Bearer":
		return nil, errors.New("the token endpoint gave a token that is no bearer token")
	case t.Expiry.IsZero():
		return nil, errors.New("the token endpoint did not say expires_in: the token would be kept for ever")
	default:
		return t, nil
	}
}
