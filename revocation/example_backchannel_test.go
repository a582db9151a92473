package revocation_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// A user logs out at the identity provider, which tells the clients. From then on
// services refuse the session's access tokens.
func ExampleBackChannelLogout() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	keys := issuer.Keys()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	verifier, err := token.NewVerifier([]token.Issuer{
		{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys},
	}, token.MaxLifetime(time.Hour), token.WithRevocations(list))
	if err != nil {
		fmt.Println(err)
		return
	}

	logout, err := revocation.BackChannelLogout(list, revocation.LogoutConfig{
		Issuers: []token.Issuer{{URL: issuer.URL(), Audiences: []string{"web-app"}, Keys: keys}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/backchannel-logout", logout)

	// What the provider does:
	logoutToken := issuer.Token(
		jwttest.Header("typ", "logout+jwt"), jwttest.Audience("web-app"), jwttest.ExpiresIn(2*time.Minute), jwttest.Claim("sid", "s-1"),
		jwttest.Claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}}))
	form := url.Values{"logout_token": {logoutToken}}.Encode()
	request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/backchannel-logout", strings.NewReader(form))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, request)
	fmt.Println(response.Code)

	_, err = verifier.Verify(context.Background(), issuer.Token(jwttest.Claim("sid", "s-1")))
	fmt.Println(token.ReasonOf(err))
	_, err = verifier.Verify(context.Background(), issuer.Token(jwttest.Claim("sid", "s-2")))
	fmt.Println(err)
	// Output:
	// 200
	// TOKEN_REVOKED
	// <nil>
}
