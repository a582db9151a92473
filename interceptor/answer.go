package interceptor

import (
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// answer is what a server tells all callers that it refuses for one reason. It is
// prepared, for anyone may send such calls, as many as they like. It is not
// modified once built.
type answer struct {
	status    *status.Status
	challenge string    // as refusalError.challenge has it
	header    grpcmd.MD // with the challenge; nil if there is none
	details   string    // the status as gRPC has it in a header of HTTP
	json      []byte    // the status as Connect has it
}

// prepareAnswers returns the answers to what a call is refused for at the door, be
// it only now and then: all but those that tell one caller something else than
// another, a scope or when to try again.
func (s *Server) prepareAnswers() map[token.Reason]*answer {
	answers := make(map[token.Reason]*answer)
	for _, reason := range []token.Reason{
		token.ReasonMissing, token.ReasonMalformed, token.ReasonTooLarge, token.ReasonUnsupported,
		token.ReasonKeyUnknown, token.ReasonSignatureInvalid, token.ReasonExpired, token.ReasonNotYetValid,
		token.ReasonIssuerMismatch, token.ReasonAudienceMismatch, token.ReasonClaimsInvalid, token.ReasonRevoked,
		token.ReasonOverloaded,
		ReasonNoPolicy, ReasonClaimRequired, ReasonIssuerNotAllowed, ReasonTooOld, ReasonPeerNotAllowed, ReasonCallNotAllowed,
	} {
		answers[reason] = newAnswer(&refusalError{reason: reason, hop: s.hop, hopHidden: s.hideHops})
	}
	return answers
}

// newAnswer returns what the caller is told whom r refuses.
func newAnswer(r *refusalError) *answer {
	full, challenge := r.newStatus(), r.newChallenge()
	return &answer{
		status: full, details: detailsOf(full), json: encoded(connectError(full)),
		challenge: challenge, header: challengeHeader(challenge),
	}
}
