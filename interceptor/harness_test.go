package interceptor_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// kind is one of the four kinds of RPC. Every rule holds for all of them.
type kind struct {
	name   string
	method string
	call   func(ctx context.Context, client testpb.TestServiceClient, opts ...grpc.CallOption) error
}

func kinds() []kind {
	return []kind{
		{"unary", testpb.TestService_UnaryCall_FullMethodName, callUnary},
		{"server stream", testpb.TestService_StreamingOutputCall_FullMethodName, callServerStream},
		{"client stream", testpb.TestService_StreamingInputCall_FullMethodName, callClientStream},
		{"bidi stream", testpb.TestService_FullDuplexCall_FullMethodName, callBidi},
	}
}

// forEachKind runs a test once for each kind of RPC.
func forEachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

func callUnary(ctx context.Context, client testpb.TestServiceClient, opts ...grpc.CallOption) error {
	_, err := client.UnaryCall(ctx, &testpb.SimpleRequest{}, opts...)
	return err
}

func callServerStream(ctx context.Context, client testpb.TestServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{}, opts...)
	if err != nil {
		return err
	}
	return drain(stream)
}

func callClientStream(ctx context.Context, client testpb.TestServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.StreamingInputCall(ctx, opts...)
	if err != nil {
		return err
	}
	_, err = stream.CloseAndRecv()
	return err
}

func callBidi(ctx context.Context, client testpb.TestServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.FullDuplexCall(ctx, opts...)
	if err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return drain(stream)
}

func drain(stream interface {
	Recv() (*testpb.StreamingOutputCallResponse, error)
}) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// arrival is what a service saw of one call.
type arrival struct {
	method string
	values []string // of the authorization header, as they arrived
	md     grpcmd.MD
	token  *token.Token
	found  bool
}

// service is a service that records what arrives and, if it has a next one,
// makes the same kind of call to it in the handler's context.
type service struct {
	testpb.UnimplementedTestServiceServer
	next testpb.TestServiceClient

	mu       sync.Mutex
	arrivals []arrival
}

func (s *service) arrive(ctx context.Context) {
	method, _ := grpc.Method(ctx)
	md, _ := grpcmd.FromIncomingContext(ctx)
	found, ok := token.FromContext(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrivals = append(s.arrivals, arrival{method, md.Get("authorization"), md, found, ok})
}

// seen returns what has arrived so far.
func (s *service) seen() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]arrival(nil), s.arrivals...)
}

// handle serves a call of any kind.
func (s *service) handle(ctx context.Context, call func(context.Context, testpb.TestServiceClient, ...grpc.CallOption) error) error {
	s.arrive(ctx)
	if s.next == nil {
		return nil
	}
	return call(ctx, s.next)
}

func (s *service) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{}, s.handle(ctx, callUnary)
}

func (s *service) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	return s.handle(stream.Context(), callServerStream)
}

func (s *service) StreamingInputCall(stream grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	if err := s.handle(stream.Context(), callClientStream); err != nil {
		return err
	}
	return stream.SendAndClose(&testpb.StreamingInputCallResponse{})
}

func (s *service) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	return s.handle(stream.Context(), callBidi)
}

// serveConn starts a server for impl in memory and returns a connection to it.
func serveConn(t *testing.T, impl testpb.TestServiceServer, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, impl)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return dial(t, listener)
}

// serve starts a server for impl in memory and returns how to dial it.
func serve(t *testing.T, impl testpb.TestServiceServer, options ...grpc.ServerOption) func(options ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, impl)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return func(options ...grpc.DialOption) testpb.TestServiceClient {
		return testpb.NewTestServiceClient(dial(t, listener, options...))
	}
}

func dial(t *testing.T, listener *bufconn.Listener, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///next", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// stated are transport credentials that only state how safe the connection is.
type stated struct {
	credentials.TransportCredentials
	info credentials.AuthInfo
}

// stating returns credentials whose connections state the given level.
func stating(level credentials.SecurityLevel) credentials.TransportCredentials {
	return stated{insecure.NewCredentials(), leveled{credentials.CommonAuthInfo{SecurityLevel: level}}}
}

// private are the credentials of a connection that is as good as TLS.
func private() grpc.DialOption {
	return grpc.WithTransportCredentials(stating(credentials.PrivacyAndIntegrity))
}

func (s stated) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, s.info, nil
}

func (s stated) Clone() credentials.TransportCredentials { return s }

// leveled is the AuthInfo of a connection that states its level.
type leveled struct{ credentials.CommonAuthInfo }

func (leveled) AuthType() string { return "test" }

// silent is the AuthInfo of a connection that states nothing.
type silent struct{}

func (silent) AuthType() string { return "test" }

// world is an issuer, and what trusts it.
type world struct {
	issuer   *jwttest.Issuer
	verifier *token.Verifier
}

func newWorld(t *testing.T, options ...token.VerifierOption) world {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return world{issuer, verifier}
}

// verified returns a token of the world's issuer, verified.
func (w world) verified(t *testing.T, options ...jwttest.TokenOption) *token.Token {
	t.Helper()
	verified, err := w.verifier.Verify(t.Context(), w.issuer.Token(options...))
	if err != nil {
		t.Fatal(err)
	}
	return verified
}

// server returns an interceptor.Server that trusts the world's issuer.
func (w world) server(t *testing.T, policy interceptor.Policy, options ...interceptor.ServerOption) *interceptor.Server {
	t.Helper()
	server, err := interceptor.NewServer(w.verifier, policy, options...)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func newClient(t *testing.T, options ...interceptor.ClientOption) *interceptor.Client {
	t.Helper()
	client, err := interceptor.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// sending returns a context for calls that carry exactly these header values.
func sending(t *testing.T, values ...string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	if len(values) == 0 {
		return ctx
	}
	return grpcmd.NewOutgoingContext(ctx, grpcmd.MD{"authorization": values})
}

// wantRefusal checks code, reason and hop of a refused call; an empty reason
// means that it must not be refused.
func wantRefusal(t *testing.T, err error, code codes.Code, reason token.Reason, hop string) {
	t.Helper()
	if got := status.Code(err); got != code {
		t.Fatalf("code is %v, want %v: %v", got, code, err)
	}
	info := infoOf(err)
	if info.GetReason() != string(reason) {
		t.Fatalf("reason is %q, want %q", info.GetReason(), reason)
	}
	if reason == "" {
		return
	}
	got, named := info.GetMetadata()["hop"]
	if info.GetDomain() != interceptor.Domain || got != hop || named != (hop != "") {
		t.Errorf("domain %q and hop %q (there: %v), want %q and %q", info.GetDomain(), got, named, interceptor.Domain, hop)
	}
}

func infoOf(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}
