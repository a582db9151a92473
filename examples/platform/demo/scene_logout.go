package demo

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	revokeLimit = 5 * time.Second      // far more than the services need to notice
	revokePoll  = 2 * time.Millisecond // between two calls that ask whether they have
)

// playLogout: a token ends before it expires, at every hop, and so does the stream
// that it opened.
func playLogout(ctx context.Context, s *stage) error {
	laptop, _, err := s.login(ctx, "bob")
	if err != nil {
		return err
	}
	phone, _, err := s.login(ctx, "bob")
	if err != nil {
		return err
	}
	s.say("bob logs in on his laptop, token %v, and on his phone, %v. On the laptop he orders a pot", laptop, phone)
	s.say("that is yet to be made, and watches the order: gateway, orders and inventory hold the stream open.")
	stream, err := s.watchPot(ctx, laptop)
	if err != nil {
		return err
	}
	ended := make(chan streamEnd, 1)
	go func() {
		_, err := stream.Recv()
		ended <- streamEnd{refusalOf(err), time.Now()}
	}()
	began, err := s.ask(ctx, laptop, auth.LogoutPath, nil, http.StatusNoContent)
	if err != nil {
		return err
	}
	rows, err := s.refusals(ctx, laptop, began)
	if err != nil {
		return err
	}
	s.table(rows...)
	if err := s.checkEnd(ctx, ended, began); err != nil {
		return err
	}
	s.ended = laptop
	s.ok("each service refuses the token by itself, and asked nobody: auth writes a file that they watch")
	if err := s.playStillIn(ctx, phone); err != nil {
		return err
	}
	return s.playRevokeUser(ctx)
}

// watchPot orders a cup and a pot that is made to order, and watches until only
// the pot is missing.
func (s *stage) watchPot(ctx context.Context, who bearer) (grpc.ServerStreamingClient[gatewayv1.WatchOrderResponse], error) {
	placed, err := s.chain.gateway().PlaceOrder(who.attach(ctx), &gatewayv1.PlaceOrderRequest{
		Items: []*platformv1.Item{{Sku: "cup-stoneware", Quantity: 1}, {Sku: "pot-raku", Quantity: 1}},
	})
	if err != nil {
		return nil, err
	}
	stream, err := s.chain.gateway().WatchOrder(who.attach(ctx), &gatewayv1.WatchOrderRequest{OrderId: placed.GetOrder().GetId()})
	if err != nil {
		return nil, err
	}
	cup, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	return stream, checkHops(cup.GetHops(), watching(), "bob", who)
}

// streamEnd is how and when a stream ended.
type streamEnd struct {
	refusal refusal
	at      time.Time
}

// checkEnd checks that the stream ended because its token did. Which of its hops
// noticed first is chance.
func (s *stage) checkEnd(ctx context.Context, ended <-chan streamEnd, began time.Time) error {
	var end streamEnd
	select {
	case end = <-ended:
	case <-time.After(revokeLimit):
		return expect("end of bob's stream", "none", string(token.ReasonRevoked))
	case <-ctx.Done():
		return ctx.Err()
	}
	want := revokedBy(end.refusal.hop)
	if err := expect("end of bob's stream", end.refusal, want); err != nil {
		return err
	}
	holders := services()[:3]
	if err := expect("hop that ended bob's stream is one of its hops", slices.Contains(holders, end.refusal.hop), true); err != nil {
		return err
	}
	s.ok("the stream ended %s after he logged out: %v", human(end.at.Sub(began)), end.refusal)
	return nil
}

// revokedBy is the refusal of a token that ended early.
func revokedBy(hop string) refusal {
	return refusal{hop: hop, code: codes.Unauthenticated, reason: string(token.ReasonRevoked)}
}

// refusals calls each service directly until it refuses the token as revoked, and
// returns the rows of a table that says how long after began that was.
func (s *stage) refusals(ctx context.Context, sent bearer, began time.Time) ([][]string, error) {
	names := services()
	took := make([]time.Duration, len(names))
	err := atOnce(len(names), func(i int) (err error) {
		took[i], err = s.refusedAfter(ctx, names[i], sent, began)
		return err
	})
	rows := [][]string{{"HOP", "SERVICE", "CODE", "REASON", "REFUSES THE TOKEN AFTER"}}
	for i, name := range names {
		want := revokedBy(name)
		rows = append(rows, []string{strconv.Itoa(i + 1), name, want.code.String(), want.reason, human(took[i])})
	}
	return rows, err
}

// refusedAfter calls a service, as the one that may, until it refuses the token as
// revoked.
func (s *stage) refusedAfter(ctx context.Context, name string, sent bearer, began time.Time) (time.Duration, error) {
	conn, err := s.connectAs(callerOf(name), name)
	if err != nil {
		return 0, err
	}
	ticker := time.NewTicker(revokePoll)
	defer ticker.Stop()
	for {
		got := refusalOf(look(sent.attach(ctx), conn, name))
		took := time.Since(began)
		if want := revokedBy(name); got == want || took > revokeLimit {
			return took, expect("answer of "+name+" to a token that was revoked", got, want)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return took, ctx.Err()
		}
	}
}

// checkStillRefused checks that each service refuses a token that was revoked long
// ago, when first asked.
func (s *stage) checkStillRefused(ctx context.Context, sent bearer) error {
	for _, name := range services() {
		conn, err := s.connectAs(callerOf(name), name)
		if err != nil {
			return err
		}
		got := refusalOf(look(sent.attach(ctx), conn, name))
		if err := expect("answer of "+name+" to a token that was revoked before", got, revokedBy(name)); err != nil {
			return err
		}
	}
	return nil
}

// callerOf is whose certificate opens a service: that of the one before it. The
// gateway asks for none.
func callerOf(name string) string {
	return services()[max(slices.Index(services(), name)-1, 0)]
}

// look makes a call to a service that changes nothing.
func look(ctx context.Context, conn *grpc.ClientConn, service string) (err error) {
	switch service {
	case gateway.Name:
		_, err = gatewayv1.NewGatewayServiceClient(conn).ListOrders(ctx, new(gatewayv1.ListOrdersRequest))
	case orders.Name:
		_, err = ordersv1.NewOrdersServiceClient(conn).ListOrders(ctx, new(ordersv1.ListOrdersRequest))
	case inventory.Name:
		var stream grpc.ServerStreamingClient[inventoryv1.WatchPickingResponse]
		stream, err = inventoryv1.NewInventoryServiceClient(conn).WatchPicking(ctx, &inventoryv1.WatchPickingRequest{OrderId: "ord-any"})
		if err == nil {
			_, err = stream.Recv()
		}
	case pricing.Name:
		_, err = pricingv1.NewPricingServiceClient(conn).QuoteItems(ctx, &pricingv1.QuoteItemsRequest{
			Items: []*platformv1.Item{{Sku: "tea-sencha", Quantity: 1}},
		})
	}
	return err
}

// playStillIn: bob's other session goes on, and he can log in again at once.
func (s *stage) playStillIn(ctx context.Context, phone bearer) error {
	again, _, err := s.login(ctx, "bob")
	if err != nil {
		return err
	}
	for what, sent := range map[string]bearer{"the phone": phone, "the new login": again} {
		placed, err := s.chain.gateway().PlaceOrder(sent.attach(ctx), twoTeasAndACup())
		if err != nil {
			return within(what, err)
		}
		if err := checkHops(placed.GetHops(), placing(), "bob", sent); err != nil {
			return within(what, err)
		}
	}
	s.ok("his phone stays logged in, and on the laptop he logs in again at once: both order, at 4 hops")
	return nil
}

// playRevokeUser: an administrator logs out somebody else.
func (s *stage) playRevokeUser(ctx context.Context) error {
	var tokens [3]bearer
	for i, name := range []string{"carol", "dora", "erin"} {
		var err error
		if tokens[i], _, err = s.login(ctx, name); err != nil {
			return err
		}
	}
	carol, dora, erin := tokens[0], tokens[1], tokens[2]
	ofCarol := auth.RevokeUser{Username: "carol"}
	if _, err := s.ask(ctx, dora, auth.RevokeUserPath, ofCarol, http.StatusForbidden); err != nil {
		return err
	}
	_, err := s.chain.gateway().ListOrders(carol.attach(ctx), new(gatewayv1.ListOrdersRequest))
	if err := within("carol, whom dora may not log out", err); err != nil {
		return err
	}
	began, err := s.ask(ctx, erin, auth.RevokeUserPath, ofCarol, http.StatusNoContent)
	if err != nil {
		return err
	}
	if _, err := s.refusals(ctx, carol, began); err != nil {
		return err
	}
	s.ok("dora may not log carol out (403); erin, who has %s, does: all 4 services refuse carol's token after %s",
		auth.ScopeUsersAdmin, human(time.Since(began)))
	return nil
}
