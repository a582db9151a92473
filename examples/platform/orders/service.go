// Package orders is service A of the platform: who ordered what?
//
// It has the items reserved by the inventory service. Whose orders they are
// follows from the token, and from nothing else. Who may call what is said in
// the proto, and asked before a method here runs.
package orders

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

// Name is the service's name.
const Name = "orders"

// maxPage is the most orders of one answer.
const maxPage = 50

// Role is the service as a process.
func Role() service.Role {
	return service.Role{
		Name:    Name,
		Summary: "service A: who ordered what?",
		Next:    inventory.Name,
		Register: func(server grpc.ServiceRegistrar, next grpc.ClientConnInterface) {
			ordersv1.RegisterOrdersServiceServer(server, New(new(Memory), inventoryv1.NewInventoryServiceClient(next)))
		},
	}
}

// Service implements ordersv1.OrdersServiceServer.
type Service struct {
	ordersv1.UnimplementedOrdersServiceServer
	store     Store
	inventory inventoryv1.InventoryServiceClient
}

// New returns the service of this store, which has items reserved by inventory.
func New(store Store, inventory inventoryv1.InventoryServiceClient) *Service {
	return &Service{store: store, inventory: inventory}
}

// PlaceOrder has the items reserved and keeps the order for the caller.
func (s *Service) PlaceOrder(ctx context.Context, request *ordersv1.PlaceOrderRequest) (*ordersv1.PlaceOrderResponse, error) {
	owner, err := service.Caller(ctx)
	if err != nil {
		return nil, err
	}
	asked, err := items.Parse(request.GetItems())
	if err != nil {
		return nil, err
	}
	order := Order{ID: newID(), Status: ordersv1.OrderStatus_ORDER_STATUS_PLACED, Created: time.Now()}
	reserved, err := s.inventory.ReserveItems(ctx, &inventoryv1.ReserveItemsRequest{
		OrderId: order.ID,
		Items:   items.Protos(asked),
	})
	if err != nil {
		return nil, err
	}
	if order.Items, err = items.ParsePriced(asked, reserved.GetItems()); err != nil {
		return nil, err
	}
	if err := s.store.Add(ctx, owner, order); err != nil {
		return nil, storeStatus(err)
	}
	hops, err := service.Hops(ctx, reserved.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &ordersv1.PlaceOrderResponse{Order: order.Proto(), Hops: hops}, nil
}

// GetOrder answers one order of the caller.
func (s *Service) GetOrder(ctx context.Context, request *ordersv1.GetOrderRequest) (*ordersv1.GetOrderResponse, error) {
	owner, err := service.Caller(ctx)
	if err != nil {
		return nil, err
	}
	order, err := s.store.Order(ctx, owner, request.GetOrderId())
	if err != nil {
		return nil, storeStatus(err)
	}
	hops, err := service.Hops(ctx)
	if err != nil {
		return nil, err
	}
	return &ordersv1.GetOrderResponse{Order: order.Proto(), Hops: hops}, nil
}

// ListOrders answers the orders of the caller, the latest first. A page token
// is the id of the last order of the page before.
func (s *Service) ListOrders(ctx context.Context, request *ordersv1.ListOrdersRequest) (*ordersv1.ListOrdersResponse, error) {
	owner, err := service.Caller(ctx)
	if err != nil {
		return nil, err
	}
	size := int(request.GetPageSize())
	switch {
	case size < 0:
		return nil, status.Error(codes.InvalidArgument, "page_size: negative")
	case size == 0 || size > maxPage:
		size = maxPage
	}
	// One more than asked for tells whether there is another page.
	page, err := s.store.Orders(ctx, owner, request.GetPageToken(), size+1)
	if errors.Is(err, ErrNotFound) {
		return nil, status.Error(codes.InvalidArgument, "page_token: not one of yours")
	}
	if err != nil {
		return nil, storeStatus(err)
	}
	response := new(ordersv1.ListOrdersResponse)
	if len(page) > size {
		page = page[:size]
		response.NextPageToken = page[size-1].ID
	}
	for _, order := range page {
		response.Orders = append(response.Orders, order.Proto())
	}
	if response.Hops, err = service.Hops(ctx); err != nil {
		return nil, err
	}
	return response, nil
}

// CancelOrder cancels the order of any user. Its caller gets to see no more of
// it than that.
func (s *Service) CancelOrder(ctx context.Context, request *ordersv1.CancelOrderRequest) (*ordersv1.CancelOrderResponse, error) {
	if err := s.store.Cancel(ctx, request.GetOrderId()); err != nil {
		return nil, storeStatus(err)
	}
	hops, err := service.Hops(ctx)
	if err != nil {
		return nil, err
	}
	return &ordersv1.CancelOrderResponse{
		Update: &ordersv1.OrderUpdate{
			OrderId: request.GetOrderId(),
			Status:  ordersv1.OrderStatus_ORDER_STATUS_CANCELLED,
		},
		Hops: hops,
	}, nil
}

// newID returns an order id that nobody can guess.
func newID() string { return "ord-" + strings.ToLower(rand.Text()[:10]) }

// storeStatus is the status for an error of a [Store].
func storeStatus(err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return status.Error(codes.NotFound, "no such order")
	case errors.Is(err, ErrShipped):
		return status.Error(codes.FailedPrecondition, "the order is shipped")
	case errors.Is(err, ErrCancelled):
		return status.Error(codes.FailedPrecondition, "the order is cancelled")
	default:
		return status.Error(codes.Unavailable, "orders are not available")
	}
}
