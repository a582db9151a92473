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
//
// The zero value is an error where it is used. A Requirement is immutable and may
// be part of any number of policies.
type Requirement struct {
	step  step
	text  string // for people
	check func(ctx context.Context, c caller) *refusalError
	err   error // a mistake

	scopes  []string // what to ask the issuer for, of a scope requirement
	issuers []string // of an issuer requirement, for Audit
}

// Named returns the requirement with another text in [PolicyTable]: "the account is
// not suspended". It is for functions without a name of their own.
func (r Requirement) Named(text string) Requirement {
	if r.err == nil && (text == "" || hasControls(text)) {
		r.err = fmt.Errorf("Named(%q): not a text", text)
	}
	r.text = text
	return r
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

// caller is who calls what, as requirements see it.
type caller struct {
	token  *token.Token
	call   incoming
	rule   *rule
	server *Server
}

// Issuers asks for a token of one of these issuers ("iss"), else the call is
// refused with [ReasonIssuerNotAllowed]. The verifier must trust them too. In
// protos it is issuers.
func Issuers(urls ...string) Requirement {
	urls = slices.Clone(urls)
	text := "issuer " + strings.Join(urls, " or ")
	return Requirement{
		step:    stepIssuers,
		text:    text,
		issuers: urls,
		err:     mistakes("Issuers", urls, isIssuer, "not an issuer's URL"),
		check: func(_ context.Context, c caller) *refusalError {
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
// verifier's leeway is not added. In protos it is max_age.
func MaxAge(age time.Duration) Requirement {
	text := "issued within " + age.String()
	r := Requirement{
		step: stepAge,
		text: text,
		check: func(_ context.Context, c caller) *refusalError {
			issued := c.token.IssuedAt()
			if !issued.IsZero() && c.server.now().Sub(issued) <= age {
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

// Require asks a function of yours. Any error means no: the call is refused with
// [ReasonCallNotAllowed], and the error is for the operator alone. An outage is
// not a denial: if the error is a status with the code Unavailable or
// DeadlineExceeded, or that of a context, the call is refused with
// [ReasonPolicyUnavailable], for the caller to try again.
//
// allowed gets the context that the handler would get, with the token in it
// ([token.ClaimsFrom] finds the team's own claims), and may be called
// concurrently. It delays every call to the method, so it should not ask a
// network. In [PolicyTable] it has the name of the function; give one that has
// none a text, by Named.
func Require(allowed func(ctx context.Context, t *token.Token) error) Requirement {
	if allowed == nil {
		return Requirement{err: errors.New("Require(nil)")}
	}
	return Requirement{
		step: stepFunctions,
		text: textOf(allowed),
		check: func(ctx context.Context, c caller) *refusalError {
			switch err := allowed(token.NewContext(c.server.strip(c.call.inContext(ctx)), c.token), c.token); {
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

// textOf returns the name of a function, without its folder. One that was made by
// another has no name that a compiler must keep.
func textOf(function any) string {
	name := path.Base(runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name())
	if strings.Contains(name, ".func") {
		return "a function"
	}
	return strings.TrimSuffix(name, "-fm") // of a method value
}

// mistakes returns an error for an option's values: there are none, or one is not
// fit.
func mistakes(option string, values []string, fit func(string) bool, otherwise string) error {
	if len(values) == 0 {
		return fmt.Errorf("%s() names nothing", option)
	}
	for _, value := range values {
		if !fit(value) {
			return fmt.Errorf("%s(%q): %s", option, value, otherwise)
		}
	}
	return nil
}

// isIssuer reports whether a token could name the issuer, and a line show it among
// others.
func isIssuer(url string) bool {
	return url != "" && !hasControls(url) && !strings.Contains(url, ";")
}

// hasControls reports whether s has a character that would break the line it is
// printed in.
func hasControls(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
