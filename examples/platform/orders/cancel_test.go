package orders_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
)

func TestSupportCancelsTheOrderOfAnyCustomer(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{})
	id := place(t, client, chain.As("bob"))
	dora := chain.With("dora", "orders.admin")

	answer, err := client.CancelOrder(dora, &ordersv1.CancelOrderRequest{OrderId: id})
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.GetUpdate(); got.GetOrderId() != id || got.GetStatus() != cancelled || got.GetItem() != nil {
		t.Errorf("answered %v", got)
	}
	if hops := answer.GetHops(); len(hops) != 1 || hops[0].GetSubject() != "dora" {
		t.Errorf("hops are %v, want orders with dora", hops)
	}
	got, err := client.GetOrder(chain.As("bob"), &ordersv1.GetOrderRequest{OrderId: id})
	if err != nil || got.GetOrder().GetStatus() != cancelled {
		t.Errorf("bob sees %v, %v, want cancelled", got.GetOrder().GetStatus(), err)
	}
	if err := watchToTheEnd(client, chain.As("bob"), id); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("watching it: %v, want FailedPrecondition", err)
	}
	if _, err := client.CancelOrder(dora, &ordersv1.CancelOrderRequest{OrderId: id}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("once more: %v, want FailedPrecondition", err)
	}
	if _, err := client.CancelOrder(dora, &ordersv1.CancelOrderRequest{OrderId: "ord-none"}); status.Code(err) != codes.NotFound {
		t.Errorf("an order that there is not: %v, want NotFound", err)
	}
}

func TestAShippedOrderIsNotCancelled(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{})
	id := place(t, client, chain.As("bob"))
	_ = watchToTheEnd(client, chain.As("bob"), id) // which is io.EOF
	_, err := client.CancelOrder(chain.With("dora", "orders.admin"), &ordersv1.CancelOrderRequest{OrderId: id})
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "the order is shipped" {
		t.Errorf("got %v, want FailedPrecondition", err)
	}
}

// cancelsWhilePicking has somebody cancel the order between two items.
type cancelsWhilePicking struct {
	fakeInventory
	store *orders.Memory
}

func (c cancelsWhilePicking) WatchPicking(request *inventoryv1.WatchPickingRequest, stream grpc.ServerStreamingServer[inventoryv1.WatchPickingResponse]) error {
	if err := c.store.Cancel(stream.Context(), request.GetOrderId()); err != nil {
		return err
	}
	return c.fakeInventory.WatchPicking(request, stream)
}

func TestAnOrderThatIsCancelledWhilePickingIsNotShipped(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	store := new(orders.Memory)
	next := chain.Serve(inventory.Name, orders.Name, func(r grpc.ServiceRegistrar) {
		inventoryv1.RegisterInventoryServiceServer(r, cancelsWhilePicking{store: store})
	})
	client := ordersv1.NewOrdersServiceClient(chain.Serve(orders.Name, "gateway", func(r grpc.ServiceRegistrar) {
		ordersv1.RegisterOrdersServiceServer(r, orders.New(store, inventoryv1.NewInventoryServiceClient(next)))
	}))
	bob := chain.As("bob")
	id := place(t, client, bob)
	if err := watchToTheEnd(client, bob, id); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("the stream ends with %v, want FailedPrecondition", err)
	}
	got, err := client.GetOrder(bob, &ordersv1.GetOrderRequest{OrderId: id})
	if err != nil || got.GetOrder().GetStatus() != cancelled {
		t.Errorf("afterwards it is %v, %v, want cancelled", got.GetOrder().GetStatus(), err)
	}
}

// watchToTheEnd returns what a stream ends with.
func watchToTheEnd(client ordersv1.OrdersServiceClient, ctx context.Context, id string) error { //nolint:revive // as in place
	stream, err := client.WatchOrder(ctx, &ordersv1.WatchOrderRequest{OrderId: id})
	for err == nil {
		_, err = stream.Recv()
	}
	return err
}
