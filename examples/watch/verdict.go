package main

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// ErrLogin is a watch that no token goes on with which can be had without the
// user: theirs was revoked, say. [interceptor.RefusalFrom] has the reason.
var ErrLogin = errors.New("log in again")

// before returns the pause before the next stream, after one that ended with err
// and so many that failed right before it; or, if another one would not help, the
// error to end the watch with.
//
//   - TOKEN_EXPIRED is what every stream comes to. The next one is opened at once,
//     for the source has a fresh token. If streams fail with it all the same, the
//     source's tokens are stale, or a clock is wrong: that takes pauses.
//   - Whatever else a login would mend, a fresh token does not. Who was thrown out
//     must not get in again by a refresh.
//   - Unavailable is an outage, be it of the service, of its keys, or of whoever
//     issues tokens. It is not known how long it takes, unless the refusal says.
//   - Anything else would only happen again.
func (b Backoff) before(err error, failed int) (time.Duration, error) {
	refusal, _ := interceptor.RefusalFrom(err)
	switch {
	case refusal.NeedsLogin() && refusal.Reason == token.ReasonExpired:
		if failed == 0 {
			return 0, nil
		}
		return b.pause(failed), nil
	case refusal.NeedsLogin():
		return 0, fmt.Errorf("%w: %w", ErrLogin, err)
	case status.Code(err) == codes.Unavailable:
		return max(b.pause(failed+1), refusal.RetryAfter), nil
	default:
		return 0, err
	}
}
