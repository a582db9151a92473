//go:build soak

package redisfeed_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// arrivals knows which entries a process has. It stands between a feed and a list,
// and has its own idea of which tokens an entry matches: what the list says is
// compared with that. Entries have arrived when the list has told its observer.
type arrivals struct {
	revocation.Feed

	tell func(names []string)
	last atomic.Int64 // the number of the latest arrival

	mu    sync.RWMutex
	taken []revocation.Entry // read, and on their way into the list
	marks map[fact][]mark
}

// fact is what an entry is for.
type fact struct{ issuer, claim, value string }

// mark is one arrival.
type mark struct {
	arrival int64
	before  int64 // the second before which a token must have been issued
}

func newArrivals(feed revocation.Feed, tell func(names []string)) *arrivals {
	return &arrivals{Feed: feed, tell: tell, marks: make(map[fact][]mark)}
}

// Read implements [revocation.Feed].
func (a *arrivals) Read(ctx context.Context, position string) (revocation.Batch, error) {
	batch, err := a.Feed.Read(ctx, position)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken = append(a.taken, batch.Entries...)
	return batch, err
}

// Received implements [revocation.Observer].
func (a *arrivals) Received(context.Context, revocation.Reception) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.taken) == 0 {
		return
	}
	arrival := a.last.Load() + 1
	var names []string
	for _, e := range a.taken {
		about, before := factOf(e)
		a.marks[about] = append(a.marks[about], mark{arrival, before})
		names = append(names, e.String())
	}
	a.taken = nil
	a.last.Store(arrival)
	a.tell(names)
}

// factOf reads an entry from its JSON, as whoever writes in another language would.
func factOf(e revocation.Entry) (about fact, before int64) {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	var wire struct {
		Iss, Jti, Hash, Sid, Sub string
		Before                   int64
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		panic(err)
	}
	switch {
	case wire.Jti != "":
		return fact{wire.Iss, "jti", wire.Jti}, math.MaxInt64
	case wire.Hash != "":
		return fact{wire.Iss, "hash", wire.Hash}, math.MaxInt64
	case wire.Sid != "":
		return fact{wire.Iss, "sid", wire.Sid}, math.MaxInt64
	case wire.Sub != "":
		return fact{wire.Iss, "sub", wire.Sub}, wire.Before
	default:
		return fact{wire.Iss, "all", ""}, wire.Before
	}
}

// factsOf returns what may be said of a token.
func factsOf(t *token.Token) [5]fact {
	hash := t.SigningInputHash()
	return [...]fact{
		{t.Issuer(), "jti", t.ID()},
		{t.Issuer(), "hash", base64.RawURLEncoding.EncodeToString(hash[:])},
		{t.Issuer(), "sid", t.Session()},
		{t.Issuer(), "sub", t.Subject()},
		{t.Issuer(), "all", ""},
	}
}

// excludes reports whether a token must not be accepted: an entry for it had arrived
// when the call began.
func (a *arrivals) excludes(t *token.Token, began int64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, about := range factsOf(t) {
		for _, m := range a.marks[about] {
			if m.arrival <= began && t.IssuedAt().Unix() < m.before {
				return true
			}
		}
	}
	return false
}

// beganKey is the key of the latest arrival when a call began.
type beganKey struct{}

// options returns the interceptors that note when a call begins. They go before the
// server's own.
func (a *arrivals) options() []grpc.ServerOption {
	note := func(ctx context.Context) context.Context { return context.WithValue(ctx, beganKey{}, a.last.Load()) }
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			return handler(note(ctx), req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(srv, notedStream{stream, note(stream.Context())})
		}),
	}
}

// notedStream is a stream with another context.
type notedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // of the stream
}

// Context implements [grpc.ServerStream].
func (s notedStream) Context() context.Context { return s.ctx }

// now returns the time in nanoseconds since 1970, which is the same for all
// processes of a machine.
func now() int64 { return time.Now().UnixNano() }
