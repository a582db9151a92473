package interceptor

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/token"
)

// challenge tells a caller that is refused for its token what would be
// accepted, in the www-authenticate header of RFC 6750 section 3. It goes into
// the header and not the trailer, which net/http forbids for this name, so it
// is for calls that are refused before anything was sent.
func challenge(ctx context.Context, r *refusalError) {
	if verdictOf(r.reason).code != codes.Unauthenticated {
		return
	}
	value := "Bearer"
	if r.reason != token.ReasonMissing { // RFC 6750 section 3.1: no error code if no credentials were sent
		value = fmt.Sprintf("Bearer error=%q, error_description=%q", "invalid_token", r.Error())
	}
	// Without a transport, as in a unit test, there is nobody to tell.
	_ = grpc.SetHeader(ctx, grpcmd.Pairs("www-authenticate", value))
}
