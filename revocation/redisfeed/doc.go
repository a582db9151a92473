// Package redisfeed carries revocations through a fleet by a stream in Redis (6.2 or
// later) or Valkey: a [revocation.Feed] for every service, and a [revocation.Writer]
// for those that log users out.
//
// A service reads. It needs nothing but the address and its user:
//
//	feed, err := redisfeed.Open(&redis.UniversalOptions{
//		Addrs:     []string{"redis:6380"},
//		Username:  "jwtrelay-reader",
//		Password:  password,
//		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
//	}, redisfeed.Config{})
//	...
//	defer feed.Close()
//	list, err := revocation.NewList(revocation.Config{
//		MaxLifetime: time.Hour,
//		Sources:     []revocation.Source{{Name: "redis", Feed: feed}},
//	})
//
// A writer has Config.Retention, and reads as well, so that it can put back what Redis
// loses; see [Feed.RestoreFrom]. Have two of them, if you can.
//
// # What is in Redis
//
// Each entry is an item of the stream jwtrelay:{revocations}, with the field "e": the
// JSON of [revocation.Entry]. Beside it, jwtrelay:{revocations}:epoch holds a random
// name of the stream. A writer gives it when it finds none, after it has restored what
// it can. The hash tag in braces keeps both in one slot of a cluster.
//
// Reading sends GET and XRANGE in a MULTI, and then XREAD BLOCK for a second where
// there is nothing new; XINFO STREAM if something is odd. Writing sends XADD, with
// MINID ~ to trim, and GET in a MULTI; XINFO STREAM before the first, and SET NX for
// the epoch. An item that holds no entry is skipped and logged by the list.
//
// # Permissions
//
// A reader can do what it needs and no more. Who can write can log out anybody, and,
// because SET may replace the stream, undo that for replicas that start later. Redis
// 6.2 knows no %R: leave it out there.
//
//	ACL SETUSER jwtrelay-reader on >PASSWORD resetkeys %R~jwtrelay:{revocations}* \
//	resetchannels -@all +multi +exec +get +xrange +xread +xinfo|stream
//	ACL SETUSER jwtrelay-writer on >PASSWORD resetkeys ~jwtrelay:{revocations}* \
//	resetchannels -@all +multi +exec +get +xrange +xread +xinfo|stream +xadd +set
//
// In a cluster, both need +cluster|slots, +cluster|shards, +command and +asking; with a
// DB other than 0, +select; with a ClientName, +client|setname.
// Entries name users and sessions, and hold no token.
//
// Without TLSConfig all of it, the password too, crosses the network in the clear.
//
// # What is never missed
//
// A position is the epoch and the id of the last item read. Each read proves, at one
// moment, that both are still there. If they are not, Read returns
// [revocation.ErrPositionLost]: the list begins again and keeps what it has. This is so
// after FLUSHALL, a start without data or with an old copy, a failover to a replica
// that lagged, a clock that went back meanwhile, a trimming by somebody else. So no
// reader misses what is in the stream, however long it was away. Two things are no
// loss: XDEL of the last item, with which an operator takes back a mistake (Redis 7.0
// or later), and a last item that is older than Config.Retention.
//
// A writer with [Feed.RestoreFrom] that meets a loss publishes again all that it has, in
// its next Read, about a second later, or at the next Revoke. Two writers may both do
// so; entries that come twice do no harm. Until then a replica that starts gets
// what the stream has or, without an epoch, [ErrNoWriter]: it can't tell a new Redis
// from one that lost everything, and its list is not ready. In a new Redis, start a
// writer, or set the epoch by hand: SET jwtrelay:{revocations}:epoch first NX.
//
// Redis's clock counts, too: it gives the ids by which old items are trimmed. Of an
// entry that is written while that clock is an hour behind, the stream forgets an hour
// early, for replicas that start then. Make Retention longer by what its clock may be
// wrong.
//
// What nobody has is lost: what was revoked in the last moments before a crash, and
// was read by no writer. So keep it: appendonly yes. With appendfsync everysec a crash
// loses up to two seconds, even one of the process alone, for Redis answers before it
// writes while the disk is busy; "always" loses nothing, and costs little where only
// revocations are written. A failover loses what was not replicated: min-replicas-to-write 1 bounds
// that. The policy of maxmemory must be noeviction. A clock that goes back in the same
// moment that data is lost could give another item the very id that a reader has.
//
// # Outages
//
// Without Redis, services go on with what they have, and a list's MaxAge decides for
// how long; so they do on the wrong side of a partition, where Redis answers but its
// writers can't be reached: that looks like a quiet day. Revoke fails meanwhile, and
// whoever called it tries again. What is cut off is noticed three seconds later; an
// answer that has to wait is bounded by that. The list then tries again after pauses
// of up to five seconds.
//
// Sentinels, clusters and TLS come with the options. Reads go to where the options
// lead; to spare the primary, name one of its replicas in Addrs. After a failover
// behind one name (DNS), connections to the old primary must be closed, which it does
// when it goes down; otherwise set ConnMaxLifetime.
//
// # What it costs
//
// An entry for a session with a UUID, measured on Redis 7.0: 116 bytes of memory (123
// if each was revoked alone), 138 on the wire to each reader that begins, 173 in the
// append-only file. A reader has one connection, and asks twice a second when nothing
// happens, for 0.2 KB/s. When revocations come faster than Config.Interval, it asks once
// in each interval: 16 KB/s at a hundred revocations a second. The first after a quiet
// time arrives in the time of two round trips.
package redisfeed
