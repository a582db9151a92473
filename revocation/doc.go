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
//	Memory                within one process
//	File, FileWriter      a file that all who share it watch
//	redisfeed.Feed        a fleet: a stream in Redis or Valkey (a module of its own)
//	[BackChannelLogout]   gives a writer what identity providers announce
//
// # On call
//
//	what happens                     what the services do
//	an entry comes                   refuse its tokens, end their streams: TOKEN_REVOKED
//	the feed is down                 go on with the list they have; Status and Observer tell its
//	                                 age. Nothing new is revoked meanwhile
//	  longer than MaxAge             refuse what they don't know to be revoked, as
//	                                 REVOCATIONS_UNAVAILABLE (gRPC Unavailable), until the feed is
//	                                 back. Open streams go on. By default there is no MaxAge
//	the feed is back                 read on from where they were, or from the beginning: nothing
//	                                 is missed, nothing is forgotten
//	a process starts                 refuses everything as Unavailable until it has read the feed
//	                                 to its end once, unless AcceptUnread; see ReadyChanged
//	the feed lost its entries        keep what they have; a writer with RestoreFrom publishes
//	                                 it again for those who start later
//	an entry can't be understood     skip it, log it, tell Observer: it revokes nothing
//
// Why is there no MaxAge by default? A list that can't be read any more still has
// all but the latest entries, and each token that it misses expires by itself. To
// refuse every call of every user then would turn an outage of one Redis into one of
// everything. Where a revoked token does more harm than an hour without service, set
// MaxAge to what a thief may have, and alert on Status long before.
//
// Why refuse before the first reading? A list that was never read misses everything.
// Whoever can keep a process from the feed, and restart it, would bring all revoked
// tokens back to life.
//
// # What it costs
//
// An entry takes some 150 bytes of memory with an id of 36, and a look-up of all
// that a token can be revoked by some 50 ns in a list of a million, without a lock
// and without an allocation (benchmarks, on a machine with two noisy cores). An open
// stream takes some 700 bytes more.
//
// # How soon
//
// A file is looked at each 100 ms. From Redis, an entry after a quiet time is there
// after two round trips; when they come faster than Interval (100 ms), within that.
// make soak-revocation measures it: with 20 revocations and 2000 calls a second and 200
// open streams, in three processes on two cores, the last call that was accepted came
// 44 ms after Revoke had returned (median; 99 %: 100 ms, worst: 104 ms), and the last
// stream ended after 50 ms (108 ms, 117 ms). None was accepted after the entry had
// arrived. While Redis was killed or cut off, it took as long as that and up to 3 s more.
//
// # What a fleet costs
//
// For 10 000 replicas, 100 revocations a second and Redis. Of one replica it was
// measured that it gets 15.6 KB and sends 1.7 KB a second then, in 10 transactions of
// two small commands that bring ten items each, of 138 bytes. The rest is paper:
//
//	of all     100 000 transactions and 156 MB (1.3 Gbit) a second
//	at rest    10 000 reads that wait a second, and 2 MB a second
//
// Don't count on one Redis for that, and less on its network. Let replicas read from
// ten Redis replicas, 1000 each: 10 000 transactions and 16 MB a second of each, while
// the primary sends ten times 14 KB. Or set Interval to a second: 10 000 transactions
// a second in all, the same bytes less a tenth, and revocations that arrive half a
// second later on average. A hundred revocations a second are three billion a year;
// at one a second all 10 000 get 7 MB a second.
//
// A replica that starts reads everything that still matters: with tokens of 15
// minutes 100 * (15 + 1) * 60 = 96 000 items, 13 MB, in 20 pages; with an hour 51 MB.
// All 10 000 at once take 132 GB or 505 GB, which are 2 or 7 minutes at 10 Gbit a
// second, while none of them is ready. Start them in turn, as rollouts do, and keep
// lifetimes short: they pay for themselves here.
//
// # What holds when Redis is partitioned
//
//   - A replica that can reach Redis refuses a token within Interval and a round trip
//     of the moment its entry was written. One that can't, refuses it when it can
//     again, having missed nothing: it reads on from where it was.
//   - Until then it accepts what was revoked meanwhile, for as long as the token
//     lives, or for MaxAge. It knows of its age: an hour of silence is no hour of
//     peace.
//   - A writer that can't reach Redis returns an error. Nothing was promised then; the
//     entry may have been written all the same, so it is to be written again.
//   - An entry that Redis has confirmed and then loses (a failover to a replica that
//     lagged, a crash before fsync) stays with the replicas that have read it. Others
//     miss it until a writer restores it, which happens when the loss shows: in the
//     epoch, in the last id, or in an item that is gone.
//   - A clock that is wrong by more than Leeway moves the times "before" which tokens
//     are revoked, and when entries are forgotten. When it is set, the feeds are read again
//     from the beginning; what only the list itself was told may be forgotten.
package revocation
