package calls

import (
	"context"
	"errors"
	"net"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"
)

// Auth is what a service does about tokens. The zero value does nothing.
type Auth struct {
	Verify grpc.UnaryServerInterceptor // nil: every call is let in
	Relay  []grpc.DialOption           // of the connection to the next service

	// Deep is a service that does something before it calls the next one, so far as its
	// stack shows: 4 KiB of it are in use then.
	Deep bool
}

// Chain is a row of services, each of which calls the next, and one connection to the
// first. They are servers of their own but share a process.
type Chain struct {
	first    grpc_health_v1.HealthClient
	conns    []*grpc.ClientConn
	servers  []*grpc.Server
	finished chan error // of each server that serves
}

// NewChain starts a service for each of these, in the order in which they are called.
// Close it.
func NewChain(network Network, services ...Auth) (*Chain, error) {
	c := &Chain{finished: make(chan error, len(services))}
	var next grpc_health_v1.HealthClient // the last has none
	for i, auth := range slices.Backward(services) {
		var relay []grpc.DialOption // the user's own connection has none
		if i > 0 {
			relay = services[i-1].Relay
		}
		conn, err := c.add(network, auth, next, relay)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		next = grpc_health_v1.NewHealthClient(conn)
	}
	c.first = next
	return c, nil
}

// add starts a service and returns a connection to it.
func (c *Chain) add(network Network, auth Auth, next grpc_health_v1.HealthClient, dial []grpc.DialOption) (*grpc.ClientConn, error) {
	link, err := network.Listen()
	if err != nil {
		return nil, err
	}
	c.serve(link.Listener, auth.Verify, service{next: next, deep: auth.Deep}, link.Server)
	conn, err := grpc.NewClient(link.Target, append(slices.Clone(dial), link.Client...)...)
	if err != nil {
		return nil, err
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

// serve starts a server.
func (c *Chain) serve(listener net.Listener, verify grpc.UnaryServerInterceptor, s service, options []grpc.ServerOption) {
	if verify != nil {
		options = append(slices.Clone(options), grpc.UnaryInterceptor(verify))
	}
	server := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(server, s)
	c.servers = append(c.servers, server)
	go func() { c.finished <- server.Serve(listener) }()
}

// Call calls the first service, and with it all. The context says who calls: see
// [As].
func (c *Chain) Call(ctx context.Context) error {
	_, err := c.first.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

// Close ends all servers and connections, and waits for them.
func (c *Chain) Close() error {
	var failed []error
	for _, conn := range c.conns {
		failed = append(failed, conn.Close())
	}
	for _, server := range c.servers {
		server.Stop()
		failed = append(failed, <-c.finished)
	}
	return errors.Join(failed...)
}

// As returns a context for the calls of a user, who sends the token as any client
// does that logged in.
func As(ctx context.Context, raw string) context.Context {
	return grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer "+raw)
}

// service is one of a chain.
type service struct {
	grpc_health_v1.UnimplementedHealthServer

	next grpc_health_v1.HealthClient
	deep bool
}

// Check asks the next service, if there is one, with the context that it got.
func (s service) Check(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	switch {
	case s.next == nil:
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
	case s.deep:
		return s.checkFromDeep(ctx, req)
	default:
		return s.next.Check(ctx, req)
	}
}

// checkFromDeep calls the next service with 4 KiB of the stack in use.
//
//go:noinline
func (s service) checkFromDeep(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	var used [4 << 10]byte
	response, err := s.next.Check(ctx, req)
	used[len(req.GetService())%len(used)]++ // or the compiler would leave it out
	if err == nil && used[0] > 1 {
		return nil, errors.New("this can't be")
	}
	return response, err
}
