// Package keyset answers one question: which key may verify this token?
//
// A [Set] is asked with the two things that a token's header says about its
// signature, the key id and the algorithm, and gives the one [Key] that may
// check it, or one of three refusals. Nothing else that a header may carry
// (jku, x5u, jwk, x5c) is ever consulted.
//
// # Keys
//
// What a key may do is settled when it is built. A [Key] is bound to exactly
// one algorithm, and a key that is too short, lies off its curve or is not
// meant for signatures can't be built at all, so a mismatched pair of key and
// algorithm does not exist. The key checks signatures itself, with
// [Key.Verify]: a secret goes in and never comes out again.
//
// # Where keys come from
//
//   - [New] takes keys that you hold.
//   - [Parse] reads a JWK Set (RFC 7517) or PEM from bytes.
//   - [Load] reads either from a file and notices when the file changes.
//   - [Fetch] keeps one from an https URL up to date in the background.
//
// Keys in a JWK Set are read one by one: a key of an unknown kind, too short,
// or meant for encryption is left out with a warning, and the rest work.
// Secrets (HMAC) come from New, Parse and Load only, never from a URL.
//
// # When the issuer is away
//
// A set that could be loaded once keeps its last good keys. [ErrUnavailable]
// says that the set can't know the answer now, which is not the token's
// fault; [ErrUnknownKey] says that it knows, and the key isn't there.
//
// # When the issuer rotates
//
// A [Remote] that is asked for a key id which it lacks fetches at once, within
// a small budget, and all who ask at that time wait for the same fetch. So a
// new key is used within seconds, strangers who make ids up can't turn the set
// against its issuer, and nobody who asks for a known key ever waits.
//
// # Use
//
// Every set may be used by any number of goroutines at once. A [File] and a
// [Remote] own one goroutine each, which Close ends.
package keyset
