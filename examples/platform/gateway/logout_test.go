package gateway_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// serveAll starts all four services, in a shop where a pot is made to order, which
// takes an hour.
func serveAll(chain *platformtest.Chain) gatewayv1.GatewayServiceClient {
	prices := pricing.New(pricing.Memory{"cup": 100, "pot": 10_000})
	stock := inventory.NewMemory(map[string]uint64{"cup": 10, "pot": 10}).MadeToOrder("pot", time.Hour)
	toPricing := chain.Serve(pricing.Name, inventory.Name, func(r grpc.ServiceRegistrar) {
		pricingv1.RegisterPricingServiceServer(r, prices)
	})
	toInventory := chain.Serve(inventory.Name, orders.Name, func(r grpc.ServiceRegistrar) {
		inventoryv1.RegisterInventoryServiceServer(r, inventory.New(stock, pricingv1.NewPricingServiceClient(toPricing)))
	})
	return serve(chain, orders.New(new(orders.Memory), inventoryv1.NewInventoryServiceClient(toInventory)))
}

// watchPot orders a cup and a pot, and watches until only the pot is missing.
func watchPot(ctx context.Context, t *testing.T, client gatewayv1.GatewayServiceClient) grpc.ServerStreamingClient[gatewayv1.WatchOrderResponse] {
	t.Helper()
	placed, err := client.PlaceOrder(ctx, &gatewayv1.PlaceOrderRequest{
		Items: []*platformv1.Item{{Sku: "cup", Quantity: 1}, {Sku: "pot", Quantity: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.WatchOrder(ctx, &gatewayv1.WatchOrderRequest{OrderId: placed.GetOrder().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	cup, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if status := cup.GetUpdate().GetStatus(); status != ordersv1.OrderStatus_ORDER_STATUS_PICKING {
		t.Fatalf("the first step is %v", status)
	}
	return stream
}

func TestAStreamThroughAllServicesEndsWhenItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serveAll(chain)
	for name, entry := range map[string]revocation.Entry{
		"the session": revocation.Session(chain.Issuer.URL(), "the session"),
		"the user": revocation.Principal(
			token.Principal{Issuer: chain.Issuer.URL(), Subject: "the user"}, time.Now().Add(time.Second)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, others := chain.InSession(name, name), chain.InSession("bob", "another")
			stream, other := watchPot(ctx, t, client), watchPot(others, t, client)
			if err := chain.Revoked.Revoke(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
			_, streamErr := stream.Recv()
			_, callErr := client.ListOrders(ctx, new(gatewayv1.ListOrdersRequest))
			for kind, err := range map[string]error{"the stream": streamErr, "a call": callErr} {
				refused, ok := interceptor.RefusalFrom(err)
				if !ok || refused.Code != codes.Unauthenticated || refused.Reason != token.ReasonRevoked {
					t.Errorf("%s ended with %v, want TOKEN_REVOKED", kind, err)
				}
			}
			if _, err := client.ListOrders(others, new(gatewayv1.ListOrdersRequest)); err != nil {
				t.Errorf("somebody else's call: %v", err)
			}
			if err := other.Context().Err(); err != nil {
				t.Errorf("somebody else's stream: %v", err)
			}
		})
	}
}
