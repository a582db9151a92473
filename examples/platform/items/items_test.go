package items_test

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tea := func(quantity uint32) *platformv1.Item { return &platformv1.Item{Sku: "tea", Quantity: quantity} }
	for name, test := range map[string]struct {
		messages []*platformv1.Item
		want     codes.Code
	}{
		"one":                 {[]*platformv1.Item{tea(1)}, codes.OK},
		"as many as allowed":  {slices.Repeat([]*platformv1.Item{tea(items.MaxQuantity)}, items.MaxItems), codes.OK},
		"none":                {nil, codes.InvalidArgument},
		"too many":            {slices.Repeat([]*platformv1.Item{tea(1)}, items.MaxItems+1), codes.InvalidArgument},
		"no pieces":           {[]*platformv1.Item{tea(1), tea(0)}, codes.InvalidArgument},
		"too many pieces":     {[]*platformv1.Item{tea(items.MaxQuantity + 1)}, codes.InvalidArgument},
		"no product":          {[]*platformv1.Item{{Quantity: 1}}, codes.InvalidArgument},
		"an item that is nil": {[]*platformv1.Item{nil}, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, err := items.Parse(test.messages)
			if got := status.Code(err); got != test.want {
				t.Fatalf("Parse: %v, want %v", err, test.want)
			}
			if err == nil && len(parsed) != len(test.messages) {
				t.Errorf("Parse returned %d items of %d", len(parsed), len(test.messages))
			}
		})
	}
}

func TestParsePricedTakesOnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	asked := []items.Item{{SKU: "tea", Quantity: 2}}
	priced := func(sku string, quantity uint32, cents int64) *platformv1.PricedItem {
		return &platformv1.PricedItem{Item: &platformv1.Item{Sku: sku, Quantity: quantity}, UnitCents: cents}
	}
	for name, test := range map[string]struct {
		answer []*platformv1.PricedItem
		want   codes.Code
	}{
		"what was asked for": {[]*platformv1.PricedItem{priced("tea", 2, 100)}, codes.OK},
		"nothing":            {nil, codes.Internal},
		"more":               {[]*platformv1.PricedItem{priced("tea", 2, 100), priced("cup", 1, 1)}, codes.Internal},
		"another product":    {[]*platformv1.PricedItem{priced("cup", 2, 100)}, codes.Internal},
		"another quantity":   {[]*platformv1.PricedItem{priced("tea", 3, 100)}, codes.Internal},
		"a negative price":   {[]*platformv1.PricedItem{priced("tea", 2, -1)}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := items.ParsePriced(asked, test.answer); status.Code(err) != test.want {
				t.Errorf("ParsePriced: %v, want %v", err, test.want)
			}
		})
	}
}

func TestTotalCents(t *testing.T) {
	t.Parallel()
	list := []items.Priced{
		{Item: items.Item{SKU: "tea", Quantity: 2}, UnitCents: 12_50},
		{Item: items.Item{SKU: "cup", Quantity: 1}, UnitCents: 16_00},
	}
	if got := items.TotalCents(list); got != 41_00 {
		t.Errorf("TotalCents = %d, want 4100", got)
	}
	most := items.Priced{Item: items.Item{Quantity: items.MaxQuantity}, UnitCents: math.MaxInt64 / items.MaxItems / items.MaxQuantity}
	if got := items.TotalCents(slices.Repeat([]items.Priced{most}, items.MaxItems)); got < 0 {
		t.Errorf("TotalCents overflowed to %d", got)
	}
}
