// Package interceptor answers two questions: may this call go on, and what
// goes with the next one?
//
// A [Server] verifies the token of every incoming call and hands it to the
// handler in the context. A [Client] copies it into the calls that the handler
// makes with that context. Unary calls and streams come from one value and are
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
// The token that goes out is the one this server verified, unchanged, in the
// outgoing metadata. A guard among the call's credentials, which carries
// nothing itself, looks at the connection of every attempt and refuses one
// that anyone could read ([AllowPlaintext] allows it), a token that has ended
// meanwhile, and a second value of the header.
//
// Nothing is relayed from a public method or for an anonymous caller. Nothing
// but this one header is ever relayed.
//
// # Order
//
// List recovery, logging and metrics before [Server.Options], so that they see
// refusals. List [Client.DialOptions] last, so that the relay sees what all
// other interceptors put into the call.
package interceptor
