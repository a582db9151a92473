package interceptor_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhatARefusalAllocates: the error, which says what was called, and the header's
// values, which gRPC copies if there are any. Anyone may send such calls, as many as
// they like.
func TestWhatARefusalAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t, token.MaxSize(4<<10))
	for name, test := range map[string]struct { //nolint:paralleltest // testing.AllocsPerRun
		values []string
		policy interceptor.Policy
		reason token.Reason
		want   float64
	}{
		"no token":         {nil, interceptor.Authenticated(), token.ReasonMissing, 1},
		"another scheme":   {[]string{"Basic eA=="}, interceptor.Authenticated(), token.ReasonMissing, 2},
		"over-long":        {[]string{"Bearer " + strings.Repeat("a", 5<<10)}, interceptor.Authenticated(), token.ReasonTooLarge, 2},
		"not a token":      {[]string{"Bearer a, Bearer b"}, interceptor.Authenticated(), token.ReasonMalformed, 2},
		"two values":       {[]string{"Bearer a", "Bearer b"}, interceptor.Authenticated(), token.ReasonMalformed, 2},
		"no rule":          {[]string{"Bearer a"}, interceptor.Public("/acme.Orders/List"), interceptor.ReasonNoPolicy, 1},
		"optional and bad": {[]string{"Bearer "}, interceptor.Optional(unaryCall), token.ReasonMalformed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := w.server(t, test.policy, interceptor.Name("orders"))
			ctx := over(t.Context(), ownStream{}, test.values...)
			var refused error
			if got := leastAllocs(func() { refused = asUnary(ctx, server, unaryCall) }); got != test.want {
				t.Errorf("%v allocations a refusal, want %v", got, test.want)
			}
			if got := leastAllocs(func() { _, _ = status.FromError(refused) }); got != 0 {
				t.Errorf("%v allocations for the status, want it prepared", got)
			}
			if r, ok := interceptor.RefusalFrom(refused); !ok || r.Reason != test.reason || r.Hop != "orders" {
				t.Errorf("refused by %q for %s, want %s", r.Hop, r.Reason, test.reason)
			}
		})
	}
}

// TestWhatARefusalByHTTPAllocates: beside the error, what finding the rule takes and
// what each header of the answer does. What is in them and in the body is prepared.
func TestWhatARefusalByHTTPAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), http.NotFoundHandler())
	for contentType, most := range map[string]float64{ //nolint:paralleltest // testing.AllocsPerRun
		"application/json":          10,
		"application/connect+proto": 10,
		"application/grpc":          16,
	} {
		t.Run(contentType, func(t *testing.T) {
			r := httpRequest(t, http.MethodPost, unaryCall, bearing("Bearer a b"))
			r.Header.Set("Content-Type", contentType)
			if got := leastAllocs(func() { handler.ServeHTTP(forgetful{http.Header{}}, r) }); got > most {
				t.Errorf("%v allocations a refusal, want %v at most", got, most)
			}
		})
	}
}

// forgetful is an answer that nobody reads.
type forgetful struct{ header http.Header }

func (f forgetful) Header() http.Header       { return f.header }
func (forgetful) Write(p []byte) (int, error) { return len(p), nil }
func (forgetful) WriteHeader(int)             {}

// TestARefusalsHeaderIsNotShared with streams that are not gRPC's own: nobody knows
// what these do with it.
func TestARefusalsHeaderIsNotShared(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	for range 2 {
		stream := &keepingStream{}
		_ = asUnary(over(t.Context(), stream), server, unaryCall)
		if got := stream.header.Get("www-authenticate"); len(got) != 1 || got[0] != "Bearer" {
			t.Fatalf("got %q", got)
		}
		stream.header["www-authenticate"][0] = "Basic"
		stream.header.Append("www-authenticate", "Digest")
	}
}

// TestRefusalsForOneReasonAreTwo, although what callers are told is the same.
func TestRefusalsForOneReasonAreTwo(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	orders, stock := asUnary(t.Context(), server, "/acme.Orders/Get"), asUnary(t.Context(), server, "/acme.Stock/Get")
	if shown(orders) == shown(stock) {
		t.Errorf("both are logged as %s", shown(orders))
	}
	if errors.Is(orders, stock) {
		t.Error("one is the other")
	}
}

// TestARefusalKeepsItsCause, for the operator, and for who asks package token.
func TestARefusalKeepsItsCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Authenticated())
	for reason, ctx := range map[token.Reason]context.Context{
		token.ReasonMissing:          t.Context(),
		token.ReasonMalformed:        over(t.Context(), ownStream{}, "Bearer a b"),
		token.ReasonSignatureInvalid: carrying(t.Context(), w.issuer.Token(jwttest.Forged())),
	} {
		err := asUnary(ctx, server, unaryCall)
		verdict, ok := errors.AsType[*token.Error](err)
		if !ok || verdict.Reason() != reason || token.ReasonOf(err) != reason || verdict.Unwrap() == nil {
			t.Errorf("%s: got %v", reason, verdict)
		}
	}
}

// shown is what a log shows of an error.
func shown(err error) string { return slog.AnyValue(err).Resolve().String() }

// over returns the context of a call over a stream of the transport, with a header of
// these values.
func over(ctx context.Context, stream grpc.ServerTransportStream, values ...string) context.Context {
	ctx = grpcmd.NewIncomingContext(ctx, grpcmd.MD{"x-request-id": {"1"}})
	if len(values) > 0 {
		ctx = grpcmd.NewIncomingContext(ctx, grpcmd.MD{"x-request-id": {"1"}, "authorization": values})
	}
	return grpc.NewContextWithServerTransportStream(ctx, stream)
}

// keepingStream is a transport's stream that keeps what it is given.
type keepingStream struct{ header grpcmd.MD }

func (*keepingStream) Method() string { return unaryCall }
func (s *keepingStream) SetHeader(md grpcmd.MD) error {
	s.header = md
	return nil
}
func (s *keepingStream) SendHeader(md grpcmd.MD) error { return s.SetHeader(md) }
func (*keepingStream) SetTrailer(grpcmd.MD) error      { return nil }

// ownStream looks like gRPC's own, and does nothing.
type ownStream struct{}

func (ownStream) Method() string                   { return unaryCall }
func (ownStream) SetHeader(grpcmd.MD) error        { return nil }
func (ownStream) SendHeader(grpcmd.MD) error       { return nil }
func (ownStream) SetTrailer(grpcmd.MD) error       { return nil }
func (ownStream) WriteStatus(*status.Status) error { return nil }
