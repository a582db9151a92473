// Package interceptor answers two questions: may this call go on, and what
// goes with the next one?
//
// A [Server] verifies the token of every incoming call and hands it to the
// handler in the context. A [Client] sends it along with the calls that the
// handler makes with that context. Unary calls and streams come from one value and are
// installed by one call, so they can't be configured apart.
//
//	gateway -> A -> B -> C     one token, verified four times, relayed three
//
// # Serving
//
// [NewServer] takes a [token.Verifier] and a [Policy], which says for each
// method whether it needs a token. A method that the policy does not mention
// is refused with NO_POLICY, so nothing is served by omission; [Server.Audit]
// finds such methods at start-up. Each call is decided in this order:
//
//  1. No rule for the method: refused, whatever the token.
//  2. [Public]: let in. A token is not looked at and goes no further.
//  3. [Optional]: let in without a token; one that is there must be valid.
//  4. [Authenticated]: a valid token is required.
//
// A refusal is a gRPC status with the reason in an ErrorInfo of the domain
// [Domain], the hop that refused in its metadata, and, where keys are
// unavailable, a RetryInfo. Its text holds nothing of the token; what the
// operator needs reaches the [Observer].
//
// # Relaying
//
// The token that goes out is the one this server verified, unchanged. A guard
// among the call's credentials brings it, after a look at the connection of
// each attempt: it refuses one that anyone could read ([AllowPlaintext] allows
// it), a token that has ended meanwhile, and a second value of the header. The
// token is in no outgoing context, so it can't get into other calls by way of
// one, and whatever displaces the guard displaces the token.
//
// Nothing is relayed from a public method or for an anonymous caller. Nothing
// but this one header is ever relayed.
//
// To gRPC a refusal is a status like any other: a retry policy that names its
// code tries again. CREDENTIAL_UNAVAILABLE and KEYS_UNAVAILABLE are
// Unavailable, for which that makes sense.
//
// A service without a [Server] passes on the one bearer value that came in,
// unread; the next hop verifies it. Where there is a Server, add [VerifiedOnly].
//
// # What holds where
//
//	promise                                    Server and Client   metadata.Relay
//	the token arrives byte for byte            yes                 yes
//	and was verified here                      yes                 no: the next hop must
//	no network call per request                yes                 yes
//	a method without a rule is refused         yes                 no: it decides nothing
//	unary and streams can't differ             yes                 call it in both
//	never in the clear                         yes                 no: it sees no connection
//	never twice                                yes                 yes, if it is the last to write
//	never from a method that verified none     yes                 no: it can't know
//	an outage is not a denial                  yes                 it decides nothing
//	a relayed stream ends with its token       yes                 no: the token is not read
//
// # Order
//
// List recovery, logging and metrics before [Server.Options], so that they see
// refusals. List [Client.DialOptions] last, so that the relay sees what all
// other interceptors put into the call.
package interceptor
