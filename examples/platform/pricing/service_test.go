package pricing_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

func serve(chain *platformtest.Chain, prices pricing.Prices) pricingv1.PricingServiceClient {
	return pricingv1.NewPricingServiceClient(chain.Serve(pricing.Name, "inventory", func(r grpc.ServiceRegistrar) {
		pricingv1.RegisterPricingServiceServer(r, pricing.New(prices))
	}))
}

func request(skus ...string) *pricingv1.QuoteItemsRequest {
	r := new(pricingv1.QuoteItemsRequest)
	for _, sku := range skus {
		r.Items = append(r.Items, &platformv1.Item{Sku: sku, Quantity: 1})
	}
	return r
}

func TestQuoteItems(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	client := serve(chain, pricing.TeaShop())
	for name, test := range map[string]struct {
		request *pricingv1.QuoteItemsRequest
		want    codes.Code
	}{
		"products that are sold":   {request("tea-sencha", "kettle-iron"), codes.OK},
		"one that is not":          {request("tea-sencha", "coffee"), codes.NotFound},
		"an empty list of them":    {request(), codes.InvalidArgument},
		"one that has no name":     {request(""), codes.InvalidArgument},
		"the same product, thrice": {request("tea-assam", "tea-assam", "tea-assam"), codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quote, err := client.QuoteItems(chain.As("alice"), test.request)
			if status.Code(err) != test.want {
				t.Fatalf("QuoteItems: %v, want %v", err, test.want)
			}
			if got, want := len(quote.GetItems()), len(test.request.GetItems()); err == nil && got != want {
				t.Errorf("%d prices for %d items", got, want)
			}
		})
	}
}

func TestQuoteItemsAnswersInOrderAndAsWhom(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	quote, err := serve(chain, pricing.Memory{"a": 1, "b": 2}).QuoteItems(chain.As("alice"), request("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if b, a := quote.GetItems()[0], quote.GetItems()[1]; b.GetUnitCents() != 2 || a.GetUnitCents() != 1 {
		t.Errorf("prices are %v, want those of b and a", quote.GetItems())
	}
	if hops := quote.GetHops(); len(hops) != 1 || hops[0].GetName() != "pricing" || hops[0].GetSubject() != "alice" {
		t.Errorf("hops are %v, want pricing with alice", hops)
	}
}

func TestWatchQuotes(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	stream, err := serve(chain, pricing.Memory{"a": 1, "b": 2}).WatchQuotes(chain.As("alice"),
		&pricingv1.WatchQuotesRequest{Items: request("b", "a", "no such").GetItems()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{2, 1} {
		quote, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got := quote.GetItem().GetUnitCents(); got != want {
			t.Errorf("price is %d, want %d", got, want)
		}
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound || errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v, want NotFound", err)
	}
}

type brokenPrices struct{}

func (brokenPrices) UnitCents(context.Context, string) (int64, error) {
	return 0, errors.New("database at 10.0.0.7 is gone")
}

func TestABrokenStoreIsNotShown(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	_, err := serve(chain, brokenPrices{}).QuoteItems(chain.As("alice"), request("a"))
	if s := status.Convert(err); s.Code() != codes.Unavailable || s.Message() != "prices are not available" {
		t.Errorf("got %v", err)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	table, err := pricing.Role().PolicyTable()
	if err != nil {
		t.Fatal(err)
	}
	jwttest.Golden(t, "testdata/policy.golden", table)
}
