package inventory_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// serve starts inventory in front of a pricing service.
func serve(chain *platformtest.Chain, stock inventory.Stock, prices pricingv1.PricingServiceServer) inventoryv1.InventoryServiceClient {
	next := chain.Serve(pricing.Name, inventory.Name, func(r grpc.ServiceRegistrar) {
		pricingv1.RegisterPricingServiceServer(r, prices)
	})
	return inventoryv1.NewInventoryServiceClient(chain.Serve(inventory.Name, "orders", func(r grpc.ServiceRegistrar) {
		inventoryv1.RegisterInventoryServiceServer(r, inventory.New(stock, pricingv1.NewPricingServiceClient(next)))
	}))
}

func reserve(id string, quantity uint32) *inventoryv1.ReserveItemsRequest {
	return &inventoryv1.ReserveItemsRequest{
		OrderId: id,
		Items:   []*platformv1.Item{{Sku: "tea", Quantity: quantity}},
	}
}

func prices() *pricing.Service { return pricing.New(pricing.Memory{"tea": 100}) }

// threeTeas is a small stock.
func threeTeas() *inventory.Memory {
	return inventory.NewMemory(map[string]uint64{"tea": 3})
}

func TestReserveItems(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, threeTeas(), prices())
	steps := []struct {
		name, user string
		request    *inventoryv1.ReserveItemsRequest
		want       codes.Code
	}{
		{"no order", "alice", reserve("", 1), codes.InvalidArgument},
		{"no pieces", "alice", reserve("1", 0), codes.InvalidArgument},
		{"more than there is", "alice", reserve("1", 4), codes.FailedPrecondition},
		{"what is there", "alice", reserve("1", 2), codes.OK},
		{"the same order again", "alice", reserve("1", 1), codes.AlreadyExists},
		{"another user's order of the same id", "bob", reserve("1", 1), codes.OK},
		{"when nothing is left", "bob", reserve("2", 1), codes.FailedPrecondition},
	}
	for _, step := range steps {
		if _, err := client.ReserveItems(chain.As(step.user), step.request); status.Code(err) != step.want {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
	}
}

func TestReserveItemsHasThemPricedWithTheSameToken(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	response, err := serve(chain, threeTeas(), prices()).ReserveItems(chain.As("alice"), reserve("1", 2))
	if err != nil {
		t.Fatal(err)
	}
	if cents := response.GetItems()[0].GetUnitCents(); cents != 100 {
		t.Errorf("the price is %d, want 100", cents)
	}
	hops := response.GetHops()
	if len(hops) != 2 || hops[0].GetName() != "inventory" || hops[1].GetName() != "pricing" {
		t.Fatalf("hops are %v, want inventory and pricing", hops)
	}
	if hops[0].GetFingerprint() != hops[1].GetFingerprint() || hops[1].GetSubject() != "alice" {
		t.Errorf("hops are %v, want alice and one token", hops)
	}
}

func TestItemsThatCannotBePricedArePutBack(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	stock := threeTeas()
	client := serve(chain, stock, pricing.New(pricing.Memory{}))
	if _, err := client.ReserveItems(chain.As("alice"), reserve("1", 3)); status.Code(err) != codes.NotFound {
		t.Fatalf("got %v, want pricing's NotFound", err)
	}
	client = serve(chain, stock, prices())
	if _, err := client.ReserveItems(chain.As("alice"), reserve("1", 3)); err != nil {
		t.Errorf("the items were not put back: %v", err)
	}
}

// liar answers another question than it was asked.
type liar struct {
	pricingv1.UnimplementedPricingServiceServer
}

func (liar) QuoteItems(context.Context, *pricingv1.QuoteItemsRequest) (*pricingv1.QuoteItemsResponse, error) {
	return new(pricingv1.QuoteItemsResponse), nil
}

func TestAnAnswerToAnotherQuestionIsInternal(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	_, err := serve(chain, threeTeas(), liar{}).ReserveItems(chain.As("alice"), reserve("1", 1))
	if status.Code(err) != codes.Internal {
		t.Errorf("got %v, want Internal", err)
	}
}

func TestWatchPicking(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, threeTeas(), prices())
	if _, err := client.ReserveItems(chain.As("alice"), reserve("1", 2)); err != nil {
		t.Fatal(err)
	}
	stream, err := client.WatchPicking(chain.As("alice"), &inventoryv1.WatchPickingRequest{OrderId: "1"})
	if err != nil {
		t.Fatal(err)
	}
	picked, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if got := picked.GetItem(); got.GetItem().GetQuantity() != 2 || got.GetUnitCents() != 100 || len(picked.GetHops()) != 2 {
		t.Errorf("picked %v", picked)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v, want EOF", err)
	}
}

func TestNobodyWatchesTheOrderOfSomebodyElse(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, threeTeas(), prices())
	if _, err := client.ReserveItems(chain.As("alice"), reserve("1", 2)); err != nil {
		t.Fatal(err)
	}
	stream, err := client.WatchPicking(chain.As("mallory"), &inventoryv1.WatchPickingRequest{OrderId: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	table, err := inventory.Role().PolicyTable()
	if err != nil {
		t.Fatal(err)
	}
	jwttest.Golden(t, "testdata/policy.golden", table)
}
