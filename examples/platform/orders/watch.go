package orders

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/token"
)

// WatchOrder tells of each step of an order of the caller: each item that is
// picked, and that it is shipped.
func (s *Service) WatchOrder(request *ordersv1.WatchOrderRequest, stream grpc.ServerStreamingServer[ordersv1.WatchOrderResponse]) error {
	ctx := stream.Context()
	owner, err := service.Caller(ctx)
	if err != nil {
		return err
	}
	order, err := s.store.Order(ctx, owner, request.GetOrderId())
	if err != nil {
		return storeStatus(err)
	}
	if order.Status == ordersv1.OrderStatus_ORDER_STATUS_CANCELLED {
		return storeStatus(ErrCancelled)
	}
	picking, err := s.inventory.WatchPicking(ctx, &inventoryv1.WatchPickingRequest{OrderId: order.ID})
	if err != nil {
		return err
	}
	w := watch{Service: s, owner: owner, stream: stream}
	var behind []*platformv1.Hop
	for {
		picked, err := picking.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		behind = picked.GetHops()
		if err := w.tell(ctx, &ordersv1.OrderUpdate{
			OrderId: order.ID,
			Status:  ordersv1.OrderStatus_ORDER_STATUS_PICKING,
			Item:    picked.GetItem(),
		}, behind); err != nil {
			return err
		}
	}
	return w.tell(ctx, &ordersv1.OrderUpdate{
		OrderId: order.ID,
		Status:  ordersv1.OrderStatus_ORDER_STATUS_SHIPPED,
	}, behind)
}

// watch is one stream to a user who watches an order.
type watch struct {
	*Service
	owner  token.Principal
	stream grpc.ServerStreamingServer[ordersv1.WatchOrderResponse]
}

// tell keeps how far the order has come, and sends it.
func (w watch) tell(ctx context.Context, update *ordersv1.OrderUpdate, behind []*platformv1.Hop) error {
	if err := w.store.Advance(ctx, w.owner, update.GetOrderId(), update.GetStatus()); err != nil {
		return storeStatus(err)
	}
	hops, err := service.Hops(ctx, behind...)
	if err != nil {
		return err
	}
	return w.stream.Send(&ordersv1.WatchOrderResponse{Update: update, Hops: hops})
}
