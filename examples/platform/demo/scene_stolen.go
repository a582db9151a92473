package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// replay is alice's token, brought to a service with a role's certificate.
type replay struct {
	as, to  string
	allowed bool
}

// replays are those of a thief. The last two are what the services do all day:
// the token is as good as ever.
func replays() []replay {
	return []replay{
		{as: "orders", to: "pricing"},
		{as: "gateway", to: "pricing"},
		{as: "gateway", to: "inventory"},
		{as: "pricing", to: "orders"},
		{as: "inventory", to: "pricing", allowed: true},
		{as: "orders", to: "inventory", allowed: true},
	}
}

// noCertificate is the alert that a caller without a certificate gets (RFC 8446
// section 6.2).
const noCertificate = "tls: certificate required"

// playStolen: a token in the hands of a thief who calls services directly.
func playStolen(ctx context.Context, s *stage) error {
	s.say("Somebody has taken over a service, and has its certificate. alice's token came along, and is valid.")
	rows := [][]string{{"ALICE'S TOKEN, BROUGHT BY", "TO", "CODE", "REASON"}}
	var failed error
	for _, r := range replays() {
		got, err := s.replay(ctx, r)
		failed = errors.Join(failed, err)
		rows = append(rows, dashed([]string{r.as, r.to, got.code.String(), got.reason}))
	}
	alert := alertOf(knock(ctx, s.identity.AsUser(pricing.Name), s.chain.children[pricing.Name].addr))
	s.table(append(rows, []string{"who has no certificate", pricing.Name, "no connection", alert})...)
	if failed != nil {
		return failed
	}
	if err := expect("answer to who has no certificate", alert, noCertificate); err != nil {
		return err
	}
	s.ok("each service takes the token only from the one that may bring it: pricing from inventory, and so on")
	s.ok("what is left to the thief is what that service does all day, as alice, until her token ends")
	return nil
}

// replay brings alice's token to a service, and checks how that ends.
func (s *stage) replay(ctx context.Context, r replay) (refusal, error) {
	conn, err := s.connectAs(r.as, r.to)
	if err != nil {
		return refusal{}, err
	}
	var want refusal
	if !r.allowed {
		want = refusal{hop: r.to, code: codes.PermissionDenied, reason: string(interceptor.ReasonPeerNotAllowed)}
	}
	got := refusalOf(callDirectly(s.tokens["alice"].attach(ctx), conn, r.to))
	return got, expect("answer of "+r.to+" to "+r.as, got, want)
}

// callDirectly makes a call that the service's only caller makes.
func callDirectly(ctx context.Context, conn *grpc.ClientConn, service string) (err error) {
	tea := []*platformv1.Item{{Sku: "tea-sencha", Quantity: 1}}
	switch service {
	case orders.Name:
		_, err = ordersv1.NewOrdersServiceClient(conn).ListOrders(ctx, new(ordersv1.ListOrdersRequest))
	case inventory.Name:
		_, err = inventoryv1.NewInventoryServiceClient(conn).ReserveItems(ctx,
			&inventoryv1.ReserveItemsRequest{OrderId: "ord-stolen", Items: tea})
	case pricing.Name:
		_, err = pricingv1.NewPricingServiceClient(conn).QuoteItems(ctx, &pricingv1.QuoteItemsRequest{Items: tea})
	}
	return err
}

// knock connects, and returns what the server says to that. Who has no
// certificate learns of it when reading (TLS 1.3).
func knock(ctx context.Context, config *tls.Config, addr string) error {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return errors.Join(err, conn.Close())
}

// alertOf is the TLS alert that the other side ended a connection with.
func alertOf(err error) string {
	var remote *net.OpError
	switch {
	case err == nil:
		return "let in"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return remote.Err.Error()
	default:
		return err.Error()
	}
}
