package demo

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// playScopes: what users may do is in their tokens, what it takes is in the
// protos, and every service compares the two.
func playScopes(ctx context.Context, s *stage) error {
	policy, err := policyRows()
	if err != nil {
		return err
	}
	s.say("Beside each method, its proto says who may call it. The services read it as (interceptor.PolicyTable):")
	s.table(policy...)
	s.say("alice and bob are customers, with orders.read, orders.write and pricing.read; carol lacks the last.")
	s.say("dora is support: she has orders.admin, which includes nothing else.")
	d := &deeds{stage: s}
	if err := d.logIn(ctx); err != nil {
		return err
	}
	if err := d.play(ctx); err != nil {
		return err
	}
	s.ok("carol was let in by gateway, orders and inventory; pricing, asking for itself, said no")
	s.ok("her front end knows it all from interceptor.RefusalFrom(err): the reason, the hop, the scope")
	s.ok("nothing is left of her order: none is kept, and bob finds all 500 kettles on the shelf")
	s.ok("bob's order is cancelled, by dora's token at both hops, though she could not read it")
	return nil
}

// deeds are what users do in that scene.
type deeds struct {
	*stage
	bob, carol, dora, reader bearer // reader is bob, with a token that can only read
	order                    string // of bob
}

// deed is one of them, and how it must end.
type deed struct {
	what string
	do   func(context.Context) error
	want refusal
}

func (d *deeds) logIn(ctx context.Context) error {
	for _, login := range []struct {
		to          *bearer
		name, scope string
	}{
		{&d.bob, "bob", ""},
		{&d.carol, "carol", ""},
		{&d.dora, "dora", ""},
		{&d.reader, "bob", "orders.read"},
	} {
		var err error
		if *login.to, _, err = d.loginFor(ctx, login.name, login.scope); err != nil {
			return err
		}
	}
	return nil
}

func (d *deeds) list() []deed {
	lacks := func(scope, hop string) refusal {
		return refusal{hop: hop, code: codes.PermissionDenied, reason: string(interceptor.ReasonScopeInsufficient), scope: scope}
	}
	return []deed{
		{"carol orders all 500 kettles", d.carolOrders, lacks("pricing.read", pricing.Name)},
		{"carol lists her orders: none", d.carolLists, refusal{}},
		{"bob orders all 500 kettles", d.bobOrders, refusal{}},
		{"bob orders, logged in for reading only", place(d.chain, d.reader), lacks("orders.write", gateway.Name)},
		{"alice cancels bob's order", d.cancels(d.tokens["alice"]), lacks("orders.admin", gateway.Name)},
		{"carol cancels bob's order", d.cancels(d.carol), lacks("orders.admin", gateway.Name)},
		{"dora reads bob's order", d.doraReads, lacks("orders.read", gateway.Name)},
		{"dora cancels bob's order", d.doraCancels, refusal{}},
		{"bob reads it: cancelled", d.bobReads, refusal{}},
	}
}

// play plays all deeds, one after the other, and shows how each ended.
func (d *deeds) play(ctx context.Context) error {
	rows := [][]string{{"WHO DOES WHAT", "CODE", "REASON", "REFUSED BY", "HOP", "FOR WANT OF"}}
	var failed error
	for _, deed := range d.list() {
		got, err := outcome(deed.do(ctx))
		failed = errors.Join(failed, within(deed.what, errors.Join(err, expect("answer", got, deed.want))))
		row := []string{deed.what, got.code.String(), got.reason, got.hop, hopNumber(got.hop), got.scope}
		rows = append(rows, dashed(row))
	}
	d.table(rows...)
	return failed
}

// outcome is what a deed ended with: a refusal, none if it went well, or an
// error because its answer was not what it should be.
func outcome(err error) (refusal, error) {
	var m *mismatch
	if errors.As(err, &m) {
		return refusal{}, err
	}
	return refusalOf(err), nil
}

// dashed puts a dash where a row has nothing.
func dashed(row []string) []string {
	for i, text := range row {
		if text == "" {
			row[i] = "-"
		}
	}
	return row
}

// allKettles are all that the shop has.
func allKettles() *gatewayv1.PlaceOrderRequest {
	return &gatewayv1.PlaceOrderRequest{Items: []*platformv1.Item{{Sku: "kettle-iron", Quantity: 500}}}
}

func (d *deeds) carolOrders(ctx context.Context) error {
	_, err := d.chain.gateway().PlaceOrder(d.carol.attach(ctx), allKettles())
	return err
}

func (d *deeds) carolLists(ctx context.Context) error {
	listed, err := d.chain.gateway().ListOrders(d.carol.attach(ctx), new(gatewayv1.ListOrdersRequest))
	if err != nil {
		return err
	}
	return expect("number of orders", len(listed.GetOrders()), 0)
}

func (d *deeds) bobOrders(ctx context.Context) error {
	placed, err := d.chain.gateway().PlaceOrder(d.bob.attach(ctx), allKettles())
	if err != nil {
		return err
	}
	d.order = placed.GetOrder().GetId()
	return checkHops(placed.GetHops(), placing(), "bob", d.bob)
}

// cancels returns a call that cancels bob's order.
func (d *deeds) cancels(who bearer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := d.chain.gateway().CancelOrder(who.attach(ctx), &gatewayv1.CancelOrderRequest{OrderId: d.order})
		return err
	}
}

func (d *deeds) doraReads(ctx context.Context) error {
	_, err := d.chain.gateway().GetOrder(d.dora.attach(ctx), &gatewayv1.GetOrderRequest{OrderId: d.order})
	return err
}

func (d *deeds) doraCancels(ctx context.Context) error {
	answer, err := d.chain.gateway().CancelOrder(d.dora.attach(ctx), &gatewayv1.CancelOrderRequest{OrderId: d.order})
	if err != nil {
		return err
	}
	if err := expect("order that is cancelled", answer.GetUpdate().GetOrderId(), d.order); err != nil {
		return err
	}
	return checkHops(answer.GetHops(), cancelling(), "dora", d.dora)
}

func (d *deeds) bobReads(ctx context.Context) error {
	got, err := d.chain.gateway().GetOrder(d.bob.attach(ctx), &gatewayv1.GetOrderRequest{OrderId: d.order})
	if err != nil {
		return err
	}
	return expect("status", got.GetOrder().GetStatus(), ordersv1.OrderStatus_ORDER_STATUS_CANCELLED)
}
