package main

import (
	"context"
	"net"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/metadata"
)

const (
	// maxHeader bounds the headers of a request, in bytes. They go on as
	// metadata, of which the gRPC server takes 40 KiB.
	maxHeader = 24 << 10

	// maxBody bounds the body of a request, in bytes. It is read before
	// anybody looks at the token.
	maxBody = 1 << 20

	// memorySize is how many bytes may be under way inside of this process.
	memorySize = 64 << 10
)

// newFront returns what turns HTTP requests into gRPC calls on connection. It
// decides nothing: only what is no call at all, such as broken JSON or an
// unknown path, doesn't get as far as the policy.
func newFront(connection *grpc.ClientConn) (http.Handler, error) {
	mux := runtime.NewServeMux(
		runtime.WithIncomingHeaderMatcher(metadata.GatewayMatcher(runtime.DefaultHeaderMatcher)),
		runtime.WithOutgoingHeaderMatcher(matchOutgoing),
		runtime.WithErrorHandler(answerError),
		runtime.WithHealthzEndpoint(healthpb.NewHealthClient(connection)),
	)
	// Not RegisterEchoServiceHandlerServer: that calls the handlers without any
	// interceptor, and so without the policy.
	if err := echov1.RegisterEchoServiceHandler(context.Background(), mux, connection); err != nil {
		return nil, err
	}
	return http.MaxBytesHandler(mux, maxBody), nil
}

// dialMemory returns a connection to the server that serves on listener. It is
// in memory because it is nobody else's: the token crosses no socket that one
// could listen to, there is no port to find, and no certificate to make for
// ourselves. The package is one for tests, but does nothing that they alone need.
//
// No relay is installed on it. It would bring the token of the call in whose
// context it is used, and there is none yet: the header goes on as it came.
func dialMemory(listener *bufconn.Listener) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
}
