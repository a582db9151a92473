// Package metadata answers one question: where is the token in a call?
//
// It reads the one bearer token of an incoming call, from gRPC metadata or
// from HTTP headers, and writes one into an outgoing call. It knows nothing
// about what a token says: that is package token's business.
//
// Reading is strict, because a call with two credentials, or with half of one,
// means different things to different readers:
//
//	credentials = scheme 1*SP b64token
//
// as in RFC 6750 section 2.1 and RFC 9110 section 11.6.2, in exactly one
// header value with nothing around it. The scheme is "Bearer" in any letter
// case. Anything else is [ErrMissing], [ErrMalformed] or [ErrTooLarge], and
// no reading ever picks one of two.
//
// The functions use the authorization header; a [Header] names another one,
// for platforms that keep authorization for themselves.
//
// Import gRPC's package of the same name as grpcmd where both are needed.
package metadata
