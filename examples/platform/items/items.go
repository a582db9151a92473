// Package items answers one question: is this a list of products that one can
// order? Every service asks it at its door; none relies on the one before.
package items

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
)

// The limits of one order. Within them no total overflows.
const (
	MaxItems    = 100
	MaxQuantity = 10_000
)

// Item is a number of pieces of one product.
type Item struct {
	SKU      string
	Quantity uint32
}

// Priced is an item with the price of one piece.
type Priced struct {
	Item
	UnitCents int64
}

// TotalCents returns the price of all items together.
func TotalCents(priced []Priced) int64 {
	var total int64
	for _, p := range priced {
		total += p.UnitCents * int64(p.Quantity)
	}
	return total
}

// Parse reads the items of a request. The error is an InvalidArgument status.
func Parse(messages []*platformv1.Item) ([]Item, error) {
	if n := len(messages); n == 0 || n > MaxItems {
		return nil, status.Errorf(codes.InvalidArgument, "items: %d of them, not 1 to %d", n, MaxItems)
	}
	parsed := make([]Item, len(messages))
	for i, m := range messages {
		if m.GetSku() == "" {
			return nil, status.Errorf(codes.InvalidArgument, "items[%d].sku: empty", i)
		}
		if q := m.GetQuantity(); q == 0 || q > MaxQuantity {
			return nil, status.Errorf(codes.InvalidArgument, "items[%d].quantity: %d, not 1 to %d", i, q, MaxQuantity)
		}
		parsed[i] = Item{SKU: m.GetSku(), Quantity: m.GetQuantity()}
	}
	return parsed, nil
}

// ParsePriced reads what another service answered about the items that were
// asked for: the same ones, in the same order, priced. The error is an Internal
// status, because it is not the caller's fault.
func ParsePriced(asked []Item, messages []*platformv1.PricedItem) ([]Priced, error) {
	if len(messages) != len(asked) {
		return nil, status.Errorf(codes.Internal, "%d items were asked for, and %d answered", len(asked), len(messages))
	}
	parsed := make([]Priced, len(messages))
	for i, m := range messages {
		parsed[i] = Priced{
			Item:      Item{SKU: m.GetItem().GetSku(), Quantity: m.GetItem().GetQuantity()},
			UnitCents: m.GetUnitCents(),
		}
		if parsed[i].Item != asked[i] || parsed[i].UnitCents < 0 {
			return nil, status.Errorf(codes.Internal, "item %d of the answer is not the one that was asked for", i)
		}
	}
	return parsed, nil
}

// Proto is the message for an item.
func (i Item) Proto() *platformv1.Item {
	return &platformv1.Item{Sku: i.SKU, Quantity: i.Quantity}
}

// Proto is the message for a priced item.
func (p Priced) Proto() *platformv1.PricedItem {
	return &platformv1.PricedItem{Item: p.Item.Proto(), UnitCents: p.UnitCents}
}

// Protos are the messages for items.
func Protos(list []Item) []*platformv1.Item {
	messages := make([]*platformv1.Item, len(list))
	for i, item := range list {
		messages[i] = item.Proto()
	}
	return messages
}

// PricedProtos are the messages for priced items.
func PricedProtos(list []Priced) []*platformv1.PricedItem {
	messages := make([]*platformv1.PricedItem, len(list))
	for i, p := range list {
		messages[i] = p.Proto()
	}
	return messages
}
