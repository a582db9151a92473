package demo

import (
	"context"
	"strconv"
	"time"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
)

// playOrder: alice logs in and places an order.
func playOrder(ctx context.Context, s *stage) error {
	alice, lifetime, err := s.login(ctx, "alice")
	if err != nil {
		return err
	}
	s.tokens["alice"] = alice
	s.say("alice logs in and gets token %v, valid for %.0f minutes.", alice, lifetime.Minutes())

	began := time.Now()
	placed, err := s.chain.gateway().PlaceOrder(alice.attach(ctx), twoTeasAndACup())
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.say("She orders 2 tea-sencha and 1 cup-stoneware: %s, %s, %s after %s.",
		placed.GetOrder().GetId(), euros(placed.GetOrder().GetTotalCents()), statusName(placed.GetOrder().GetStatus()), human(took))
	again, err := s.chain.gateway().PlaceOrder(alice.attach(ctx), twoTeasAndACup())
	if err != nil {
		return err
	}
	s.say("She orders the same again. All services have seen the token, and need not check its signature.")
	s.table(hopRows(placed.GetHops(), again.GetHops())...)

	for _, order := range []*gatewayv1.PlaceOrderResponse{placed, again} {
		if err := checkHops(order.GetHops(), placing(), "alice", alice); err != nil {
			return err
		}
	}
	if err := expect("total of the order", euros(placed.GetOrder().GetTotalCents()), "41.00 EUR"); err != nil {
		return err
	}
	if err := expect("status of the order", placed.GetOrder().GetStatus(), ordersv1.OrderStatus_ORDER_STATUS_PLACED); err != nil {
		return err
	}
	s.ok("4 hops in this order, each verified alice, and each received the token that she sent")
	return nil
}

func twoTeasAndACup() *gatewayv1.PlaceOrderRequest {
	return &gatewayv1.PlaceOrderRequest{Items: []*platformv1.Item{
		{Sku: "tea-sencha", Quantity: 2},
		{Sku: "cup-stoneware", Quantity: 1},
	}}
}

// hopRows are the rows of the table of the hops of two calls that took the same way.
func hopRows(first, second []*platformv1.Hop) [][]string {
	rows := [][]string{{"HOP", "SERVICE", "METHOD", "SUBJECT", "TOKEN", "VERIFIED IN", "AGAIN IN"}}
	for i, hop := range first {
		again := "-"
		if i < len(second) {
			again = human(second[i].GetVerifyTime().AsDuration())
		}
		rows = append(rows, []string{
			strconv.Itoa(i + 1), hop.GetName(), shortMethod(hop.GetMethod()),
			hop.GetSubject(), hop.GetFingerprint(), human(hop.GetVerifyTime().AsDuration()), again,
		})
	}
	return rows
}
