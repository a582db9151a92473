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
// method who may call it: in code, or beside the method in its proto, which
// [FromProto] reads. A method that the policy does not mention is refused with
// NO_POLICY, so nothing is served by omission; [Server.Audit] finds such methods
// at start-up, and [Server.PolicyTable] shows them all. Each call is decided in
// this order:
//
//  1. No rule for the method: refused, whatever the token.
//  2. [Public]: let in. A token is not looked at and goes no further.
//  3. [Optional]: let in without a token; one that is there must be valid.
//  4. [Authenticated]: a valid token is required.
//  5. What else the rule asks for, see [Requirement]: [Scopes] and [AnyScope],
//     [Claim], [Issuers], [MaxAge], [Peers], [Require].
//
// A refusal is a gRPC status with the reason in an ErrorInfo of the domain
// [Domain], the hop that refused and the scopes that the rule asks for in its
// metadata, and, where trying again makes sense, a RetryInfo. Its text holds
// nothing of the token; what the operator needs reaches the [Observer].
// [RefusalFrom] reads it at any hop, and [AsUpstream] passes it on.
//
// At the edge, [StripHeaders] and [HideHops] keep apart what is said inside and
// outside. [Shadow] finds out who would be refused before anybody is.
//
// # Streams
//
// A stream is decided on when it is opened, and lives no longer than its token.
// When that has expired, leeway included, or is revoked, the handler's context ends
// with a cause that [RefusalFrom] reads, and the caller gets Unauthenticated with
// TOKEN_EXPIRED or TOKEN_REVOKED: at once, though the handler sleeps or is blocked
// in RecvMsg or SendMsg, which from then on fail with the same. A client that does
// not read gets it behind what was sent before, and holds its stream until it reads
// or goes away: give GracefulStop a limit, as ever. What interceptors outside of ours
// make of the error comes too late then. One that wraps gRPC's ServerTransportStream
// keeps the status from going out before the handler returns. Nothing is added to a
// message but the reading of a pointer. To go on, a client opens the stream again with
// a fresh token.
//
// The end comes while the handler runs. What gRPC does not lock, such as
// grpc.SetSendCompressor, is therefore for the beginning of a handler: called at the
// end it may race with the status. A handler that sleeps past the end goes on holding
// its place among gRPC's MaxConcurrentStreams. Timers are monotonic: time in which the
// machine sleeps does not count, so a stream may outlive its token by that; what comes
// in or is relayed is held against the clock.
//
// An HTTP request ends with its token as well, see [Server.HTTPHandler], and so do the
// calls that a [Client] makes in the context of either: they return the reason, and
// not Canceled.
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
// code tries again. CREDENTIAL_UNAVAILABLE, KEYS_UNAVAILABLE, POLICY_UNAVAILABLE and
// REVOCATIONS_UNAVAILABLE are Unavailable, for which that makes sense;
// VERIFIER_OVERLOADED is ResourceExhausted, for which it makes things worse.
//
// A service without a [Server] passes on the one bearer value that came in,
// unread; the next hop verifies it. Where there is a Server, add [VerifiedOnly].
//
// # What holds where
//
// For calls that come in:
//
//	promise                                 Options    AuthFunc     HTTPHandler
//	the token is verified here              yes        yes          yes
//	no network call per request             yes        yes          yes
//	a method without a rule is refused      yes        if asked(1)  yes
//	unary and streams can't differ          yes        no: 2 lines  yes
//	an outage is not a denial               yes        yes          yes
//	only what was verified goes on          yes        if asked(1)  yes
//	an open stream ends with its token      yes        no(3)        yes(5)
//	headers are limited                     yes        no(2)        no(2)
//	identity headers are stripped           yes        yes          yes
//	hops are hidden: of own refusals        yes        yes          yes
//	hops are hidden: in handlers' errors    yes        no(3)        no(3)
//	peers are known                         yes        yes          if TLS ends here(4)
//
// (1) go-grpc-middleware asks nobody for a service with an AuthFuncOverride, nor
// for what a selector leaves out; [VerifiedOnly] on the client then keeps the
// token back. (2) Set [Server.MaxHeaderListSize] yourself. (3) AuthFunc sees the
// beginning of a call, not its end, and HTTPHandler only the bytes of an answer; with
// AuthFunc, take [Server.StreamInterceptor] for the streams. (4) Behind a proxy that
// ends it, see [WithPeerNames]. (5) The context ends and what is read, and a second
// later what is written; gRPC's callers are told why, others by the handler.
//
// For calls that go out:
//
//	promise                                 Client     metadata.Relay
//	the token goes on byte for byte         yes        yes
//	and was verified here                   yes(6)     no: the next hop must
//	never in the clear                      yes        no: it sees no connection
//	never twice                             yes        yes, if it is the last to write
//	never from a method that verified none  yes        no: it can't know
//	no network call per request             yes(7)     yes
//	unary and streams can't differ          yes        call it in both
//	a relayed stream ends with its token    yes        no: the token is not read
//
// (6) With [VerifiedOnly]. (7) But for those of a [Source] or [Otherwise].
//
// # Order
//
// List recovery, logging and metrics before [Server.Options], so that they see
// refusals. List [Client.DialOptions] last, so that the relay sees what all
// other interceptors put into the call.
package interceptor
