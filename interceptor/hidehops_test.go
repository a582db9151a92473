package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestHideHopsOfThisServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		var seen recorder
		edge := w.server(t, interceptor.Authenticated().With(interceptor.Scopes("write")),
			interceptor.Name("edge"), interceptor.HideHops(), interceptor.WithObserver(&seen))
		client := serve(t, &service{}, edge.Options()...)()
		wantRefusal(t, k.call(sending(t), client), codes.Unauthenticated, token.ReasonMissing, "")
		err := k.call(sending(t, "Bearer "+w.issuer.Token()), client)
		wantHidden(t, err, codes.PermissionDenied, interceptor.ReasonScopeInsufficient)
		if refusal, _ := interceptor.RefusalFrom(err); refusal.Scope != "write" {
			t.Errorf("the scope is %q", refusal.Scope)
		}
		if seen.decisions[0].Hop != "edge" {
			t.Error("the observer isn't told the hop")
		}
	})
}

// wantHidden checks a refusal that doesn't say by whom.
func wantHidden(t *testing.T, err error, code codes.Code, reason token.Reason) {
	t.Helper()
	refusal, ok := interceptor.RefusalFrom(err)
	if !ok || refusal.Code != code || refusal.Reason != reason || refusal.Hop != "" {
		t.Errorf("got %+v", refusal)
	}
	if _, named := infoOf(err).GetMetadata()["hop"]; named {
		t.Error("a hop is there, without a name")
	}
}

func TestHideHopsOfServicesBehind(t *testing.T) {
	t.Parallel()
	w, wrong := newWorld(t), newWorld(t)
	for name, asIs := range map[string]func(error) error{
		"as it is":       func(err error) error { return err },
		"as an upstream": interceptor.AsUpstream,
		"wrapped":        func(err error) error { return fmt.Errorf("orders: %w", err) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				behind := serve(t, &service{}, wrong.server(t, interceptor.Authenticated(), interceptor.Name("C")).Options()...)
				relay := behind(append(newClient(t).DialOptions(), private())...)
				edge := w.server(t, interceptor.Authenticated(), interceptor.HideHops())
				err := k.call(sending(t, "Bearer "+w.issuer.Token()), serve(t, &service{next: relay}, append(edge.Options(), answeringBy(asIs)...)...)())
				code := codes.Unauthenticated
				if name == "as an upstream" {
					code = codes.Internal
				}
				wantHidden(t, err, code, token.ReasonKeyUnknown)
			})
		})
	}
}

// answeringBy returns interceptors that pass handlers' errors through as.
func answeringBy(as func(error) error) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			response, err := next(ctx, req)
			if err != nil {
				err = as(err)
			}
			return response, err
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := next(srv, stream); err != nil {
				return as(err)
			}
			return nil
		}),
	}
}

// TestHideHopsLeavesOtherErrorsAlone has errors that name no hop of ours.
func TestHideHopsLeavesOtherErrorsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edge := w.server(t, interceptor.Public(unaryCall), interceptor.HideHops())
	own := errors.New("own")
	foreign := with(t, codes.NotFound, "example.com", "HOP")
	for name, err := range map[string]error{"nil": nil, "own": own, "status": status.Error(codes.NotFound, "x"), "foreign": foreign} {
		handler := func(context.Context, any) (any, error) { return "reply", err }
		reply, got := edge.UnaryInterceptor(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: unaryCall}, handler)
		if got != err || reply != "reply" { //nolint:errorlint // the very same error
			t.Errorf("%s: got %v, %v", name, reply, got)
		}
	}
	if infoOf(foreign).GetMetadata()["hop"] != "C" {
		t.Error("a foreign domain's metadata was changed")
	}
}

// TestHideHopsKeepsTheRest has a refusal with details of other kinds, and one
// whose error an interceptor in front wants to know.
func TestHideHopsKeepsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edge := w.server(t, interceptor.Public(unaryCall), interceptor.HideHops())
	detailed, err := status.New(codes.Unavailable, "text").WithDetails(
		&errdetails.DebugInfo{Detail: "kept"},
		&errdetails.ErrorInfo{Domain: interceptor.Domain, Reason: "KEYS_UNAVAILABLE", Metadata: map[string]string{"hop": "C", "x": "y"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	cause := detailed.Err()
	_, got := edge.UnaryInterceptor(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: unaryCall},
		func(context.Context, any) (any, error) { return nil, cause })
	s := status.Convert(got)
	if s.Code() != codes.Unavailable || s.Message() != "text" || len(s.Details()) != 2 || !errors.Is(got, cause) {
		t.Errorf("got %v", s.Proto())
	}
	if metadata := infoOf(got).GetMetadata(); len(metadata) != 1 || metadata["x"] != "y" {
		t.Errorf("metadata is %v", metadata)
	}
	if infoOf(cause).GetMetadata()["hop"] != "C" {
		t.Error("the handler's own error was changed")
	}
}
