package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// BackChannelLogout returns a handler for the logouts that identity providers
// announce: OpenID Connect Back-Channel Logout 1.0 with errata set 1, which the
// sections below are of. What has ended at the provider, it gives to writer.
// Configuration mistakes are errors: no writer, issuers that [token.NewVerifier]
// refuses, AnyAudience, a time that makes no sense.
//
// The provider has to reach it, so strangers may too: register its https URL as
// the client's backchannel_logout_uri, and limit the rate of requests in front of
// it. It needs no authentication, as the logout token is one.
//
// # What is accepted
//
// A POST of a form, of at most 64 KiB, with exactly one logout_token, of at most 16
// KiB, and none in the query. The token is signed by its issuer's key (never "none"),
// its header has the type "logout+jwt", and it has an "iss" and "aud" that are ours,
// "iat", an "exp" that is not over and within MaxLifetime of "iat", "jti", the event,
// "sid" or "sub" or both, and no "nonce" (sections 2.4 to 2.6). Other parameters,
// claims and events are ignored. Encrypted logout tokens are refused.
//
// # What is revoked
//
//	"sid"            Session: the session's tokens
//	"sub", no "sid"  Principal: what was issued to the user before the token's "iat"
//	both             Session and, with EverySession, Principal
//
// So access tokens need a "sid", the same as in ID tokens, or EverySession. They
// need the logout token's "sub" for the latter two: a provider with pairwise
// subjects (OpenID Connect Core section 8) may give each client another.
//
// # Replays
//
// Whoever has seen a logout token can send it again until it expires. That does
// nothing: each entry has the times of the token and not of its arrival, so it is
// equal to the first, which lists have already. It reaches no token that was issued
// later, is remembered no longer, and this holds for each replica without them
// knowing of each other. Therefore what is remembered here, the last 4096 logout
// tokens, only saves writers the work. A replay is answered as the first was.
//
// # What is answered
//
//	200  published, or published before
//	400  the request or its token is invalid
//	405  not a POST, see Allow
//	408  the body did not come in time
//	413  the body is too large
//	415  not a form, or in an encoding
//	503  keys can't be fetched, too much is verified at once, or the writer fails; see
//	     Retry-After
//
// Errors have a body as in section 2.8, {"error": ..., "error_description": ...}, in
// which nothing of the token is. 503 is a departure from section 2.8, which has 400
// for logouts that failed, too: only with 503 is it worth trying again, as section
// 2.5 lets a provider do.
//
// Many providers ask only once, and then the session's tokens work until they
// expire. So a writer that fails is tried again until Timeout, and a provider that
// hangs up meanwhile doesn't end that. What is left is worth an alert: count 503 by
// [LogoutObserver].
//
// # Providers
//
// As their documentation, sources or issue trackers have it; none is that nothing
// was found. Try yours.
//
//	provider   "typ"       "sid", "sub"  needs
//	Keycloak   logout+jwt  both          "Backchannel logout session required": without it there is only
//	                                     "sub", and each logout is one everywhere
//	  older    JWT         both          AllowUntyped, before pull request 29260 of 2024; those before
//	                                     issue 25753 of 2023 have no "exp" and are refused
//	Auth0      JWT         both          AllowUntyped; and EverySession, if access tokens have no "sid"
//	authentik  logout+jwt                AllowUntyped, before pull request 19554 of 2026; those before
//	                                     2025.8.2 have no "exp" and are refused
//	Ory Hydra                            2.2 has no "exp" and is refused (issue 4035)
//	Okta       none                      has front-channel logout, in the user's browser, and Universal
//	                                     Logout, which is another protocol (Global Token Revocation)
//	Entra ID   none                      has front-channel logout, in the user's browser
//
// For those that send none, revoke by your own program when you learn of a logout.
func BackChannelLogout(writer Writer, config LogoutConfig) (http.Handler, error) {
	if writer == nil {
		return nil, errors.New("revocation: back-channel logout: no writer")
	}
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("revocation: back-channel logout: %w", err)
	}
	verifier, err := config.verifier()
	if err != nil {
		return nil, fmt.Errorf("revocation: back-channel logout: %w", err)
	}
	return &backChannel{writer: writer, config: config, verifier: verifier, replays: newReplays()}, nil
}

// backChannel is the handler.
type backChannel struct {
	writer   Writer
	config   LogoutConfig
	verifier *token.Verifier
	replays  *replays
}

// ServeHTTP implements [http.Handler].
func (b *backChannel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := b.config.Clock()
	// A provider that hangs up, because it waits no longer, meant what it said.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), b.config.Timeout)
	defer cancel()
	var logout Logout
	raw, err := logoutTokenOf(ctx, w, r)
	if err == nil {
		logout, err = b.logOut(ctx, raw)
	}
	logout.Status, logout.Duration = http.StatusOK, b.config.Clock().Sub(began)
	if err != nil {
		logout.Status, logout.Err = err.status, err
	}
	if b.config.Observer != nil {
		b.config.Observer.LoggedOut(r.Context(), logout)
	}
	answer(w, err)
}

// logOut verifies a logout token and publishes what it says.
func (b *backChannel) logOut(ctx context.Context, raw string) (Logout, *logoutError) {
	t, err := b.verify(ctx, raw)
	if err != nil {
		return Logout{}, err
	}
	logout := Logout{Issuer: t.Issuer(), Entries: b.entries(t)}
	if checkAll(logout.Entries) != nil {
		return Logout{}, b.refused(invalidRequest("sid or sub is too long"), "")
	}
	hash := t.SigningInputHash()
	if b.replays.has(hash) {
		logout.Replayed = true
		return logout, nil
	}
	if err := b.publish(ctx, logout.Entries); err != nil {
		b.config.Logger.LogAttrs(ctx, slog.LevelError, "back-channel logout: can't be published",
			slog.String("issuer", t.Issuer()), slog.Any("error", err))
		return logout, unavailable("the logout can't be published now", err)
	}
	b.replays.add(hash)
	return logout, nil
}

// publish gives entries to the writer, and once more if it fails, as long as there
// is time: many a provider asks only once.
func (b *backChannel) publish(ctx context.Context, entries []Entry) error {
	const longest = time.Second
	for pause := longest / 8; ; pause = min(2*pause, longest) {
		err := b.writer.Revoke(ctx, entries...)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// verify is section 2.6.
func (b *backChannel) verify(ctx context.Context, raw string) (*token.Token, *logoutError) {
	t, err := b.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, b.refused(unverified(err), token.ReasonOf(err))
	}
	return t, nil
}

// refused logs why a logout token is refused, or can't be verified, and returns it.
func (b *backChannel) refused(err *logoutError, reason token.Reason) *logoutError {
	b.config.Logger.Warn("back-channel logout: logout token refused",
		slog.String("reason", string(reason)), slog.String("description", err.description))
	return err
}

// entries returns what a logout token revokes (section 2.7). All times are those of
// the token, so that to publish it again, whenever and wherever, says the same.
func (b *backChannel) entries(t *token.Token) []Entry {
	var entries []Entry
	if t.Session() != "" {
		entries = append(entries, Session(t.Issuer(), t.Session()).At(t.IssuedAt()))
	}
	if t.Subject() != "" && (t.Session() == "" || b.config.EverySession) {
		entries = append(entries, Principal(t.Principal(), t.IssuedAt()).At(t.IssuedAt()))
	}
	return entries
}
