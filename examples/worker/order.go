package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/oauth"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/token"
)

// order is what a user has asked for.
type order struct{ user, id, raw string }

// ask has a user ask the desk for an export, with a token that lives that long.
func (s *stage) ask(ctx context.Context, user string, life time.Duration) (order, error) {
	raw, err := s.issuer.Sign(user, life)
	if err != nil {
		return order{}, err
	}
	static := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: raw})
	response, err := s.desk.Echo(ctx, &echov1.EchoRequest{Message: "export for " + user},
		grpc.PerRPCCredentials(oauth.TokenSource{TokenSource: static}))
	if err != nil {
		return order{}, fmt.Errorf("the desk does not take %s's job: %w", user, err)
	}
	o := order{user, response.GetMessage(), raw}
	s.orders = append(s.orders, o)
	return o, nil
}

// visits returns what the archive was called with for an order.
func (s *stage) visits(o order) []scenery.Visit { return s.archive.Of(taskOf(s.queue.job(o.id))) }

// onlyAs reports whether the archive was called for the order just once, with
// the very token of its user.
func (s *stage) onlyAs(o order) bool {
	visits := s.visits(o)
	return len(visits) == 1 && visits[0].Subject == o.user && visits[0].Fingerprint == token.Fingerprint(o.raw)
}

// outage waits until an order was tried some times, and then, with the outage
// ended, until it is done. It returns what became of the tries before.
func (s *stage) outage(ctx context.Context, o order, end func()) ([]Outcome, error) {
	const enough = 3
	if err := until(ctx, o.user+"'s job to be tried", func() bool { return len(s.queue.of(o.id)) >= enough }); err != nil {
		return nil, err
	}
	end()
	if err := until(ctx, o.user+"'s job", func() bool { return s.queue.last(o.id).Fate != "" }); err != nil {
		return nil, err
	}
	outcomes := s.queue.of(o.id)
	return outcomes[:len(outcomes)-1], nil
}
