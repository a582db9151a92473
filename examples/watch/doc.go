// Watch is a stream that is meant to go on for days, by users whose tokens live for
// minutes.
//
//	go -C examples run ./watch
//
// plays it in memory, with TLS and tokens of one second: tokens end, the service is
// away, the user logs out and in again. It tells what happened, and ends with status
// 0 only if every change was seen exactly once.
//
// # Why a stream ends
//
// A call is verified when it begins. A unary call is over soon after; a stream that
// stays open would go on by a token that was verified once, long after it expired or
// the user was thrown out. So a stream does not outlive its token: the interceptor
// ends it, with TOKEN_EXPIRED or TOKEN_REVOKED. There is nothing to configure, and no
// way to bring a fresh token to a stream that is open: gRPC sends a call's metadata
// once.
//
// So the end of a stream is not a failure, but what comes to every watch each few
// minutes, and a client that shows it to its user has a mistake. Make it cheap instead
// of rare. Tokens that live for a day would only make it rare.
//
// # How a watch goes on
//
// The service numbers what it sends, and can begin after any number that it remembers.
// The client remembers the last one that it handled. When a stream ends, the reason
// says what to do:
//
//	TOKEN_EXPIRED                     open the next one at once, with a fresh token, after the last number
//	TOKEN_REVOKED, other NeedsLogin   stop: the user has to log in; then go on after the last number
//	Unavailable                       the same as for TOKEN_EXPIRED, but after a pause with jitter
//	OutOfRange                        stop: the number is forgotten; read the whole state, and watch from there
//	anything else                     stop: it would only happen again
//
// No change is missed, because the number moves only once a change has been handled,
// and the service begins right after it or says that it can't. None comes twice,
// because that number is all that the next stream begins from, whatever was on its
// way. To carry that over a restart of the client, write the number into the same
// transaction as what was done.
//
// Three things keep a client from becoming a nuisance, or from standing still:
//
//   - TOKEN_EXPIRED from streams that hardly lived takes pauses too. The source then
//     gives tokens that the service takes for ended, and asking faster won't help.
//   - A fresh token must not undo a revocation. That is up to the issuer: what ends a
//     session has to end its refresh token as well. The watch stops, and doesn't try.
//   - A link that dies without a word ends nothing at the client. Keepalive does.
//
// And one at the service: its memory is bounded, so it must be longer than what a
// client may miss, by an outage or because it reads slowly. A reader who falls further
// behind is told, and not kept waiting, nor given the rest as if that were all.
//
// # Yours to copy
//
// watcher.go, verdict.go and backoff.go are the client, for changes of any type;
// session.go and dial.go are where its tokens come from. journal.go, position.go and
// service.go are the service. The rest plays the scenes.
package main
