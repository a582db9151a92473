package interceptor_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// chain is gateway -> A -> B -> C, each with a server and a client of ours.
type chain struct {
	user     kindCaller
	services []*service // gateway first
}

type kindCaller func(t *testing.T, k kind, values ...string) error

// newChain starts the services, last one first; verifiers are the gateway's, A's,
// B's and C's.
func newChain(t *testing.T, verifiers ...world) chain {
	t.Helper()
	names := []string{"gateway", "A", "B", "C"}
	services := make([]*service, len(names))
	client := newClient(t)
	for i := len(names) - 1; i >= 0; i-- {
		services[i] = &service{}
		if i < len(names)-1 {
			options := verifiers[i+1].server(t, interceptor.Authenticated(), interceptor.Name(names[i+1])).Options()
			services[i].next = serve(t, services[i+1], options...)(append(client.DialOptions(), private())...)
		}
	}
	door := verifiers[0].server(t, interceptor.Authenticated(), interceptor.Name(names[0])).Options()
	user := serve(t, services[0], door...)()
	call := func(t *testing.T, k kind, values ...string) error {
		t.Helper()
		return k.call(sending(t, values...), user)
	}
	return chain{user: call, services: services}
}

func TestTheTokenThatReachesCIsTheUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		c := newChain(t, w, w, w, w)
		raw := w.issuer.Token()
		if err := c.user(t, k, "Bearer "+raw); err != nil {
			t.Fatal(err)
		}
		for i, s := range c.services {
			seen := s.seen()
			if len(seen) != 1 || len(seen[0].values) != 1 || seen[0].values[0] != "Bearer "+raw {
				t.Errorf("at hop %d it is not byte for byte what the user sent, once", i+1)
			}
			if !seen[0].found || seen[0].token.Raw() != raw {
				t.Errorf("hop %d did not verify it", i+1)
			}
			if seen[0].method != k.method {
				t.Errorf("hop %d was called by %s", i+1, seen[0].method)
			}
		}
	})
}

func TestARefusedTokenGoesNoFurther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		c := newChain(t, w, w, w, w)
		err := c.user(t, k, "Bearer "+w.issuer.Token(jwttest.Forged()))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonSignatureInvalid, "gateway")
		for i, s := range c.services {
			if len(s.seen()) != 0 {
				t.Errorf("hop %d was reached", i+1)
			}
		}
	})
}

func TestAWrongKeyIsRefusedAtItsHop(t *testing.T) {
	t.Parallel()
	w, wrong := newWorld(t), newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		c := newChain(t, w, w, w, wrong)
		err := c.user(t, k, "Bearer "+w.issuer.Token())
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonKeyUnknown, "C")
		if len(c.services[2].seen()) != 1 || len(c.services[3].seen()) != 0 {
			t.Error("it was not C, and C alone, that refused")
		}
	})
}

// TestTwoCallsOfOneHandler checks that relaying to one service takes nothing
// from the next call of the same context.
func TestTwoCallsOfOneHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(t.Context(), verified)
	b, c := &service{}, &service{}
	dialling := append(newClient(t).DialOptions(), private())
	toB, toC := serve(t, b)(dialling...), serve(t, c)(dialling...)
	for _, client := range []func() error{
		func() error { return callUnary(ctx, toB) },
		func() error { return callBidi(ctx, toC) },
		func() error { return callUnary(ctx, toC) },
	} {
		if err := client(); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.seen()) != 1 || len(c.seen()) != 2 {
		t.Fatal("calls are missing")
	}
	for _, arrived := range append(b.seen(), c.seen()...) {
		if len(arrived.values) != 1 || arrived.values[0] != verified.Authorization() {
			t.Error("a call carries something else than the one token")
		}
	}
}
