package demo

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/token"
)

// attempt is something to send that must be refused, in each of these calls.
type attempt struct {
	what  string
	calls []func(context.Context) error
	want  refusal
}

// playRefusals: calls that must not get through.
func playRefusals(ctx context.Context, s *stage) error {
	s.say("Another four services are started, whose pricing was given the keys of another issuer.")
	broken, err := s.startBroken(ctx)
	if err != nil {
		return err
	}
	attempts, err := s.attempts(broken)
	if err != nil {
		return err
	}
	rows := [][]string{{"WHAT IS SENT", "REFUSED BY", "HOP", "CODE", "REASON"}}
	var failed error
	for _, a := range attempts {
		for _, call := range a.calls {
			got := refusalOf(call(ctx))
			failed = errors.Join(failed, expect(a.what, got, a.want))
			row := []string{a.what, got.hop, hopNumber(got.hop), got.code.String(), got.reason}
			if !slices.Equal(rows[len(rows)-1], row) {
				rows = append(rows, row)
			}
		}
	}
	s.table(rows...)
	if failed != nil {
		return failed
	}
	// The same token is good in a call that ends before pricing, and of the one
	// that was refused there nothing is left.
	alice := s.tokens["alice"]
	listed, err := broken.gateway().ListOrders(alice.attach(ctx), new(gatewayv1.ListOrdersRequest))
	if err != nil {
		return err
	}
	if err := checkHops(listed.GetHops(), listing(), "alice", alice); err != nil {
		return err
	}
	if err := expect("orders that were kept of a call that was refused", len(listed.GetOrders()), 0); err != nil {
		return err
	}
	s.ok("each was refused where it should be, for this reason; the first four as a call and as a stream")
	s.ok("the last one got through gateway, orders and inventory, and left no order behind")
	return nil
}

// startBroken starts services of which the last has the wrong keys: those of a
// second auth role, which signs with a key of its own.
func (s *stage) startBroken(ctx context.Context) (*chain, error) {
	key, err := auth.NewSigningKey()
	if err != nil {
		return nil, err
	}
	other, err := s.startAuth(ctx, "auth-of-others", key)
	if err != nil {
		return nil, err
	}
	return s.startChain(ctx, " of the second chain", map[string]string{
		pricing.Name: "https://" + other.addr + auth.JWKSPath,
	})
}

// attempts are the calls that must be refused, broken being the services whose
// pricing has the wrong keys.
func (s *stage) attempts(broken *chain) ([]attempt, error) {
	spoilt, err := s.spoil()
	if err != nil {
		return nil, err
	}
	atGateway := func(reason token.Reason) refusal {
		return refusal{hop: gateway.Name, code: codes.Unauthenticated, reason: string(reason)}
	}
	atPricing := func(reason token.Reason) refusal {
		return refusal{hop: pricing.Name, code: codes.Unauthenticated, reason: string(reason)}
	}
	// To the user, the wrong keys of a service behind the gateway are a fault of
	// the platform.
	behindGateway := func(reason token.Reason) refusal {
		return refusal{hop: pricing.Name, code: codes.Internal, reason: string(reason)}
	}
	return []attempt{
		{"no token", s.bothKinds(""), atGateway(token.ReasonMissing)},
		{"a forged token", s.bothKinds(spoilt.forged), atGateway(token.ReasonSignatureInvalid)},
		{"an expired token", s.bothKinds(spoilt.expired), atGateway(token.ReasonExpired)},
		{"a token for another audience", s.bothKinds(spoilt.elsewhere), atGateway(token.ReasonAudienceMismatch)},
		{"no token, past the gateway", one(quote(s.chain, "")), atPricing(token.ReasonMissing)},
		{"alice's token, to a pricing with the wrong keys", one(quote(broken, s.tokens["alice"])), atPricing(token.ReasonKeyUnknown)},
		{"the same by way of a gateway", one(place(broken, s.tokens["alice"])), behindGateway(token.ReasonKeyUnknown)},
	}, nil
}

// spoilt are tokens that say they are alice's and must not be believed.
type spoilt struct {
	forged    bearer // signed with a key that isn't published, under the id of one that is
	expired   bearer // an hour ago
	elsewhere bearer // meant for another audience
}

// spoil signs them. The demo made auth's key, so it can sign as auth does.
func (s *stage) spoil() (t spoilt, err error) {
	forger, err := auth.NewSigningKey()
	if err != nil {
		return t, err
	}
	now := time.Now()
	sign := func(key *auth.SigningKey, audience string, expires time.Time) bearer {
		raw, signErr := key.Sign(auth.NewClaims(s.issuer(), audience, "alice", customer(), expires.Add(-time.Hour), expires))
		if signErr != nil {
			err = signErr
		}
		return bearer(raw)
	}
	t.forged = sign(forger.WithID(s.key.ID()), audience, now.Add(time.Minute))
	t.expired = sign(s.key, audience, now.Add(-time.Hour))
	t.elsewhere = sign(s.key, "newsletter", now.Add(time.Minute))
	return t, err
}

// bothKinds returns a unary call and one that opens a stream.
func (s *stage) bothKinds(sent bearer) []func(context.Context) error {
	return []func(context.Context) error{place(s.chain, sent), watchAny(s.chain, sent)}
}

func one(call func(context.Context) error) []func(context.Context) error {
	return []func(context.Context) error{call}
}

// place returns a call that places an order.
func place(c *chain, sent bearer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.gateway().PlaceOrder(sent.attach(ctx), twoTeasAndACup())
		return err
	}
}

// watchAny returns a call that watches an order, which need not exist.
func watchAny(c *chain, sent bearer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := watch(ctx, c, sent, "ord-any")
		return err
	}
}

// quote returns a call to pricing, past all other services, as one of them.
func quote(c *chain, sent bearer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.pricing().QuoteItems(sent.attach(ctx), &pricingv1.QuoteItemsRequest{
			Items: []*platformv1.Item{{Sku: "tea-sencha", Quantity: 1}},
		})
		return err
	}
}

// hopNumber is where in the chain a service is.
func hopNumber(name string) string {
	i := slices.Index(services(), name)
	if i < 0 {
		return "-"
	}
	return strconv.Itoa(i + 1)
}
