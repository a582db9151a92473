package orders_test

import (
	"errors"
	"testing"

	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	placed    = ordersv1.OrderStatus_ORDER_STATUS_PLACED
	picking   = ordersv1.OrderStatus_ORDER_STATUS_PICKING
	shipped   = ordersv1.OrderStatus_ORDER_STATUS_SHIPPED
	cancelled = ordersv1.OrderStatus_ORDER_STATUS_CANCELLED
)

func TestCancelIsForOrdersThatAreNotOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before ordersv1.OrderStatus
		want   error
		after  ordersv1.OrderStatus
	}{
		"placed":    {placed, nil, cancelled},
		"picking":   {picking, nil, cancelled},
		"shipped":   {shipped, orders.ErrShipped, shipped},
		"cancelled": {cancelled, orders.ErrCancelled, cancelled},
	} {
		store, bob := new(orders.Memory), token.Principal{Issuer: "i", Subject: "bob"}
		if err := store.Add(t.Context(), bob, orders.Order{ID: "1", Status: test.before}); err != nil {
			t.Fatal(err)
		}
		if err := store.Cancel(t.Context(), "1"); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if after, err := store.Order(t.Context(), bob, "1"); err != nil || after.Status != test.after {
			t.Errorf("%s: afterwards it is %v, %v, want %v", name, after.Status, err, test.after)
		}
	}
}

func TestCancelFindsTheOrderOfAnyUserAndNoOther(t *testing.T) {
	t.Parallel()
	store := new(orders.Memory)
	alice, bob := token.Principal{Issuer: "i", Subject: "alice"}, token.Principal{Issuer: "i", Subject: "bob"}
	for id, owner := range map[string]token.Principal{"1": alice, "2": bob, "3": bob} {
		if err := store.Add(t.Context(), owner, orders.Order{ID: id, Status: placed}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"", "4"} {
		if err := store.Cancel(t.Context(), id); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%q: %v, want ErrNotFound", id, err)
		}
	}
	if err := store.Cancel(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	for id, owner := range map[string]token.Principal{"1": alice, "3": bob} {
		if order, err := store.Order(t.Context(), owner, id); err != nil || order.Status != placed {
			t.Errorf("order %s is %v, %v, want placed", id, order.Status, err)
		}
	}
}

func TestACancelledOrderDoesNotAdvance(t *testing.T) {
	t.Parallel()
	store, bob := new(orders.Memory), token.Principal{Subject: "bob"}
	if err := store.Add(t.Context(), bob, orders.Order{ID: "1", Status: cancelled}); err != nil {
		t.Fatal(err)
	}
	for _, status := range []ordersv1.OrderStatus{picking, shipped} {
		if err := store.Advance(t.Context(), bob, "1", status); !errors.Is(err, orders.ErrCancelled) {
			t.Errorf("to %v: %v, want ErrCancelled", status, err)
		}
	}
}
