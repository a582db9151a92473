// Package inventory is service B of the platform: is it there?
//
// It asks the pricing service what the reserved items cost.
package inventory

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

// Name is the service's name.
const Name = "inventory"

// Role is the service as a process.
func Role() service.Role {
	return service.Role{
		Name:    Name,
		Summary: "service B: is it there?",
		Next:    pricing.Name,
		Register: func(server grpc.ServiceRegistrar, next grpc.ClientConnInterface) {
			inventoryv1.RegisterInventoryServiceServer(server, New(TeaShop(), pricingv1.NewPricingServiceClient(next)))
		},
	}
}

// Service implements inventoryv1.InventoryServiceServer.
type Service struct {
	inventoryv1.UnimplementedInventoryServiceServer
	stock   Stock
	pricing pricingv1.PricingServiceClient
}

// New returns the service of this stock, which asks pricing for prices.
func New(stock Stock, pricing pricingv1.PricingServiceClient) *Service {
	return &Service{stock: stock, pricing: pricing}
}

// ReserveItems takes the items of an order out of the stock and has them
// priced; all of them, or none.
func (s *Service) ReserveItems(ctx context.Context, request *inventoryv1.ReserveItemsRequest) (*inventoryv1.ReserveItemsResponse, error) {
	order, err := s.order(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	asked, err := items.Parse(request.GetItems())
	if err != nil {
		return nil, err
	}
	if err := s.stock.Reserve(ctx, order, asked); err != nil {
		return nil, stockStatus(err)
	}
	response, err := s.quote(ctx, asked)
	if err != nil {
		// Also when it is the caller who gave up.
		if undo := s.stock.Release(context.WithoutCancel(ctx), order); undo != nil {
			return nil, stockStatus(undo)
		}
		return nil, err
	}
	return response, nil
}

// quote has the items priced.
func (s *Service) quote(ctx context.Context, asked []items.Item) (*inventoryv1.ReserveItemsResponse, error) {
	quote, err := s.pricing.QuoteItems(ctx, &pricingv1.QuoteItemsRequest{Items: items.Protos(asked)})
	if err != nil {
		return nil, err
	}
	priced, err := items.ParsePriced(asked, quote.GetItems())
	if err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx, quote.GetHops()...)
	if err != nil {
		return nil, err
	}
	return &inventoryv1.ReserveItemsResponse{Items: items.PricedProtos(priced), Hops: hops}, nil
}

// WatchPicking tells of each item as it is taken from its shelf.
func (s *Service) WatchPicking(request *inventoryv1.WatchPickingRequest, stream grpc.ServerStreamingServer[inventoryv1.WatchPickingResponse]) error {
	ctx := stream.Context()
	order, err := s.order(ctx, request.GetOrderId())
	if err != nil {
		return err
	}
	reserved, err := s.stock.Reserved(ctx, order)
	if err != nil {
		return stockStatus(err)
	}
	quotes, err := s.pricing.WatchQuotes(ctx, &pricingv1.WatchQuotesRequest{Items: items.Protos(reserved)})
	if err != nil {
		return err
	}
	for {
		quote, err := quotes.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.stock.Pick(ctx, quote.GetItem().GetItem().GetSku()); err != nil {
			return status.FromContextError(err).Err()
		}
		hops, err := service.Hops(ctx, quote.GetHops()...)
		if err != nil {
			return err
		}
		if err := stream.Send(&inventoryv1.WatchPickingResponse{Item: quote.GetItem(), Hops: hops}); err != nil {
			return err
		}
	}
}

// order is the caller's order of that id. The error is a status.
func (s *Service) order(ctx context.Context, id string) (Order, error) {
	owner, err := service.Caller(ctx)
	if err != nil {
		return Order{}, err
	}
	if id == "" {
		return Order{}, status.Error(codes.InvalidArgument, "order_id: empty")
	}
	return Order{Owner: owner, ID: id}, nil
}

// stockStatus is the status for an error of a [Stock].
func stockStatus(err error) error {
	switch {
	case errors.Is(err, ErrShort):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, ErrReserved):
		return status.Error(codes.AlreadyExists, err.Error())
	case errors.Is(err, ErrNoReservation):
		return status.Error(codes.NotFound, err.Error())
	default:
		return status.Error(codes.Unavailable, "the stock is not available")
	}
}
