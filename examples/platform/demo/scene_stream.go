package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
)

// playStream: alice watches an order until it is shipped.
func playStream(ctx context.Context, s *stage) error {
	alice := s.tokens["alice"]
	placed, err := s.chain.gateway().PlaceOrder(alice.attach(ctx), twoTeasAndACup())
	if err != nil {
		return err
	}
	id := placed.GetOrder().GetId()
	s.say("alice places another order, %s, and watches it until it is shipped.", id)
	answers, err := watch(ctx, s.chain, alice, id)
	if err != nil {
		return err
	}
	s.table(stepRows(answers)...)

	if err := checkSteps(answers, placed.GetOrder(), "alice", alice); err != nil {
		return err
	}
	after, err := s.chain.gateway().GetOrder(alice.attach(ctx), &gatewayv1.GetOrderRequest{OrderId: id})
	if err != nil {
		return err
	}
	if err := expect("status of the order afterwards", after.GetOrder().GetStatus(), ordersv1.OrderStatus_ORDER_STATUS_SHIPPED); err != nil {
		return err
	}
	s.ok("%d messages, each through the same 4 hops, with the same token", len(answers))
	return nil
}

// watch watches an order until the stream ends.
func watch(ctx context.Context, c *chain, who bearer, id string) ([]*gatewayv1.WatchOrderResponse, error) {
	stream, err := c.gateway().WatchOrder(who.attach(ctx), &gatewayv1.WatchOrderRequest{OrderId: id})
	if err != nil {
		return nil, err
	}
	var answers []*gatewayv1.WatchOrderResponse
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
}

// checkSteps checks that each item of the order was picked, and then the order
// shipped, and that every message came through every service.
func checkSteps(answers []*gatewayv1.WatchOrderResponse, order *ordersv1.Order, subject string, sent bearer) error {
	if err := expect("number of messages", len(answers), len(order.GetItems())+1); err != nil {
		return err
	}
	for i, answer := range answers {
		want := ordersv1.OrderUpdate{OrderId: order.GetId(), Status: ordersv1.OrderStatus_ORDER_STATUS_SHIPPED}
		if i < len(order.GetItems()) {
			want.Status, want.Item = ordersv1.OrderStatus_ORDER_STATUS_PICKING, order.GetItems()[i]
		}
		if err := expect(fmt.Sprintf("message %d", i+1), step(answer.GetUpdate()), step(&want)); err != nil {
			return err
		}
		if err := checkHops(answer.GetHops(), watching(), subject, sent); err != nil {
			return within(fmt.Sprintf("message %d", i+1), err)
		}
	}
	return nil
}

// step is an update in words.
func step(u *ordersv1.OrderUpdate) string {
	return fmt.Sprintf("%s of %s: %s", statusName(u.GetStatus()), u.GetOrderId(), itemName(u.GetItem()))
}

// stepRows are the rows of the table of messages.
func stepRows(answers []*gatewayv1.WatchOrderResponse) [][]string {
	rows := [][]string{{"MESSAGE", "STATUS", "ITEM", "CAME THROUGH", "TOKEN"}}
	for i, answer := range answers {
		rows = append(rows, []string{
			strconv.Itoa(i + 1), statusName(answer.GetUpdate().GetStatus()), itemName(answer.GetUpdate().GetItem()),
			names(answer.GetHops()), fingerprints(answer.GetHops()),
		})
	}
	return rows
}

// names are the services of the hops.
func names(hops []*platformv1.Hop) string {
	all := make([]string, len(hops))
	for i, hop := range hops {
		all[i] = hop.GetName()
	}
	return strings.Join(all, ", ")
}

// fingerprints are the fingerprints at the hops, each once.
func fingerprints(hops []*platformv1.Hop) string {
	var all []string
	for i, hop := range hops {
		if i == 0 || hop.GetFingerprint() != hops[i-1].GetFingerprint() {
			all = append(all, hop.GetFingerprint())
		}
	}
	return strings.Join(all, ", ")
}

// itemName is a priced item in words.
func itemName(item *platformv1.PricedItem) string {
	if item == nil {
		return "-"
	}
	return fmt.Sprintf("%d %s at %s", item.GetItem().GetQuantity(), item.GetItem().GetSku(), euros(item.GetUnitCents()))
}

// statusName is a status in words.
func statusName(s ordersv1.OrderStatus) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "ORDER_STATUS_"))
}
