// Package revocation takes tokens back before they expire: in well under a second,
// in every process, on open streams too, and without asking anybody while a call
// waits.
//
// A [List] holds in memory what was revoked. A verifier asks it about every token,
// last and on every call, and open streams end when an entry for their token comes:
//
//	list, err := revocation.NewList(revocation.Config{
//		MaxLifetime: time.Hour, // of the tokens: for so long it has to remember
//		Sources:     []revocation.Source{{Name: "file", Feed: feed}},
//	})
//	...
//	defer list.Close()
//	verifier, err := token.NewVerifier(issuers,
//		token.MaxLifetime(time.Hour), token.WithRevocations(list))
//
// # What can be revoked
//
//	Token, TokenID   one token, by "jti" or else by a hash of its header and payload
//	Session          all tokens of a session, by "sid"
//	Principal        all tokens of a user, issued before a time
//	Issuer           all tokens of an issuer, issued before a time
//
// The first two need nothing but the entry. The last two let new tokens pass, so
// that who was logged out everywhere may log in again. What is revoked stays so: an
// entry is forgotten when no token that it matches can be valid, and not before. This
// is why a verifier with revocations needs a maximum lifetime, which refuses tokens
// without "iat", too.
//
// # Where it comes from
//
// A [Feed] is read from its beginning to its end, and then on; a [Writer] adds to it.
// A list is itself a writer, for its own process. A list with several sources has
// the entries of all.
//
//	Memory             within one process
//	File, FileWriter   a file that all who share it watch
// the entries of all. [BackChannelLogout] gives a writer what identity providers
// announce.
package revocation
