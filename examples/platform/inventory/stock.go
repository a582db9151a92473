package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/token"
)

// The answers of a [Stock] that are not items.
var (
	ErrShort         = errors.New("inventory: not enough in stock")
	ErrReserved      = errors.New("inventory: items are reserved for this order already")
	ErrNoReservation = errors.New("inventory: nothing is reserved for this order")
)

// Order is the order that items are reserved for. Two users' orders differ even
// if they have the same id.
type Order struct {
	Owner token.Principal
	ID    string
}

// Stock knows what is there and what is reserved: the service's database.
type Stock interface {
	// Reserve takes all items out of the stock, or none: ErrShort, ErrReserved.
	Reserve(ctx context.Context, order Order, list []items.Item) error

	// Release puts the items of an order back, or fails with ErrNoReservation.
	Release(ctx context.Context, order Order) error

	// Pick waits until pieces of a product can be taken from the shelf, or ctx ends:
	// then it returns the context's error.
	Pick(ctx context.Context, sku string) error

	// Reserved returns the items of an order, or ErrNoReservation.
	Reserved(ctx context.Context, order Order) ([]items.Item, error)
}

// Memory is a stock in memory.
type Memory struct {
	mu       sync.Mutex
	pieces   map[string]uint64 // by SKU
	reserved map[Order][]items.Item
	making   map[string]time.Duration // how long it takes to make what is made to order
}

// NewMemory returns a stock of so many pieces of each product.
func NewMemory(pieces map[string]uint64) *Memory {
	m := &Memory{pieces: make(map[string]uint64), reserved: make(map[Order][]items.Item)}
	for sku, n := range pieces {
		m.pieces[sku] = n
	}
	return m
}

// MadeToOrder returns the stock, in which it takes a while to make a product. It is
// for before the stock is used.
func (m *Memory) MadeToOrder(sku string, takes time.Duration) *Memory {
	m.making = map[string]time.Duration{sku: takes}
	return m
}

// TeaShop is the stock of a small tea shop with a large cellar, and a potter.
func TeaShop() *Memory {
	return NewMemory(map[string]uint64{
		"pot-raku":      10_000,
		"tea-sencha":    10_000,
		"tea-assam":     10_000,
		"cup-stoneware": 10_000,
		"kettle-iron":   500,
	}).MadeToOrder("pot-raku", time.Hour)
}

// Reserve implements [Stock].
func (m *Memory) Reserve(_ context.Context, order Order, list []items.Item) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.reserved[order]; ok {
		return ErrReserved
	}
	wanted := make(map[string]uint64) // a product may be listed twice
	for _, item := range list {
		wanted[item.SKU] += uint64(item.Quantity)
	}
	for sku, n := range wanted {
		if m.pieces[sku] < n {
			return fmt.Errorf("%w: %s", ErrShort, sku)
		}
	}
	for sku, n := range wanted {
		m.pieces[sku] -= n
	}
	m.reserved[order] = slices.Clone(list)
	return nil
}

// Release implements [Stock].
func (m *Memory) Release(_ context.Context, order Order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, ok := m.reserved[order]
	if !ok {
		return ErrNoReservation
	}
	for _, item := range list {
		m.pieces[item.SKU] += uint64(item.Quantity)
	}
	delete(m.reserved, order)
	return nil
}

// Pick implements [Stock].
func (m *Memory) Pick(ctx context.Context, sku string) error {
	timer := time.NewTimer(m.making[sku])
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reserved implements [Stock].
func (m *Memory) Reserved(_ context.Context, order Order) ([]items.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, ok := m.reserved[order]
	if !ok {
		return nil, ErrNoReservation
	}
	return slices.Clone(list), nil
}
