// Package wiring is the code that the README shows: a service that verifies the
// token of every call, and the connection that relays it to the next service.
package wiring

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// Serve serves orders to callers whose tokens the issuer signed for "orders".
// options come before ours: credentials, and recovery, logging and metrics,
// which then see refusals too.
func Serve(lis net.Listener, issuer string, orders *Orders, options ...grpc.ServerOption) error {
	keys, err := keyset.Discover(issuer, keyset.RemoteConfig{}) // returns at once
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }()
	verifier, err := token.NewVerifier([]token.Issuer{
		{URL: issuer, Audiences: []string{"orders"}, Keys: keys},
	})
	if err != nil {
		return err
	}
	server, err := interceptor.NewServer(verifier, interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.FromProto(), // each method's rule is beside it in the proto
	), interceptor.Name("orders"))
	if err != nil {
		return err
	}
	srv := grpc.NewServer(append(options, server.Options()...)...) // unary and streams
	ordersv1.RegisterOrdersServiceServer(srv, orders)
	if err := server.Audit(srv); err != nil { // no rule, or a misspelt one? say so now
		return err
	}
	return srv.Serve(lis)
}

// Dial connects to the inventory. Calls made with a handler's context carry the
// token that the handler's caller sent.
func Dial(target string, creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	relay, err := interceptor.NewClient(interceptor.Name("orders"), interceptor.VerifiedOnly())
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(creds)}        // and other interceptors
	return grpc.NewClient(target, append(options, relay.DialOptions()...)...) // the relay last
}

// Orders is the service.
type Orders struct {
	ordersv1.UnimplementedOrdersServiceServer

	Inventory inventoryv1.InventoryServiceClient
}

// PlaceOrder reserves the items for whoever is calling.
func (o *Orders) PlaceOrder(ctx context.Context, req *ordersv1.PlaceOrderRequest) (*ordersv1.PlaceOrderResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "who are you?")
	}
	id := "order of " + caller.Subject()
	_, err := o.Inventory.ReserveItems(ctx, &inventoryv1.ReserveItemsRequest{OrderId: id, Items: req.GetItems()})
	if err != nil {
		return nil, interceptor.AsUpstream(err)
	}
	return &ordersv1.PlaceOrderResponse{Order: &ordersv1.Order{Id: id}}, nil
}
