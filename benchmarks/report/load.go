package main

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// side is one of several chains of services that are compared.
type side struct {
	name     string
	services []calls.Auth
	users    []context.Context // by how often they call
}

// load races chains under the calls of so many callers at once.
func (r *report) load(network calls.Network, callers int, sides ...side) (samples map[string][]sample, err error) {
	works, end, err := r.start(network, callers, sides...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return r.race(works...)
}

// start starts the chains, to be ended by end. Every user has called before: what is
// measured is the cost of services that are at work.
func (r *report) start(network calls.Network, callers int, sides ...side) (works []work, end func() error, err error) {
	var chains []*calls.Chain
	end = func() (err error) {
		for _, chain := range chains {
			err = errors.Join(err, chain.Close())
		}
		return err
	}
	for _, side := range sides {
		chain, err := calls.NewChain(network, side.services...)
		if err != nil {
			return nil, nil, errors.Join(err, end())
		}
		chains = append(chains, chain)
		if err := callAs(chain, side.users); err != nil {
			return nil, nil, errors.Join(err, end())
		}
		each := max(8000/r.effort/len(side.services)/callers, 1)
		works = append(works, work{name: side.name, ops: each * callers, run: crowd(chain, side.users, callers)})
	}
	return works, end, nil
}

// manyUsers returns the contexts of 1 000 users.
func (r *report) manyUsers() []context.Context {
	return usersOf(r.mint.Tokens(keyset.ES256, 1000/r.effort))
}

// usersOf returns the context for the calls of each of these tokens' users.
func usersOf(tokens []string) []context.Context {
	var all []context.Context
	for _, raw := range tokens {
		all = append(all, calls.As(context.Background(), raw))
	}
	return all
}

// callAs makes a call as each of the users.
func callAs(chain *calls.Chain, users []context.Context) error {
	for _, user := range users {
		if err := chain.Call(user); err != nil {
			return err
		}
	}
	return nil
}

// crowd makes calls as users that are drawn by Zipf's law, so many at a time.
func crowd(chain *calls.Chain, users []context.Context, callers int) func(ops int) error {
	draw := newZipf(len(users))
	return func(ops int) error {
		return split(callers, func() error {
			random := rand.New(rand.NewPCG(rand.Uint64(), 0)) //nolint:gosec // who calls next is no secret
			for range (ops + callers - 1) / callers {
				if err := chain.Call(users[draw.next(random)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
