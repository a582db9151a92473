package interceptor

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// Requirement is what a rule asks of a caller beside a valid token, see
// [Policy]. Those of a rule must all hold. They are checked in this order,
// however they are written: scopes, claims, issuers, age, peers, functions.
type Requirement struct {
	step  step
	text  string // for people
	check func(ctx context.Context, c caller) error
	err   error // a mistake

	issuers []string // of an issuer requirement, for Audit
}

// step is when a requirement is checked.
type step int

const (
	stepScopes step = iota
	stepClaims
	stepIssuers
	stepAge
	stepPeers
	stepFunctions
)

// caller is who calls, as requirements see them.
type caller struct {
	token  *token.Token
	now    time.Time
	server *Server // knows how to find the peer, and what handlers don't see
}

// Scopes asks for all these scopes (RFC 6749 section 3.3), else the call is
// refused with [ReasonScopeInsufficient].
func Scopes(all ...string) Requirement {
	all = slices.Clone(all)
	return scopes("scope "+strings.Join(all, " and "), all, func(t *token.Token) bool {
		return !slices.ContainsFunc(all, func(scope string) bool { return !t.HasScope(scope) })
	})
}

// AnyScope asks for one of these scopes, else the call is refused with
// [ReasonScopeInsufficient].
func AnyScope(oneOf ...string) Requirement {
	oneOf = slices.Clone(oneOf)
	return scopes("scope "+strings.Join(oneOf, " or "), oneOf, func(t *token.Token) bool {
		return slices.ContainsFunc(oneOf, t.HasScope)
	})
}

func scopes(text string, listed []string, granted func(t *token.Token) bool) Requirement {
	return Requirement{
		step: stepScopes,
		text: text,
		err:  mistakes("a scope (RFC 6749 section 3.3)", listed, isScope),
		check: func(_ context.Context, c caller) error {
			if granted(c.token) {
				return nil
			}
			return &refusalError{
				reason: ReasonScopeInsufficient, scope: strings.Join(listed, " "),
				cause: fmt.Errorf("needs %s, has %q", text, c.token.Scopes()),
			}
		},
	}
}

// Claim asks that the claim at claimPath is one of the values or, if it is a list,
// contains one, else the call is refused with [ReasonClaimRequired]. Values are
// compared as [token.Token.HasClaim] does.
//
// A path is made of names with dots between them: tenant, realm_access.roles. A
// name with other characters than letters, digits, _ and - stands in double
// quotes: `"https://acme.example/app".roles`.
func Claim(claimPath string, values ...string) Requirement {
	values = slices.Clone(values)
	names, err := parseClaimPath(claimPath)
	text := fmt.Sprintf("claim %s is %s", claimPath, strings.Join(quotedAll(values), " or "))
	if err == nil && len(values) == 0 {
		err = fmt.Errorf("a rule asks for the claim %s and names no value", claimPath)
	}
	return Requirement{
		step: stepClaims,
		text: text,
		err:  err,
		check: func(_ context.Context, c caller) error {
			if c.token.HasClaim(names, values...) {
				return nil
			}
			return &refusalError{reason: ReasonClaimRequired, cause: errors.New("needs " + text)}
		},
	}
}

// Issuers asks for a token of one of these issuers ("iss"), else the call is
// refused with [ReasonIssuerNotAllowed]. The verifier must trust them too.
func Issuers(urls ...string) Requirement {
	urls = slices.Clone(urls)
	text := "issuer " + strings.Join(urls, " or ")
	return Requirement{
		step:    stepIssuers,
		text:    text,
		issuers: urls,
		err:     mistakes("an issuer", urls, func(url string) bool { return url != "" && !hasControls(url) }),
		check: func(_ context.Context, c caller) error {
			if slices.Contains(urls, c.token.Issuer()) {
				return nil
			}
			return &refusalError{reason: ReasonIssuerNotAllowed, cause: fmt.Errorf("needs %s, is of %q", text, c.token.Issuer())}
		},
	}
}

// MaxAge asks for a token that was issued ("iat") no longer ago than age, else
// the call is refused with [ReasonTooOld]; without an "iat" no token is young
// enough. It is for methods where a session of hours is too much to trust. The
// verifier's leeway is not added.
func MaxAge(age time.Duration) Requirement {
	text := "issued within " + age.String()
	r := Requirement{
		step: stepAge,
		text: text,
		check: func(_ context.Context, c caller) error {
			issued := c.token.IssuedAt()
			if !issued.IsZero() && c.now.Sub(issued) <= age {
				return nil
			}
			return &refusalError{reason: ReasonTooOld, cause: fmt.Errorf("needs a token %s, iat is %v", text, issued)}
		},
	}
	if age <= 0 {
		r.err = fmt.Errorf("MaxAge(%v) allows no token", age)
	}
	return r
}

// Peers asks who is calling, where the token says for whom: the caller's client
// certificate, verified, must have one of these names, else the call is refused
// with [ReasonPeerNotAllowed]. A name with "://" is a URI as it stands in the
// certificate (spiffe://acme/orders); any other is a DNS name, in any letter
// case. Nothing is a pattern, neither here nor in the certificate. Where others
// than the TLS of the connection know who calls, see [PeerNames].
func Peers(names ...string) Requirement {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[peerKey(name)] = true
	}
	text := "peer " + strings.Join(names, " or ")
	return Requirement{
		step: stepPeers,
		text: text,
		err:  mistakes("a URI or a DNS name", names, isPeerName),
		check: func(ctx context.Context, c caller) error {
			found := c.server.peerNames(ctx)
			if slices.ContainsFunc(found, func(name string) bool { return wanted[peerKey(name)] }) {
				return nil
			}
			return &refusalError{reason: ReasonPeerNotAllowed, cause: fmt.Errorf("needs %s, is %q", text, found)}
		},
	}
}

// Require asks a function of yours. Any error means no: the call is refused with
// [ReasonCallNotAllowed], and the error is for the operator alone. An outage is
// not a denial: if the error is a status with the code Unavailable or
// DeadlineExceeded, or that of a context, the call is refused with
// [ReasonPolicyUnavailable], for the caller to try again.
//
// allowed gets the context that the handler would get, with the token in it
// ([token.ClaimsFrom] finds the team's own claims), and may be called
// concurrently. It delays every call to the method, so it should not ask a
// network.
func Require(allowed func(ctx context.Context, t *token.Token) error) Requirement {
	if allowed == nil {
		return Requirement{err: errors.New("Require(nil)")}
	}
	return Requirement{
		step: stepFunctions,
		text: nameOf(allowed),
		check: func(ctx context.Context, c caller) error {
			switch err := allowed(token.NewContext(c.server.strip(ctx), c.token), c.token); {
			case err == nil:
				return nil
			case isOutage(err):
				return &refusalError{reason: ReasonPolicyUnavailable, cause: err}
			default:
				return &refusalError{reason: ReasonCallNotAllowed, cause: err}
			}
		},
	}
}

// isOutage reports whether err says that there is no answer now.
func isOutage(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// nameOf returns the name of a function, without its folder.
func nameOf(function any) string {
	return path.Base(runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name())
}

// mistakes returns an error for values that are none, or not fit.
func mistakes(what string, values []string, fit func(string) bool) error {
	if len(values) == 0 {
		return fmt.Errorf("a rule asks for %s and names none", what)
	}
	for _, value := range values {
		if !fit(value) {
			return fmt.Errorf("%q is not %s", value, what)
		}
	}
	return nil
}

// isScope reports whether s is a scope-token (RFC 6749 section 3.3).
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// hasControls reports whether s has a character that would break the line it is
// printed in.
func hasControls(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func quotedAll(values []string) []string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = fmt.Sprintf("%q", value)
	}
	return quoted
}
