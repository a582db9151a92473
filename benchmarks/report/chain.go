package main

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// chain3 calls a gateway, which calls A, which calls B, which calls C: four services
// that verify and three relays, over TCP with TLS. The floor is the same without a
// token and without anybody who looks for one.
//
// One user calls, and then many whose calls share the connections. The more there
// are, the less HTTP/2 can do about a header that comes again: its table has room for
// some five tokens. What that costs is shown by services that pass the header on and
// don't look at it ("carried").
func chain3(r *report) ([]line, error) {
	network, err := calls.NewLoopback()
	if err != nil {
		return nil, err
	}
	sides, err := r.chains()
	if err != nil {
		return nil, err
	}
	samples, err := r.load(network, 8, sides...)
	if err != nil {
		return nil, err
	}
	none := samples["none"]
	return []line{
		ratio("chain3_ratio", samples[contender.Ours], none, atMost(1.10)),
		more("chain3_allocs", samples[contender.Ours], none, atMost(60)),
		ratio("chain3_carried_ratio", samples["carried"], none, goal{}),
		more("chain3_carried_allocs", samples["carried"], none, goal{}),
		ratio("chain3_usual_ratio", samples["usual"], none, goal{}),
		more("chain3_usual_allocs", samples["usual"], none, goal{}),
		ratio("chain3_many_ratio", samples["many "+contender.Ours], none, goal{}),
		ratio("chain3_many_over_carried_ratio", samples["many "+contender.Ours], samples["many carried"], goal{}),
		ratio("chain3_many_usual_ratio", samples["many usual"], none, goal{}),
		ratio("chain3_deep_ratio", samples["deep "+contender.Ours], samples["deep none"], goal{}),
		ratio("chain3_deep_usual_ratio", samples["deep usual"], samples["deep none"], goal{}),
		nanoseconds("chain3_none_ns", none, goal{}),
		allocations("chain3_none_allocs", none, goal{}),
	}, nil
}

// chains returns the sides: for one user, and for many.
func (r *report) chains() ([]side, error) {
	sides := []side{{"none", make([]calls.Auth, 4), []context.Context{context.Background()}}}
	for _, users := range []struct {
		prefix string
		users  []context.Context
	}{{"", usersOf(r.mint.Tokens(keyset.ES256, 1))}, {"many ", r.manyUsers()}} {
		for _, of := range []struct {
			name    string
			service func() (calls.Auth, error)
		}{{"carried", carrying}, {contender.Ours, r.ours}, {"usual", r.usual}} {
			services, err := four(of.service)
			if err != nil {
				return nil, err
			}
			sides = append(sides, side{users.prefix + of.name, services, users.users})
		}
	}
	return append(sides, deep(sides)...), nil
}

// deep returns the sides of one user, of services that have used some of their stack.
func deep(sides []side) []side {
	var deeper []side
	for _, s := range sides {
		if strings.HasPrefix(s.name, "many ") {
			continue
		}
		services := slices.Clone(s.services)
		for i := range services {
			services[i].Deep = true
		}
		deeper = append(deeper, side{"deep " + s.name, services, s.users})
	}
	return deeper
}

// four makes four services, each with a verifier and a cache of its own.
func four(service func() (calls.Auth, error)) ([]calls.Auth, error) {
	var all []calls.Auth
	for range 4 {
		one, err := service()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// ours is a service that verifies and relays with this repository.
func (r *report) ours() (calls.Auth, error) {
	server, err := contender.NewJWTRelay(r.mint.Trust())
	if err != nil {
		return calls.Auth{}, err
	}
	client, err := interceptor.NewClient()
	if err != nil {
		return calls.Auth{}, err
	}
	return calls.Auth{Verify: server.UnaryInterceptor(), Relay: client.DialOptions()}, nil
}

// usual is a service that verifies with the usual assembly and forwards the header.
func (r *report) usual() (calls.Auth, error) {
	server, err := contender.NewUsual(r.mint.Trust())
	if err != nil {
		return calls.Auth{}, err
	}
	forward, err := carrying()
	return calls.Auth{Verify: server.UnaryInterceptor(), Relay: forward.Relay}, err
}

// carrying is a service that forwards the header and does not look at it.
func carrying() (calls.Auth, error) {
	return calls.Auth{Relay: []grpc.DialOption{grpc.WithChainUnaryInterceptor(contender.Forward)}}, nil
}

// more compares allocations pass by pass.
func more(name string, of, than []sample, goal goal) line {
	l := line{name: name, unit: "allocs more", goal: goal}
	for pass := range of {
		l.values = append(l.values, tenths(of[pass].allocs-than[pass].allocs))
	}
	return l
}
