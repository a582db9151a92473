package interceptor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestStripHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	strip := interceptor.StripHeaders("X-User-ID", "x-roles", "X-User-Bin")
	for name, policy := range map[string]interceptor.Policy{
		"authenticated": interceptor.Authenticated(),
		"optional":      interceptor.Optional(allMethods()...),
		"public":        interceptor.Public(allMethods()...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				impl := &service{}
				client := serve(t, impl, w.server(t, policy, strip).Options()...)()
				ctx := grpcmd.AppendToOutgoingContext(sending(t, "Bearer "+w.issuer.Token()),
					"x-user-id", "root", "X-User-Id", "admin", "x-roles", "all", "x-trace", "1")
				if err := k.call(ctx, client); err != nil {
					t.Fatal(err)
				}
				md := impl.seen()[0].md
				if len(md.Get("x-user-id")) != 0 || len(md.Get("x-roles")) != 0 {
					t.Errorf("the handler sees %v", md.Get("x-user-id"))
				}
				if len(md.Get("x-trace")) != 1 || len(md.Get("authorization")) != 1 {
					t.Error("other headers are gone")
				}
			})
		})
	}
}

func TestStripHeadersInAuthFunc(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	decide := w.server(t, interceptor.Authenticated(), interceptor.StripHeaders("x-user-id"), interceptor.Shadow(new(recorder))).AuthFunc()
	md := grpcmd.Pairs("x-user-id", "root", "x-trace", "1")
	ctx, err := decide(grpcmd.NewIncomingContext(t.Context(), md))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := grpcmd.FromIncomingContext(ctx); len(got.Get("x-user-id")) != 0 || len(got.Get("x-trace")) != 1 {
		t.Errorf("the handler sees %v", got)
	}
	if len(md.Get("x-user-id")) != 1 {
		t.Error("metadata that others share was changed")
	}
}

func TestStripHeadersRefusesMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		options []interceptor.ServerOption
		says    string
	}{
		"none":              {[]interceptor.ServerOption{interceptor.StripHeaders()}, "StripHeaders()"},
		"empty":             {[]interceptor.ServerOption{interceptor.StripHeaders("")}, `StripHeaders("")`},
		"the transport's":   {[]interceptor.ServerOption{interceptor.StripHeaders("content-type")}, "content-type"},
		"the token's":       {[]interceptor.ServerOption{interceptor.StripHeaders("Authorization")}, `StripHeaders("authorization")`},
		"the token's other": {[]interceptor.ServerOption{interceptor.StripHeaders("x-user"), interceptor.HeaderName("X-User")}, `StripHeaders("x-user")`},
	} {
		_, err := interceptor.NewServer(w.verifier, interceptor.Authenticated(), test.options...)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestRequireSeesWhatTheHandlerSees: a header that is stripped misleads neither.
func TestRequireSeesWhatTheHandlerSees(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sees := func(ctx context.Context, _ *token.Token) error {
		if len(grpcmd.ValueFromIncomingContext(ctx, "x-user-id")) != 0 {
			return errors.New("x-user-id is there")
		}
		if _, ok := token.FromContext(ctx); !ok {
			return errors.New("no token in the context")
		}
		return nil
	}
	server := w.server(t, interceptor.Authenticated().With(interceptor.Require(sees)), interceptor.StripHeaders("x-user-id"))
	client := serve(t, &service{}, server.Options()...)()
	ctx := grpcmd.AppendToOutgoingContext(sending(t, "Bearer "+w.issuer.Token()), "x-user-id", "root")
	if err := callUnary(ctx, client); err != nil {
		t.Error(err)
	}
}
