// Package pricing is service C of the platform: what does it cost?
//
// It is the last of the chain and calls nobody.
package pricing

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

// Name is the service's name.
const Name = "pricing"

// Role is the service as a process.
func Role() service.Role {
	return service.Role{
		Name:    Name,
		Summary: "service C: what does it cost?",
		Register: func(server grpc.ServiceRegistrar, _ grpc.ClientConnInterface) {
			pricingv1.RegisterPricingServiceServer(server, New(TeaShop()))
		},
	}
}

// Service implements pricingv1.PricingServiceServer.
type Service struct {
	pricingv1.UnimplementedPricingServiceServer
	prices Prices
}

// New returns the service of these prices.
func New(prices Prices) *Service { return &Service{prices: prices} }

// QuoteItems prices all items at once.
func (s *Service) QuoteItems(ctx context.Context, request *pricingv1.QuoteItemsRequest) (*pricingv1.QuoteItemsResponse, error) {
	asked, err := items.Parse(request.GetItems())
	if err != nil {
		return nil, err
	}
	priced := make([]items.Priced, len(asked))
	for i, item := range asked {
		if priced[i], err = s.price(ctx, item); err != nil {
			return nil, err
		}
	}
	hops, err := service.Hops(ctx)
	if err != nil {
		return nil, err
	}
	return &pricingv1.QuoteItemsResponse{Items: items.PricedProtos(priced), Hops: hops}, nil
}

// WatchQuotes prices the items one by one.
func (s *Service) WatchQuotes(request *pricingv1.WatchQuotesRequest, stream grpc.ServerStreamingServer[pricingv1.WatchQuotesResponse]) error {
	asked, err := items.Parse(request.GetItems())
	if err != nil {
		return err
	}
	hops, err := service.Hops(stream.Context())
	if err != nil {
		return err
	}
	for _, item := range asked {
		priced, err := s.price(stream.Context(), item)
		if err != nil {
			return err
		}
		if err := stream.Send(&pricingv1.WatchQuotesResponse{Item: priced.Proto(), Hops: hops}); err != nil {
			return err
		}
	}
	return nil
}

// price returns the item with its price. The error is a status.
func (s *Service) price(ctx context.Context, item items.Item) (items.Priced, error) {
	cents, err := s.prices.UnitCents(ctx, item.SKU)
	switch {
	case errors.Is(err, ErrUnknownProduct):
		return items.Priced{}, status.Errorf(codes.NotFound, "no product %q", item.SKU)
	case err != nil:
		return items.Priced{}, status.Error(codes.Unavailable, "prices are not available")
	}
	return items.Priced{Item: item, UnitCents: cents}, nil
}
