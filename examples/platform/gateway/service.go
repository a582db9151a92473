// Package gateway is the API gateway of the platform: the only service that
// users call.
//
// It is the first to verify their tokens, not the last: every service does.
package gateway

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

// Name is the service's name.
const Name = "gateway"

// Role is the service as a process.
func Role() service.Role {
	return service.Role{
		Name:    Name,
		Summary: "the API gateway, which users call",
		Next:    orders.Name,
		Public:  true,
		Register: func(server grpc.ServiceRegistrar, next grpc.ClientConnInterface) {
			gatewayv1.RegisterGatewayServiceServer(server, New(ordersv1.NewOrdersServiceClient(next)))
		},
	}
}

// Service implements gatewayv1.GatewayServiceServer. It does nothing about
// tokens: the context of the call is all that the relay needs.
type Service struct {
	gatewayv1.UnimplementedGatewayServiceServer
	orders ordersv1.OrdersServiceClient
}

// New returns the gateway to this service.
func New(orders ordersv1.OrdersServiceClient) *Service { return &Service{orders: orders} }

// PlaceOrder forwards to the orders service.
func (s *Service) PlaceOrder(ctx context.Context, request *gatewayv1.PlaceOrderRequest) (*gatewayv1.PlaceOrderResponse, error) {
	response, err := s.orders.PlaceOrder(ctx, &ordersv1.PlaceOrderRequest{Items: request.GetItems()})
	if err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx, response.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.PlaceOrderResponse{Order: response.GetOrder(), Hops: hops}, nil
}

// GetOrder forwards to the orders service.
func (s *Service) GetOrder(ctx context.Context, request *gatewayv1.GetOrderRequest) (*gatewayv1.GetOrderResponse, error) {
	response, err := s.orders.GetOrder(ctx, &ordersv1.GetOrderRequest{OrderId: request.GetOrderId()})
	if err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx, response.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.GetOrderResponse{Order: response.GetOrder(), Hops: hops}, nil
}

// ListOrders forwards to the orders service.
func (s *Service) ListOrders(ctx context.Context, request *gatewayv1.ListOrdersRequest) (*gatewayv1.ListOrdersResponse, error) {
	response, err := s.orders.ListOrders(ctx, &ordersv1.ListOrdersRequest{
		PageSize:  request.GetPageSize(),
		PageToken: request.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx, response.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.ListOrdersResponse{
		Orders:        response.GetOrders(),
		NextPageToken: response.GetNextPageToken(),
		Hops:          hops,
	}, nil
}

// CancelOrder forwards to the orders service.
func (s *Service) CancelOrder(ctx context.Context, request *gatewayv1.CancelOrderRequest) (*gatewayv1.CancelOrderResponse, error) {
	response, err := s.orders.CancelOrder(ctx, &ordersv1.CancelOrderRequest{OrderId: request.GetOrderId()})
	if err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx, response.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.CancelOrderResponse{Update: response.GetUpdate(), Hops: hops}, nil
}

// WatchOrder forwards to the orders service, step by step.
func (s *Service) WatchOrder(request *gatewayv1.WatchOrderRequest, stream grpc.ServerStreamingServer[gatewayv1.WatchOrderResponse]) error {
	ctx := stream.Context()
	updates, err := s.orders.WatchOrder(ctx, &ordersv1.WatchOrderRequest{OrderId: request.GetOrderId()})
	if err != nil {
		return err
	}
	for {
		response, err := updates.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		hops, err := service.Hops(ctx, response.GetHops()...)
		if err != nil {
			return err
		}
		if err := stream.Send(&gatewayv1.WatchOrderResponse{Update: response.GetUpdate(), Hops: hops}); err != nil {
			return err
		}
	}
}
