package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
)

// loginLimit is how long a user waits for a token.
const loginLimit = 20 * time.Second

// login logs a user in, for all that the user may do.
func (s *stage) login(ctx context.Context, name string) (bearer, time.Duration, error) {
	return s.loginFor(ctx, name, "")
}

// loginFor logs a user in for these scopes, with spaces between them.
func (s *stage) loginFor(ctx context.Context, name, scope string) (bearer, time.Duration, error) {
	grant, err := requestToken(ctx, s.identity.HTTPClient(), s.issuer(),
		auth.Login{Username: name, Password: s.users[name], Scope: scope})
	if err != nil {
		return "", 0, fmt.Errorf("%s can't log in: %w", name, err)
	}
	return bearer(grant.AccessToken), time.Duration(grant.ExpiresIn) * time.Second, nil
}

// ask makes a request of the auth role with a user's token, which must go well, or
// be refused with another status. It returns when it was made.
func (s *stage) ask(ctx context.Context, who bearer, path string, body any, want int) (time.Time, error) {
	client := s.identity.HTTPClient()
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return time.Time{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.issuer()+path, bytes.NewReader(text))
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Authorization", "Bearer "+string(who))
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = response.Body.Close() }() // nobody reads it
	return began, expect("answer of auth to "+path, response.StatusCode, want)
}

// requestToken asks the auth role at url for a token.
func requestToken(ctx context.Context, client *http.Client, url string, login auth.Login) (auth.Grant, error) {
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	body, err := json.Marshal(login) //nolint:gosec // the one place where a password goes out
	if err != nil {
		return auth.Grant{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+auth.LoginPath, bytes.NewReader(body))
	if err != nil {
		return auth.Grant{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return auth.Grant{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return auth.Grant{}, fmt.Errorf("auth answered %s", response.Status)
	}
	var grant auth.Grant
	return grant, json.NewDecoder(response.Body).Decode(&grant)
}
