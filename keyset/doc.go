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
//   - [Load] reads one from a file and notices when the file changes.
//   - [Fetch] keeps a JWK Set from an https URL up to date in the background.
//   - [Discover] is Fetch for an OpenID provider, whose discovery document says
//     where its keys are.
//
// Each issuer has a set of its own, so that no issuer's key verifies another's
// tokens, and no issuer's outage is felt by another's users.
//
// # What is left out of a set
//
// Keys are read one by one. One that can't be used is left out, with a warning
// that is logged once and not with each fetch (64 an hour, should they differ each
// time), and the rest work:
//
//	RSA under 2048 or over 8192 bits           too weak; too costly to verify
//	RSA with an even modulus or a bad exponent no RSA key
//	a point off its curve, or of small order   anyone could sign
//	"use" that isn't sig                       meant for something else
//	"key_ops" without verify                   likewise
//	unknown "kty", "crv" or "alg"              post-quantum, Ed448, secp256k1, ...
//	an "alg" that is not for the type or curve a mistake, or an attack
//	private members (d, p, q, ...)             the issuer leaks its key
//	"kty":"oct" from a URL                     a shared secret is no public key
//	a second key of one id and algorithm       the first is used
//	a member twice, or of another type         two readers might differ
//
// A key with an id that another key has too, for another algorithm, is used: the
// two can't be confused. A set of which nothing remains is no set, and what was
// there before stays.
//
// # On call
//
// Look first at [Remote.Status]: when the keys were last seen at the issuer, why not
// since, when the next try is, and what is wrong with the discovery document. The
// log line "fetch failed" says the same, and what it means for callers.
//
// Below is what callers see when something goes wrong, with the defaults of
// [RemoteConfig]. "Known" are tokens whose key is in the set, "new" those whose key
// id is not. Unavailable is [ErrUnavailable]: the interceptors answer it with
// codes.Unavailable and a time to retry after. Unknown is [ErrUnknownKey], for them
// codes.Unauthenticated: users have to log in again.
//
//	what happens                   known tokens       new tokens          until
//	start, issuer well             unavailable        unavailable         its first answer
//	start, issuer away             unavailable        unavailable         a retry: 1 min after it is back
//	  with a SnapshotFile          verified           unavailable         a retry: 1 min after it is back
//	issuer down, slow, 5xx         verified, 24 h     unavailable         a retry: 1 min after it is back
//	  for more than 24 h           unavailable        unavailable         a retry: 1 min after it is back
//	it answers HTML, {}, no keys,  verified, 24 h     unavailable         a retry: 1 min after it is well
//	  half of it, or too much
//	it redirects to http, or to    verified, 24 h     unavailable         a retry: 1 min after it is well
//	  another host, or in a loop
//	it drips, or hangs             verified, 24 h     unavailable,        10 s for each fetch,
//	                                                  after 2 s at most   then a retry
//	it asks for time (Retry-After) verified, 24 h     unavailable         that time, 10 min at most
//	its document names another     verified, 48 h     verified, 24 h      its document is right again (the
//	  issuer, or can't be read                                            old place is believed for 24 h,
//	                                                                      the keys from there for 24 more)
//	it moves its keys              verified           verified; unknown   a look at the document, in
//	                                                  if strangers ask    1 min at most
//	  and the old place goes       verified, 24 h     unavailable         a retry, about 1 min
//	it rotates, published ahead    verified           verified            -
//	it rotates, signs at once      verified           verified            the first waits for a fetch
//	it signs before it publishes   verified           unknown             as long again, 30 s at most
//	it changes a key, not its id   signature invalid  -                   the next fetch, 10 min at most
//	it has two keys without ids    unknown, if they   unknown             it gives them ids
//	  for one algorithm            name no key
//	it has keys with and without   verified           verified by the     -
//	  ids for one algorithm                           one without an id,
//	                                                  after a fetch
//	it withdraws a key             unknown            -                   it is back: the next fetch brings it
//	  from then until the fetch    verified           -                   10 min at most; 70 min if a cache
//	                                                                      says "unchanged" to that; 24 h
//	                                                                      if no fetch goes well
//	  and you Distrust it          unknown            -                   at once, and for good
//	  and there is no other key    unknown            unknown             not ready, until there is one
//	strangers make ids up          verified           unknown, 5 s at     the next fetch: there is
//	                                                  most                1 in 5 s, and no more
//	  and guess the next one       verified           unknown             30 s after it is published
//	one bad key in the set         verified           verified            -
//	a file is broken, or gone      verified           unavailable         1 s after it is whole
//
// Unknown is said only of a distrusted key, and of an id that a fetch which went
// well did not bring: just now, or, if it was asked for again and again, within the
// last half minute. From a fetch that failed until the next that doesn't, it is not
// said of any other.
//
// Time in which a machine sleeps does not count towards any of these.
//
// A key was stolen? This finds its thumbprint, as does the log line "keys in use
// changed", for Distrust:
//
//	for _, key := range set.Snapshot().Keys() {
//		fmt.Println(key.ID(), key.Thumbprint())
//	}
//
// # What is logged
//
// Each set logs with its issuer, URL or file. Info: keys in use changed; fetch
// succeeded again; file can be read again; started with the snapshot file. Warn:
// fetch failed (and what that means, how often, and when the next try is);
// discovery failed; key left out; tokens can't say which key they need; keys
// distrusted; file is broken; snapshot file ignored, or can't be written. Error, once: the last good keys are too old, no
// token can be verified. An [Observer] is told the same as numbers. No line has
// a token, a secret or more than a few words of what an issuer sent.
//
// # What a fleet costs the issuer
//
// Ten thousand replicas with one set each and the defaults, for the keys; what
// [Discover] adds for its document is in the last column. The numbers are those of a
// simulation in fake time, which is among the tests, but for those in brackets,
// which follow from the others.
//
//	start, all in one second       10 000 requests at once; [none with a             [as many]
//	                               SnapshotFile younger than a refresh]
//	start over 8 minutes           20 a second                                       [as many]
//	first refresh after that       up to 130 a second, 7.5 to 9.5 minutes later
//	steady state                   20 a second: one for each replica in 450          3 a second
//	                               to 570 s, mostly answered 304
//	rotation, published ahead      none
//	rotation, signs at once        one for each replica, as its first new            [as many]
//	                               token comes: 10 000, spread as those are
//	a withdrawn id is still sent   22 for each replica in the first 10 minutes,      [one a minute:
//	                               [then one in 30 s: 330 a second]                  170 a second]
//	strangers make ids up          3 for each replica at once, then one in 5 s:      170 a second
//	                               [2 000 a second while all are attacked]
//	an outage begins               up to 380 a second
//	an outage goes on              220 a second: one for each replica in             110 a second
//	                               30 to 60 s, whatever ids are sent
//	the issuer is back             up to 300 a second for a minute, and all
//	                               have recovered; the refresh after that is
//	                               up to 130 a second
//	start during an outage         8 for each replica in the first minute,
//	                               then 400 a second at most
//
// A longer RefreshInterval makes the steady state cheaper and a withdrawn key
// live longer; a longer UnknownInterval does the same for strangers and for
// rotations that were not announced; a longer MaxBackoff, for an outage and for
// the time to recover from it.
//
// # Use
//
// Every set may be used by any number of goroutines at once, and reading it
// takes no lock and waits for no fetch but that of an id which the set lacks.
// [Live] tells whoever keeps results, such as a cache of tokens, what became of a
// key. A [File] and a [Remote] own one goroutine each, which Close ends.
package keyset
