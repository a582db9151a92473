package pricing

import (
	"context"
	"errors"
)

// ErrUnknownProduct says that no such product is sold.
var ErrUnknownProduct = errors.New("pricing: unknown product")

// Prices knows what products cost: the service's database.
type Prices interface {
	// UnitCents returns the price of one piece, or ErrUnknownProduct.
	UnitCents(ctx context.Context, sku string) (int64, error)
}

// Memory are prices in memory, in euro cents, by SKU. It must not be modified
// once it is in use.
type Memory map[string]int64

// UnitCents implements [Prices].
func (m Memory) UnitCents(_ context.Context, sku string) (int64, error) {
	cents, ok := m[sku]
	if !ok {
		return 0, ErrUnknownProduct
	}
	return cents, nil
}

// TeaShop are the prices of a small tea shop.
func TeaShop() Memory {
	return Memory{
		"tea-sencha":    12_50,
		"tea-assam":     8_90,
		"cup-stoneware": 16_00,
		"kettle-iron":   79_00,
		"pot-raku":      140_00,
	}
}
