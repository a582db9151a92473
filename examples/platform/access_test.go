package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// platform is all services, connected, and where they listen.
type platform struct {
	*platformtest.Chain
	addrs map[string]string
}

// startPlatform starts the services, the last one first.
func startPlatform(t *testing.T) platform {
	t.Helper()
	p := platform{Chain: platformtest.New(t), addrs: make(map[string]string)}
	var next grpc.ClientConnInterface
	all := services()
	for i := len(all) - 1; i >= 0; i-- {
		caller := platformtest.User
		if i > 0 {
			caller = all[i-1].Name
		}
		p.addrs[all[i].Name] = p.Listen(all[i].Name, caller, slog.New(slog.DiscardHandler),
			func(r grpc.ServiceRegistrar) { all[i].Register(r, next) })
		if i > 0 {
			next = p.Relay(caller, all[i].Name, p.addrs[all[i].Name])
		}
	}
	return p
}

// from returns a connection of that caller to that service.
func (p platform) from(caller, service string) *grpc.ClientConn {
	return p.Dial(caller, service, p.addrs[service])
}

func tea() []*platformv1.Item { return []*platformv1.Item{{Sku: "tea-sencha", Quantity: 1}} }

// verdict is how a call ended: a code and, of a refusal, why, by whom, and for
// want of which scope.
func verdict(err error) string {
	if errors.Is(err, io.EOF) {
		return codes.OK.String()
	}
	text := status.Code(err).String()
	if r, ok := interceptor.RefusalFrom(err); ok {
		text += " " + string(r.Reason) + " by " + r.Hop
		if r.Scope != "" {
			text += ": " + r.Scope
		}
	}
	return text
}

// users are the calls that users make: each gets the id of an order of its
// caller, if the caller has one.
func users(client gatewayv1.GatewayServiceClient) map[string]func(ctx context.Context, id string) error {
	return map[string]func(ctx context.Context, id string) error{
		"place": func(ctx context.Context, _ string) error {
			_, err := client.PlaceOrder(ctx, &gatewayv1.PlaceOrderRequest{Items: tea()})
			return err
		},
		"get": func(ctx context.Context, id string) error {
			_, err := client.GetOrder(ctx, &gatewayv1.GetOrderRequest{OrderId: id})
			return err
		},
		"list": func(ctx context.Context, _ string) error {
			_, err := client.ListOrders(ctx, new(gatewayv1.ListOrdersRequest))
			return err
		},
		"watch": func(ctx context.Context, id string) error {
			stream, err := client.WatchOrder(ctx, &gatewayv1.WatchOrderRequest{OrderId: id})
			for err == nil {
				_, err = stream.Recv()
			}
			return err
		},
		"cancel": func(ctx context.Context, id string) error {
			_, err := client.CancelOrder(ctx, &gatewayv1.CancelOrderRequest{OrderId: id})
			return err
		},
	}
}

// lacks is the refusal for want of a scope.
func lacks(scope, hop string) string {
	return "PermissionDenied SCOPE_INSUFFICIENT by " + hop + ": " + scope
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	const (
		ok        = "OK"
		anonymous = "Unauthenticated TOKEN_MISSING by gateway"
	)
	noRead, noWrite, noAdmin := lacks("orders.read", "gateway"), lacks("orders.write", "gateway"), lacks("orders.admin", "gateway")
	noPrice := lacks("pricing.read", "pricing")
	p := startPlatform(t)
	client := gatewayv1.NewGatewayServiceClient(p.from(platformtest.User, "gateway"))

	for name, test := range map[string]struct {
		scopes []string // nil for no token
		want   map[string]string
	}{
		"a customer": {platformtest.Customer(), map[string]string{
			"place": ok, "get": ok, "list": ok, "watch": ok, "cancel": noAdmin,
		}},
		"a customer who may not see prices": {[]string{"orders.read", "orders.write"}, map[string]string{
			"place": noPrice, "get": ok, "list": ok, "watch": noPrice, "cancel": noAdmin,
		}},
		"who may only read": {[]string{"orders.read", "pricing.read"}, map[string]string{
			"place": noWrite, "get": ok, "list": ok, "watch": ok, "cancel": noAdmin,
		}},
		"who may only place": {[]string{"orders.write", "pricing.read"}, map[string]string{
			"place": ok, "get": noRead, "list": noRead, "watch": noRead, "cancel": noAdmin,
		}},
		"support": {[]string{"orders.admin"}, map[string]string{
			"place": noWrite, "get": noRead, "list": noRead, "watch": noRead, "cancel": ok,
		}},
		"a token without scopes": {[]string{}, map[string]string{
			"place": noWrite, "get": noRead, "list": noRead, "watch": noRead, "cancel": noAdmin,
		}},
		"nobody": {nil, map[string]string{
			"place": anonymous, "get": anonymous, "list": anonymous, "watch": anonymous, "cancel": anonymous,
		}},
	} {
		for method, want := range test.want {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				user := name + "/" + method
				placed, err := client.PlaceOrder(p.As(user), &gatewayv1.PlaceOrderRequest{Items: tea()})
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if test.scopes != nil {
					ctx = p.With(user, test.scopes...)
				}
				if got := verdict(users(client)[method](ctx, placed.GetOrder().GetId())); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

// peers are the calls that services make, by the service that they are made to.
func peers() map[string]func(ctx context.Context, conn grpc.ClientConnInterface) error {
	return map[string]func(ctx context.Context, conn grpc.ClientConnInterface) error{
		"orders": func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := ordersv1.NewOrdersServiceClient(conn).ListOrders(ctx, new(ordersv1.ListOrdersRequest))
			return err
		},
		"inventory": func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := inventoryv1.NewInventoryServiceClient(conn).ReserveItems(ctx,
				&inventoryv1.ReserveItemsRequest{OrderId: "1", Items: tea()})
			return err
		},
		"pricing": func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := pricingv1.NewPricingServiceClient(conn).QuoteItems(ctx, &pricingv1.QuoteItemsRequest{Items: tea()})
			return err
		},
	}
}

func TestWhoMayBringAToken(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	allowed := map[string]string{"orders": "gateway", "inventory": "orders", "pricing": "inventory"}
	for service, call := range peers() {
		for _, caller := range []string{"gateway", "orders", "inventory", "pricing", "demo"} {
			t.Run(caller+" to "+service, func(t *testing.T) {
				t.Parallel()
				want := "PermissionDenied PEER_NOT_ALLOWED by " + service
				if caller == allowed[service] {
					want = "OK"
				}
				conn := p.from(caller, service)
				if got := verdict(call(p.As("alice"), conn)); got != want {
					t.Errorf("with a token: %s, want %s", got, want)
				}
				// Who brings it is no substitute for a token, nor for its scopes.
				if got, want := verdict(call(t.Context(), conn)), "Unauthenticated TOKEN_MISSING by "+service; got != want {
					t.Errorf("without a token: %s, want %s", got, want)
				}
				if got := verdict(call(p.With("dora", "orders.admin"), conn)); got != lacks(scopeOf(service), service) {
					t.Errorf("with a token of support: %s", got)
				}
			})
		}
	}
}

// scopeOf is the scope that the call of peers to this service needs.
func scopeOf(service string) string {
	return map[string]string{"orders": "orders.read", "inventory": "orders.write", "pricing": "pricing.read"}[service]
}
