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

// BackChannelLogout returns a handler for the logouts of identity providers, by
// OpenID Connect Back-Channel Logout 1.0 (incorporating errata set 1), which the
// sections below are of. What the provider says has ended, it gives to writer. It
// only fails on configuration mistakes: no writer, issuers that
// [token.NewVerifier] refuses, AnyAudience, a time that makes no sense.
//
// TODO
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

// LogoutObserver is told about logouts by providers, for metrics and audits. Its
// method must be quick, may be called concurrently, and is called once for each
// request, before the answer.
type LogoutObserver interface {
	LoggedOut(ctx context.Context, l Logout)
}

// Logout is what happened to one request.
type Logout struct {
	Issuer   string        // "" unless there was a logout token that holds
	Entries  []Entry       // what it revokes
	Replayed bool          // it was published before, and not again
	Status   int           // of the answer
	Err      error         // why nothing was published, nil if it was; its chain may quote claims, but never the token
	Duration time.Duration // by the handler's clock
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
