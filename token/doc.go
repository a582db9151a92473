// Package token answers one question: is this token valid, and what does it
// say?
//
// A [Verifier] takes the compact form of a JWT (RFC 7519) and gives a [Token],
// or an [Error] that names the [Reason]. It asks nobody: the keys come from a
// [keyset.Set], which holds them in memory. It knows nothing of gRPC and serves
// an HTTP handler or a queue consumer as well.
//
// # What is checked
//
// [Verifier.Verify] takes seven steps, cheap refusals first:
//
//  1. Shape: three segments of canonical base64url, within the size limit.
//  2. Header: one strict JSON object; an algorithm that signs; a type that is a
//     JWT; nothing critical, compressed or encrypted.
//  3. Key: from the keys of the token's own issuer, for the header's key id and
//     algorithm.
//  4. Signature.
//  5. Claims: one strict JSON object; who issued it, for whom, about whom, and
//     when; and nothing that marks it as another kind of token, as at_hash does
//     an ID token.
//  6. The team's own claims, if [WithClaims] says how they look.
//  7. Revoked? See [WithRevocations].
//
// Strict JSON means one object and nothing after it, names matched exactly, no
// name twice (RFC 7519 section 4), valid UTF-8, and little nesting. What may be
// relaxed has an option of its own, with a name that shows up in review.
//
// # What comes out
//
// A [Token] is immutable, may be shared, and can only come from a Verifier.
// Printed, logged or encoded in whatever way it shows a short fingerprint, never
// itself. A server keeps it in the context of the call, where [FromContext] and
// [ClaimsFrom] find it.
package token
