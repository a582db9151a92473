package interceptor

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// plan is what we mean to send with a call, unless the caller sends something.
type plan struct {
	sent    Sent                          // SentNothing if there is nothing, or it is refused
	token   *token.Token                  // for SentVerified: what is sent
	value   func() string                 // what is sent otherwise; may be nil. Behind a func, where no formatting looks
	until   time.Time                     // when the value ends; zero if that isn't known
	own     credentials.PerRPCCredentials // for SentOwn: these bring it, when asked
	refused error                         // why nothing may go out; may be nil
}

// planFor returns the plan for a call that carries nothing yet.
func (c *Client) planFor(ctx context.Context, call Call) plan {
	p := c.supply(ctx, call)
	if p.sent != SentNothing || p.refused != nil {
		return p
	}
	if c.otherwise != nil && !servesCall(ctx) {
		return plan{sent: SentOwn, own: c.otherwise}
	}
	return p
}

// supply is planFor without the service's own credentials.
func (c *Client) supply(ctx context.Context, call Call) plan {
	switch t, decided := token.Decided(ctx); {
	case c.source != nil:
		return c.ask(ctx, call)
	case decided:
		return c.relay(t)
	default:
		return c.passOn(ctx)
	}
}

// relay plans for the token that a server verified, which is nil if it let the
// call in without one.
func (c *Client) relay(t *token.Token) plan {
	switch {
	case t == nil || t.Authorization() == "":
		return plan{sent: SentNothing}
	case c.audience != "" && !t.HasAudience(c.audience):
		return plan{sent: SentNothing, refused: token.NewError(token.ReasonAudienceMismatch, nil)}
	default:
		return plan{sent: SentVerified, token: t, until: t.ValidUntil()}
	}
}

// passOn plans for what came in to a service without a server interceptor.
func (c *Client) passOn(ctx context.Context) plan {
	value, err := c.header.IncomingValue(ctx)
	switch {
	case errors.Is(err, metadata.ErrMissing):
		return plan{sent: SentNothing}
	case err != nil: // sending nothing would make the caller anonymous
		return plan{sent: SentNothing, refused: token.NewError(reasonFor(err), err)}
	case c.verifiedOnly:
		return plan{sent: SentNothing, refused: &refusalError{reason: ReasonRelayUnverified, cause: errNotVerified}}
	default:
		return plan{sent: SentIncoming, value: func() string { return value }}
	}
}

// ask plans for what the source gives.
func (c *Client) ask(ctx context.Context, call Call) plan {
	credential, err := c.source(ctx, call)
	switch {
	case err != nil:
		return plan{sent: SentNothing, refused: unavailable(ctx, err)}
	case credential.Value == "":
		return plan{sent: SentNothing}
	case strings.IndexFunc(credential.Value, notInValue) >= 0:
		return plan{sent: SentNothing, refused: unavailable(ctx, errNoValue)}
	default:
		return plan{sent: SentSource, value: func() string { return credential.Value }, until: credential.ValidUntil}
	}
}

// What is for the operator only.
var (
	errNotVerified = errors.New("no server interceptor ran for this context: use Server.Options, or token.NewContext after Verify")
	errNoValue     = errors.New("the source's value has characters that no header may have")
	errEnded       = errors.New("the source's credential has ended")
)

// notInValue reports whether r may not stand in the value of a header.
func notInValue(r rune) bool { return r < ' ' || r > '~' }

// brings reports whether the plan has a value for the header.
func (p *plan) brings() bool { return p.token != nil || p.value != nil }

// header returns the value of the header, of a plan that brings one.
func (p *plan) header() string {
	if p.token != nil {
		return p.token.Authorization()
	}
	return p.value()
}

// ended returns why the plan's value must not be sent any more at the given
// time, nil if it may. That the user's token ended, the user can mend.
func (p *plan) ended(now time.Time) error {
	switch {
	case p.until.IsZero() || now.Before(p.until):
		return nil
	case p.sent == SentSource:
		return &refusalError{reason: ReasonCredentialUnavailable, cause: errEnded}
	default:
		return token.NewError(token.ReasonExpired, nil)
	}
}

// unavailable returns what a call is refused with because err kept a credential
// from being had: a status as it is, unless gRPC reserves its code for the
// application (gRFC A54), and any other error as a cause. The end of ctx is
// nobody's failure.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return explained(ctx, status.FromContextError(ctx.Err()).Err())
	}
	if s, ok := status.FromError(err); ok && isForCredentials(s.Code()) {
		return err
	}
	return &refusalError{reason: ReasonCredentialUnavailable, cause: err}
}

// isForCredentials reports whether gRPC lets call credentials end a call with
// the code.
func isForCredentials(code codes.Code) bool {
	switch code {
	case codes.OK, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.DataLoss:
		return false
	default:
		return true
	}
}
