package inventory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestStockReservesAllOrNothing(t *testing.T) {
	t.Parallel()
	stock := inventory.NewMemory(map[string]uint64{"tea": 2, "cup": 1})
	order := inventory.Order{Owner: token.Principal{Issuer: "i", Subject: "alice"}, ID: "1"}
	tea, cup := items.Item{SKU: "tea", Quantity: 1}, items.Item{SKU: "cup", Quantity: 1}
	for name, list := range map[string][]items.Item{
		"the second is short":         {tea, cup, cup},
		"short only in sum":           {tea, tea, tea},
		"a product that there is not": {tea, {SKU: "coffee", Quantity: 1}},
	} {
		if err := stock.Reserve(t.Context(), order, list); !errors.Is(err, inventory.ErrShort) {
			t.Errorf("%s: %v, want ErrShort", name, err)
		}
	}
	if err := stock.Reserve(t.Context(), order, []items.Item{tea, tea, cup}); err != nil {
		t.Errorf("all that is there: %v", err)
	}
}

func TestWhatIsMadeToOrderTakesAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stock := inventory.NewMemory(map[string]uint64{"tea": 1, "pot": 1}).MadeToOrder("pot", time.Hour)
		began := time.Now()
		if err := stock.Pick(t.Context(), "tea"); err != nil || time.Since(began) != 0 {
			t.Errorf("tea: %v after %v, want at once", err, time.Since(began))
		}
		if err := stock.Pick(t.Context(), "pot"); err != nil || time.Since(began) != time.Hour {
			t.Errorf("a pot: %v after %v, want an hour", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := stock.Pick(ctx, "pot"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a pot, for who waits a minute: %v", err)
		}
	})
}

func TestStockReleasesOnce(t *testing.T) {
	t.Parallel()
	stock := inventory.NewMemory(map[string]uint64{"tea": 1})
	order := inventory.Order{ID: "1"}
	list := []items.Item{{SKU: "tea", Quantity: 1}}
	for range 2 {
		if err := stock.Reserve(t.Context(), order, list); err != nil {
			t.Fatal(err)
		}
		if err := stock.Release(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	if err := stock.Release(t.Context(), order); !errors.Is(err, inventory.ErrNoReservation) {
		t.Errorf("a second release: %v, want ErrNoReservation", err)
	}
	if _, err := stock.Reserved(t.Context(), order); !errors.Is(err, inventory.ErrNoReservation) {
		t.Errorf("Reserved: %v, want ErrNoReservation", err)
	}
}
