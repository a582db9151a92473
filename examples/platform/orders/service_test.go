package orders_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// fakeInventory has everything, for one euro.
type fakeInventory struct {
	inventoryv1.UnimplementedInventoryServiceServer
	err error // if not nil, it has nothing
}

func (f fakeInventory) ReserveItems(ctx context.Context, request *inventoryv1.ReserveItemsRequest) (*inventoryv1.ReserveItemsResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	response := new(inventoryv1.ReserveItemsResponse)
	for _, item := range request.GetItems() {
		response.Items = append(response.Items, &platformv1.PricedItem{Item: item, UnitCents: 100})
	}
	var err error
	response.Hops, err = service.Hops(ctx)
	return response, err
}

func (f fakeInventory) WatchPicking(_ *inventoryv1.WatchPickingRequest, stream grpc.ServerStreamingServer[inventoryv1.WatchPickingResponse]) error {
	hops, err := service.Hops(stream.Context())
	if err != nil {
		return err
	}
	for _, sku := range []string{"tea", "cup"} {
		item := &platformv1.PricedItem{Item: &platformv1.Item{Sku: sku, Quantity: 1}, UnitCents: 100}
		if err := stream.Send(&inventoryv1.WatchPickingResponse{Item: item, Hops: hops}); err != nil {
			return err
		}
	}
	return f.err
}

func serve(chain *platformtest.Chain, stock fakeInventory) ordersv1.OrdersServiceClient {
	next := chain.Serve(inventory.Name, orders.Name, func(r grpc.ServiceRegistrar) {
		inventoryv1.RegisterInventoryServiceServer(r, stock)
	})
	return ordersv1.NewOrdersServiceClient(chain.Serve(orders.Name, "gateway", func(r grpc.ServiceRegistrar) {
		ordersv1.RegisterOrdersServiceServer(r, orders.New(new(orders.Memory), inventoryv1.NewInventoryServiceClient(next)))
	}))
}

func teaAndCup() *ordersv1.PlaceOrderRequest {
	return &ordersv1.PlaceOrderRequest{Items: []*platformv1.Item{{Sku: "tea", Quantity: 3}, {Sku: "cup", Quantity: 1}}}
}

// place places an order and returns its id.
func place(t *testing.T, client ordersv1.OrdersServiceClient, ctx context.Context) string { //nolint:revive // t first reads as usual
	t.Helper()
	placed, err := client.PlaceOrder(ctx, teaAndCup())
	if err != nil {
		t.Fatal(err)
	}
	return placed.GetOrder().GetId()
}

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	placed, err := serve(chain, fakeInventory{}).PlaceOrder(chain.As("alice"), teaAndCup())
	if err != nil {
		t.Fatal(err)
	}
	order := placed.GetOrder()
	if order.GetTotalCents() != 400 || order.GetStatus() != ordersv1.OrderStatus_ORDER_STATUS_PLACED || order.GetCreateTime() == nil {
		t.Errorf("placed %v", order)
	}
	hops := placed.GetHops()
	if len(hops) != 2 || hops[0].GetName() != "orders" || hops[1].GetName() != "inventory" ||
		hops[0].GetFingerprint() != hops[1].GetFingerprint() {
		t.Errorf("hops are %v, want orders and inventory with one token", hops)
	}
}

func TestAnOrderThatIsRefusedIsNotKept(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{err: status.Error(codes.FailedPrecondition, "short")})
	if _, err := client.PlaceOrder(chain.As("alice"), teaAndCup()); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("got %v, want that of inventory", err)
	}
	if _, err := client.PlaceOrder(chain.As("alice"), new(ordersv1.PlaceOrderRequest)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v, want InvalidArgument", err)
	}
	listed, err := client.ListOrders(chain.As("alice"), new(ordersv1.ListOrdersRequest))
	if err != nil || len(listed.GetOrders()) != 0 {
		t.Errorf("kept %v, %v", listed.GetOrders(), err)
	}
}

func TestUsersSeeOnlyTheirOwnOrders(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{})
	id := place(t, client, chain.As("alice"))

	got, err := client.GetOrder(chain.As("alice"), &ordersv1.GetOrderRequest{OrderId: id})
	if err != nil || got.GetOrder().GetId() != id {
		t.Errorf("alice gets %v, %v", got, err)
	}
	mallory := chain.As("mallory")
	_, others := client.GetOrder(mallory, &ordersv1.GetOrderRequest{OrderId: id})
	_, nobodys := client.GetOrder(mallory, &ordersv1.GetOrderRequest{OrderId: "ord-none"})
	if status.Code(others) != codes.NotFound || others.Error() != nobodys.Error() {
		t.Errorf("somebody else's order: %v; none: %v; want the same NotFound", others, nobodys)
	}
	stream, err := client.WatchOrder(mallory, &ordersv1.WatchOrderRequest{OrderId: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("watching it: %v, want NotFound", err)
	}
	if _, err := client.ListOrders(mallory, &ordersv1.ListOrdersRequest{PageToken: id}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a page after it: %v, want InvalidArgument", err)
	}
}

func TestListOrdersPageByPageLatestFirst(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{})
	alice := chain.As("alice")
	var want []string
	for range 5 {
		want = append(want, place(t, client, alice))
	}
	slices.Reverse(want)

	var got []string
	request := &ordersv1.ListOrdersRequest{PageSize: 2}
	for pages := 1; ; pages++ {
		page, err := client.ListOrders(alice, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range page.GetOrders() {
			got = append(got, order.GetId())
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if _, err := client.ListOrders(alice, &ordersv1.ListOrdersRequest{PageSize: -1}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a negative page size: %v, want InvalidArgument", err)
	}
}

func TestWatchOrderEndsWhenItIsShipped(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, fakeInventory{})
	alice := chain.As("alice")
	id := place(t, client, alice)
	stream, err := client.WatchOrder(alice, &ordersv1.WatchOrderRequest{OrderId: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []ordersv1.OrderStatus{
		ordersv1.OrderStatus_ORDER_STATUS_PICKING,
		ordersv1.OrderStatus_ORDER_STATUS_PICKING,
		ordersv1.OrderStatus_ORDER_STATUS_SHIPPED,
	} {
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.GetUpdate().GetStatus(); got != want || len(answer.GetHops()) != 2 {
			t.Errorf("got %v, want %v through 2 hops", answer, want)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v, want EOF", err)
	}
	got, err := client.GetOrder(alice, &ordersv1.GetOrderRequest{OrderId: id})
	if err != nil || got.GetOrder().GetStatus() != ordersv1.OrderStatus_ORDER_STATUS_SHIPPED {
		t.Errorf("afterwards it is %v, %v", got, err)
	}
}

func TestAnOrderWhosePickingBreaksOffIsNotShipped(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	store := new(orders.Memory)
	broken := chain.Serve(inventory.Name, orders.Name, func(r grpc.ServiceRegistrar) {
		inventoryv1.RegisterInventoryServiceServer(r, watchBreaks{})
	})
	client := ordersv1.NewOrdersServiceClient(chain.Serve(orders.Name, "gateway", func(r grpc.ServiceRegistrar) {
		ordersv1.RegisterOrdersServiceServer(r, orders.New(store, inventoryv1.NewInventoryServiceClient(broken)))
	}))
	alice := chain.As("alice")
	id := place(t, client, alice)
	stream, err := client.WatchOrder(alice, &ordersv1.WatchOrderRequest{OrderId: id})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Aborted {
		t.Errorf("the stream ends with %v, want that of inventory", err)
	}
	got, err := client.GetOrder(alice, &ordersv1.GetOrderRequest{OrderId: id})
	if err != nil || got.GetOrder().GetStatus() != ordersv1.OrderStatus_ORDER_STATUS_PICKING {
		t.Errorf("afterwards it is %v, %v, want picking", got, err)
	}
}

// watchBreaks reserves, and then breaks off while picking.
type watchBreaks struct{ fakeInventory }

func (watchBreaks) WatchPicking(request *inventoryv1.WatchPickingRequest, stream grpc.ServerStreamingServer[inventoryv1.WatchPickingResponse]) error {
	return fakeInventory{err: status.Error(codes.Aborted, "a shelf fell over")}.WatchPicking(request, stream)
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	table, err := orders.Role().PolicyTable()
	if err != nil {
		t.Fatal(err)
	}
	jwttest.Golden(t, "testdata/policy.golden", table)
}
