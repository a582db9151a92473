package calls

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"
)

// Inside makes a call with this token and runs work where a server's interceptor
// runs. So an interceptor is measured by itself, in the very context that gRPC's
// server made: with the stream, the peer, a deadline and the headers that come with
// most calls.
func Inside(raw string, work func(ctx context.Context, info *grpc.UnaryServerInfo) error) error {
	chain, err := NewChain(InMemory{}, Auth{Verify: instead(work)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(As(context.Background(), raw), time.Hour)
	defer cancel()
	err = chain.Call(grpcmd.AppendToOutgoingContext(ctx,
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"x-request-id", "0d7b1a6e-6f0f-4f6c-a4b2-3cbd29b5a9f0",
		"x-forwarded-for", "192.0.2.7"))
	if closed := chain.Close(); err == nil {
		err = closed
	}
	return err
}

// instead returns an interceptor that does work before it lets the call go on.
func instead(work func(context.Context, *grpc.UnaryServerInfo) error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := work(ctx, info); err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// Answer is a handler that does nothing.
func Answer(context.Context, any) (any, error) { return answered, nil }

// answered is what it returns.
var answered any = new(grpc_health_v1.HealthCheckResponse) //nolint:gochecknoglobals // allocating it would be measured, too

// Quiet returns a context whose response headers go nowhere. Refusing a call sets
// one: a thousand times within one call they would pile up.
func Quiet(ctx context.Context) context.Context {
	return grpc.NewContextWithServerTransportStream(ctx, quiet{grpc.ServerTransportStreamFromContext(ctx)})
}

type quiet struct{ grpc.ServerTransportStream }

func (quiet) SetHeader(grpcmd.MD) error { return nil }
