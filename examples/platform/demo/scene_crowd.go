package demo

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
)

// playCrowd: many users call at once, and nobody's token gets onto the call of
// another.
func playCrowd(ctx context.Context, s *stage) error {
	names := crowd()
	tokens := make([]bearer, len(names))
	if err := atOnce(len(names), func(i int) (err error) {
		tokens[i], _, err = s.login(ctx, names[i])
		return err
	}); err != nil {
		return err
	}
	s.say("%d users log in, then all order at once over one connection, and watch their orders.", len(names))

	placed := make([]*gatewayv1.PlaceOrderResponse, len(names))
	began := time.Now()
	if err := atOnce(len(names), func(i int) (err error) {
		placed[i], err = placeAndWatch(ctx, s.chain, names[i], tokens[i], i)
		return err
	}); err != nil {
		return err
	}
	took := time.Since(began)

	// What a mixed-up token would lead to: somebody else's orders.
	if err := atOnce(len(names), func(i int) error {
		neighbour := placed[(i+1)%len(names)].GetOrder().GetId()
		return checkOwnOrders(ctx, s.chain, tokens[i], placed[i].GetOrder().GetId(), neighbour)
	}); err != nil {
		return err
	}
	if err := expect("different tokens", countDistinct(tokens), len(names)); err != nil {
		return err
	}
	s.ok("%d calls and %d streams in %s: at each of the 4 hops of each, its own user and its own token",
		len(names), len(names), human(took))
	s.ok("each user has one order, and gets NotFound for the order of the next")
	return nil
}

// placeAndWatch places an order that differs from that of other users, watches
// it, and checks every hop.
func placeAndWatch(ctx context.Context, c *chain, name string, sent bearer, i int) (*gatewayv1.PlaceOrderResponse, error) {
	placed, err := c.gateway().PlaceOrder(sent.attach(ctx), &gatewayv1.PlaceOrderRequest{
		Items: []*platformv1.Item{{Sku: "tea-assam", Quantity: uint32(i + 1)}}, //nolint:gosec // small
	})
	if err != nil {
		return nil, within(name, err)
	}
	if err := checkHops(placed.GetHops(), placing(), name, sent); err != nil {
		return nil, within(name, err)
	}
	answers, err := watch(ctx, c, sent, placed.GetOrder().GetId())
	if err != nil {
		return nil, within(name, err)
	}
	if err := checkSteps(answers, placed.GetOrder(), name, sent); err != nil {
		return nil, within(name, err)
	}
	return placed, expect("quantity in the order of "+name,
		placed.GetOrder().GetItems()[0].GetItem().GetQuantity(), uint32(i+1)) //nolint:gosec // small
}

// checkOwnOrders checks that the user sees the own order, and nobody else's.
func checkOwnOrders(ctx context.Context, c *chain, sent bearer, own, neighbour string) error {
	listed, err := c.gateway().ListOrders(sent.attach(ctx), new(gatewayv1.ListOrdersRequest))
	if err != nil {
		return err
	}
	if err := expect("number of own orders", len(listed.GetOrders()), 1); err != nil {
		return err
	}
	if err := expect("own order", listed.GetOrders()[0].GetId(), own); err != nil {
		return err
	}
	_, err = c.gateway().GetOrder(sent.attach(ctx), &gatewayv1.GetOrderRequest{OrderId: neighbour})
	return expect("code for the order of somebody else", status.Code(err), codes.NotFound)
}

// atOnce calls do for 0 to n-1, all of them released at the same moment.
func atOnce(n int, do func(i int) error) error {
	released := make(chan struct{})
	results := make(chan error, n)
	for i := range n {
		go func() {
			<-released
			results <- do(i)
		}()
	}
	close(released)
	var failed error
	for range n {
		failed = errors.Join(failed, <-results)
	}
	return failed
}

func countDistinct(tokens []bearer) int {
	seen := make(map[bearer]bool)
	for _, t := range tokens {
		seen[t] = true
	}
	return len(seen)
}
