package gateway_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// recorder is an orders service that answers what it was asked.
type recorder struct {
	ordersv1.UnimplementedOrdersServiceServer
}

func (recorder) PlaceOrder(ctx context.Context, request *ordersv1.PlaceOrderRequest) (*ordersv1.PlaceOrderResponse, error) {
	hops, err := service.Hops(ctx)
	order := new(ordersv1.Order)
	for _, item := range request.GetItems() {
		order.Items = append(order.Items, &platformv1.PricedItem{Item: item})
	}
	return &ordersv1.PlaceOrderResponse{Order: order, Hops: hops}, err
}

func (recorder) GetOrder(ctx context.Context, request *ordersv1.GetOrderRequest) (*ordersv1.GetOrderResponse, error) {
	hops, err := service.Hops(ctx)
	return &ordersv1.GetOrderResponse{Order: &ordersv1.Order{Id: request.GetOrderId()}, Hops: hops}, err
}

func (recorder) ListOrders(ctx context.Context, request *ordersv1.ListOrdersRequest) (*ordersv1.ListOrdersResponse, error) {
	hops, err := service.Hops(ctx)
	return &ordersv1.ListOrdersResponse{
		Orders:        make([]*ordersv1.Order, request.GetPageSize()),
		NextPageToken: request.GetPageToken() + "+1",
		Hops:          hops,
	}, err
}

func (recorder) CancelOrder(ctx context.Context, request *ordersv1.CancelOrderRequest) (*ordersv1.CancelOrderResponse, error) {
	hops, err := service.Hops(ctx)
	update := &ordersv1.OrderUpdate{OrderId: request.GetOrderId()}
	return &ordersv1.CancelOrderResponse{Update: update, Hops: hops}, err
}

func (recorder) WatchOrder(request *ordersv1.WatchOrderRequest, stream grpc.ServerStreamingServer[ordersv1.WatchOrderResponse]) error {
	hops, err := service.Hops(stream.Context())
	if err != nil {
		return err
	}
	for range 2 {
		update := &ordersv1.OrderUpdate{OrderId: request.GetOrderId()}
		if err := stream.Send(&ordersv1.WatchOrderResponse{Update: update, Hops: hops}); err != nil {
			return err
		}
	}
	return nil
}

func serve(chain *platformtest.Chain, next ordersv1.OrdersServiceServer) gatewayv1.GatewayServiceClient {
	conn := chain.Serve(orders.Name, gateway.Name, func(r grpc.ServiceRegistrar) { ordersv1.RegisterOrdersServiceServer(r, next) })
	return gatewayv1.NewGatewayServiceClient(chain.Serve(gateway.Name, platformtest.User, func(r grpc.ServiceRegistrar) {
		gatewayv1.RegisterGatewayServiceServer(r, gateway.New(ordersv1.NewOrdersServiceClient(conn)))
	}))
}

func checkHops(t *testing.T, hops []*platformv1.Hop) {
	t.Helper()
	if len(hops) != 2 || hops[0].GetName() != "gateway" || hops[1].GetName() != "orders" {
		t.Fatalf("hops are %v, want gateway and orders", hops)
	}
	if hops[0].GetFingerprint() != hops[1].GetFingerprint() || hops[1].GetSubject() != "alice" {
		t.Errorf("hops are %v, want alice and one token", hops)
	}
}

func TestUnaryCallsAreForwardedWithTheSameToken(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, recorder{})
	alice := chain.As("alice")

	item := &platformv1.Item{Sku: "tea", Quantity: 3}
	placed, err := client.PlaceOrder(alice, &gatewayv1.PlaceOrderRequest{Items: []*platformv1.Item{item}})
	if err != nil {
		t.Fatal(err)
	}
	checkHops(t, placed.GetHops())
	if got := placed.GetOrder().GetItems()[0].GetItem(); !pb.Equal(got, item) {
		t.Errorf("placed %v", got)
	}
	got, err := client.GetOrder(alice, &gatewayv1.GetOrderRequest{OrderId: "1"})
	if err != nil {
		t.Fatal(err)
	}
	checkHops(t, got.GetHops())
	if got.GetOrder().GetId() != "1" {
		t.Errorf("got %v", got)
	}
	listed, err := client.ListOrders(alice, &gatewayv1.ListOrdersRequest{PageSize: 2, PageToken: "1"})
	if err != nil {
		t.Fatal(err)
	}
	checkHops(t, listed.GetHops())
	if len(listed.GetOrders()) != 2 || listed.GetNextPageToken() != "1+1" {
		t.Errorf("listed %v", listed)
	}
	cancelled, err := client.CancelOrder(chain.With("alice", "orders.admin"), &gatewayv1.CancelOrderRequest{OrderId: "1"})
	if err != nil {
		t.Fatal(err)
	}
	checkHops(t, cancelled.GetHops())
	if cancelled.GetUpdate().GetOrderId() != "1" {
		t.Errorf("cancelled %v", cancelled)
	}
}

func TestStreamsAreForwardedWithTheSameToken(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	stream, err := serve(chain, recorder{}).WatchOrder(chain.As("alice"), &gatewayv1.WatchOrderRequest{OrderId: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		checkHops(t, answer.GetHops())
		if answer.GetUpdate().GetOrderId() != "1" {
			t.Errorf("got %v", answer)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v, want EOF", err)
	}
}

func TestRefusalsArePassedOn(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, ordersv1.UnimplementedOrdersServiceServer{})
	alice := chain.As("alice")
	_, placing := client.PlaceOrder(alice, new(gatewayv1.PlaceOrderRequest))
	_, getting := client.GetOrder(alice, new(gatewayv1.GetOrderRequest))
	_, listing := client.ListOrders(alice, new(gatewayv1.ListOrdersRequest))
	_, cancelling := client.CancelOrder(chain.With("dora", "orders.admin"), new(gatewayv1.CancelOrderRequest))
	stream, err := client.WatchOrder(alice, new(gatewayv1.WatchOrderRequest))
	if err != nil {
		t.Fatal(err)
	}
	_, watching := stream.Recv()
	for name, err := range map[string]error{
		"place": placing, "get": getting, "list": listing, "cancel": cancelling, "watch": watching,
	} {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v, want that of orders", name, err)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	table, err := gateway.Role().PolicyTable()
	if err != nil {
		t.Fatal(err)
	}
	jwttest.Golden(t, "testdata/policy.golden", table)
}
