package service_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/token"
)

// echoing is a gateway that answers the headers it received as a page token.
type echoing struct {
	gatewayv1.UnimplementedGatewayServiceServer
}

func (echoing) ListOrders(ctx context.Context, _ *gatewayv1.ListOrdersRequest) (*gatewayv1.ListOrdersResponse, error) {
	md, _ := grpcmd.FromIncomingContext(ctx)
	var headers []string
	for key, values := range md {
		if key != "authorization" {
			headers = append(headers, key+"="+strings.Join(values, ","))
		}
	}
	return &gatewayv1.ListOrdersResponse{NextPageToken: strings.Join(headers, "\n")}, nil
}

func TestUsersDontSayWhoTheyAreInHeaders(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	addr := chain.Listen("edge", platformtest.User, slog.New(slog.DiscardHandler), func(r grpc.ServiceRegistrar) {
		gatewayv1.RegisterGatewayServiceServer(r, echoing{})
	})
	client := gatewayv1.NewGatewayServiceClient(chain.Dial(platformtest.User, "edge", addr))
	ctx := grpcmd.AppendToOutgoingContext(chain.As("mallory"),
		"x-user-id", "alice", "X-Forwarded-User", "alice", "x-forwarded-email", "alice@example.com",
		"x-forwarded-groups", "alice", "x-forwarded-client-cert", "Subject=alice", "x-request-id", "42")
	answer, err := client.ListOrders(ctx, new(gatewayv1.ListOrdersRequest))
	if err != nil {
		t.Fatal(err)
	}
	seen := answer.GetNextPageToken()
	if strings.Contains(seen, "alice") || !strings.Contains(seen, "x-request-id=42") {
		t.Errorf("the handler sees\n%s\nwant no identity, and what else there is", seen)
	}
}

// unruly has a method that no proto has a rule for.
func unruly() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "platformtest.Unruly",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Say"}},
	}
}

func TestAServiceWithAMethodThatHasNoRuleDoesNotStart(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	server, err := service.New(service.Config{
		Name: "unruly", Identity: new(process.Identity), Health: health.NewServer(), Logger: slog.New(slog.DiscardHandler),
		Issuer: token.Issuer{URL: chain.Issuer.URL(), Audiences: []string{"platform"}, Keys: chain.Issuer.Keys()},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.RegisterService(unruly(), nil)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), listener); err == nil || !strings.Contains(err.Error(), "/platformtest.Unruly/Say") {
		t.Errorf("got %v, want an error that names the method", err)
	}
}

func TestARoleWithoutACertificateDoesNotGetIn(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	addr := chain.Listen("fake", "inventory", slog.New(slog.DiscardHandler), register)
	client := pricingv1.NewPricingServiceClient(chain.Dial(platformtest.User, "fake", addr))
	_, err := client.QuoteItems(chain.As("alice"), new(pricingv1.QuoteItemsRequest))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable: there is no connection", err)
	}
}
