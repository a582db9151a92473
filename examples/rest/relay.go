package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/local"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// relay passes on to the upstream what there is by HTTP: Echo and Expand. It
// neither knows nor needs to know which way a call came.
type relay struct {
	echov1.UnimplementedEchoServiceServer
	upstream echov1.EchoServiceClient
}

func (r *relay) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	response, err := r.upstream.Echo(ctx, request)
	if err != nil {
		return nil, failed(ctx, err)
	}
	return withThisHop(ctx, response)
}

func (r *relay) Expand(request *echov1.EchoRequest, stream grpc.ServerStreamingServer[echov1.EchoResponse]) error {
	ctx := stream.Context()
	upstream, err := r.upstream.Expand(ctx, request)
	if err != nil {
		return failed(ctx, err)
	}
	for {
		response, err := upstream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return failed(ctx, err)
		}
		if response, err = withThisHop(ctx, response); err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// withThisHop is the upstream's answer, with this hop in front of those behind
// it. It fails if the call was let in without a token, which would be a mistake
// of the server's policy.
func withThisHop(ctx context.Context, response *echov1.EchoResponse) (*echov1.EchoResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no verified token in the context")
	}
	this := &echov1.Hop{Name: name, Subject: caller.Subject(), Fingerprint: caller.Fingerprint()}
	return &echov1.EchoResponse{
		Message:     response.GetMessage(),
		Subject:     this.GetSubject(),
		Fingerprint: this.GetFingerprint(),
		Hops:        append([]*echov1.Hop{this}, response.GetHops()...),
	}, nil
}

// failed is what the caller is told of an upstream's error. A token that ended
// or was revoked on its way is the caller's to replace, and HTTP wants a
// challenge with every 401 (RFC 9110 section 15.5.2): nobody made one here.
func failed(ctx context.Context, err error) error {
	err = interceptor.AsUpstream(err)
	if status.Code(err) == codes.Unauthenticated {
		_ = grpc.SetHeader(ctx, grpcmd.Pairs("www-authenticate", `Bearer error="invalid_token"`))
	}
	return err
}

// dialUpstream returns a connection that relays the token of the call in whose
// context it is used. It may be plaintext, because it can't leave this machine:
// the local credentials refuse every address but loopback and Unix sockets.
func dialUpstream(target string) (*grpc.ClientConn, error) {
	client, err := interceptor.NewClient(
		interceptor.Name(name), interceptor.VerifiedOnly(), interceptor.AllowPlaintext())
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(target,
		append([]grpc.DialOption{grpc.WithTransportCredentials(local.NewCredentials())}, client.DialOptions()...)...)
}
