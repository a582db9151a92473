package interceptor

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/token"
)

// challenge is what a caller that is refused for its token is told of what would
// be accepted: the value of the www-authenticate header of RFC 6750 section 3,
// "" if that has nothing to say.
func (r *refusalError) challenge() string {
	if r.answer != nil {
		return r.answer.challenge
	}
	return r.newChallenge()
}

// newChallenge is challenge where nothing is prepared.
func (r *refusalError) newChallenge() string {
	switch {
	case r.reason == token.ReasonMissing: // RFC 6750 section 3.1: no error code if no credentials were sent
		return "Bearer"
	case r.reason == ReasonScopeInsufficient:
		return fmt.Sprintf("Bearer error=%q, error_description=%q, scope=%q", "insufficient_scope", r.Error(), r.scope)
	case verdictOf(r.reason).code == codes.Unauthenticated:
		return fmt.Sprintf("Bearer error=%q, error_description=%q", "invalid_token", r.Error())
	default:
		return ""
	}
}

// sendChallenge sends the challenge of a refusal to the caller. It goes into the
// header and not the trailer, which net/http forbids for this name, so it is for
// calls that are refused before anything was sent.
func sendChallenge(ctx context.Context, r *refusalError) {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil { // as in a unit test: there is nobody to tell
		return
	}
	_, copies := stream.(statusWriter) // gRPC's own stream; of others it isn't known what they do with it
	header := r.header(copies)
	if header != nil {
		_ = stream.SetHeader(header)
	}
}

// header returns the header with the challenge, nil if there is none. It must not be
// written to if it may be shared.
func (r *refusalError) header(shared bool) grpcmd.MD {
	if r.answer != nil && shared {
		return r.answer.header
	}
	return challengeHeader(r.challenge())
}

// challengeHeader returns the header that has the challenge, nil if that is "".
func challengeHeader(challenge string) grpcmd.MD {
	if challenge == "" {
		return nil
	}
	return grpcmd.MD{"www-authenticate": {challenge}}
}
