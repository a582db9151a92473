package demo

import (
	"context"
	"errors"
	"net"

	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
)

// playOutage: auth dies, and whoever is logged in goes on working.
func playOutage(ctx context.Context, s *stage) error {
	bob, _, err := s.login(ctx, "bob")
	if err != nil {
		return err
	}
	s.say("bob logs in and gets token %v. No service has seen it when auth is killed.", bob)
	if err := s.auth.kill(); err != nil {
		return err
	}
	s.say("The process is gone: %v.", s.auth.cmd.ProcessState)

	_, _, err = s.login(ctx, "alice")
	var refused *net.OpError
	if err := expect("a login fails because nobody answers", errors.As(err, &refused) && refused.Op == "dial", true); err != nil {
		return err
	}
	s.ok("nobody can log in any more: the connection is refused")

	alice := s.tokens["alice"]
	placed, err := s.chain.gateway().PlaceOrder(alice.attach(ctx), twoTeasAndACup())
	if err != nil {
		return err
	}
	if err := checkHops(placed.GetHops(), placing(), "alice", alice); err != nil {
		return err
	}
	s.ok("alice, who is logged in, orders again: 4 hops, her token at each")

	if err := s.playBob(ctx, bob); err != nil {
		return err
	}
	s.ok("bob, whose token is new to all of them, orders and watches: verified with the keys that they have")

	if err := s.restart(ctx, s.chain, pricing.Name); err != nil {
		return err
	}
	if err := s.playBob(ctx, bob); err != nil {
		return err
	}
	s.ok("pricing is killed, too, and started again: bob orders and watches, with the keys that it kept in a file")
	if err := s.checkStillRefused(ctx, s.ended); err != nil {
		return err
	}
	s.ok("the token that bob has logged out is still refused everywhere, by the new pricing as well")
	return nil
}

// playBob has bob order something and watch it.
func (s *stage) playBob(ctx context.Context, bob bearer) error {
	placed, err := s.chain.gateway().PlaceOrder(bob.attach(ctx), twoTeasAndACup())
	if err != nil {
		return err
	}
	if err := checkHops(placed.GetHops(), placing(), "bob", bob); err != nil {
		return err
	}
	answers, err := watch(ctx, s.chain, bob, placed.GetOrder().GetId())
	if err != nil {
		return err
	}
	return checkSteps(answers, placed.GetOrder(), "bob", bob)
}
