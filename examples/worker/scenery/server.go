package scenery

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// NewServer returns a gRPC server with a service that wants a token for every
// call. Its methods are named one by one: one that is added has to be decided on.
func NewServer(name string, service echov1.EchoServiceServer, verifier *token.Verifier, transport credentials.TransportCredentials, observer interceptor.Observer) (*grpc.Server, error) {
	guard, err := interceptor.NewServer(verifier, interceptor.Authenticated(
		echov1.EchoService_Echo_FullMethodName,
		echov1.EchoService_Expand_FullMethodName,
		echov1.EchoService_Collect_FullMethodName,
		echov1.EchoService_Chat_FullMethodName,
	), interceptor.Name(name), interceptor.WithObserver(observer))
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.Creds(transport)}, guard.Options()...)...)
	echov1.RegisterEchoServiceServer(server, service)
	return server, guard.Audit(server)
}
