package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
)

// ends checks that a stream ends because its token was revoked. Which of the services
// that hold it notices first is chance.
func ends(t *testing.T, stream <-chan string) {
	t.Helper()
	select {
	case got := <-stream:
		if !strings.HasPrefix(got, "Unauthenticated TOKEN_REVOKED by ") {
			t.Errorf("the stream ended with %s", got)
		}
	case <-time.After(patience):
		t.Error("the stream does not end")
	}
}

// goesOn checks that a stream has not ended.
func goesOn(t *testing.T, stream <-chan string) {
	t.Helper()
	select {
	case got := <-stream:
		t.Errorf("the stream ended with %s", got)
	default:
	}
}

// hold checks a condition that must hold at once.
func hold(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// mayOrder waits until a user can order, through all services: they call one that was
// away only after a pause.
func (f *fleet) mayOrder(raw string) {
	f.t.Helper()
	eventually(f.t, "an order", func() error {
		_, err := f.gateway().PlaceOrder(f.with(raw), &gatewayv1.PlaceOrderRequest{Items: tea()})
		return err
	})
}

func TestLogoutsOverRedis(t *testing.T) {
	t.Parallel()
	for name, loses := range map[string]bool{"which keeps its data": false, "which loses its data": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, false)
			alice, phone, bob, carol := f.login("alice"), f.login("alice"), f.login("bob"), f.login("carol")
			ofAlice, ofBob := f.watch(alice), f.watch(bob)

			// A logout.
			hold(t, "alice's logout", differ(f.logout(alice), "204"))
			ends(t, ofAlice)
			eventually(t, "alice is out", func() error { return f.all(alice, revoked) })
			hold(t, "her phone", f.all(phone, accepted))
			hold(t, "bob", f.all(bob, accepted))

			// Redis is away.
			f.redis.kill()
			hold(t, "alice without Redis", f.all(alice, revoked))
			hold(t, "bob without Redis", f.all(bob, accepted))
			for range 2 { // it is no matter of a connection that broke
				hold(t, "bob's logout without Redis", differ(f.logout(bob), "503 try again later"))
			}
			hold(t, "bob, who is not out", f.all(bob, accepted))
			if !strings.Contains(f.auth.log.String(), "not revoked") {
				t.Error("auth does not log that it could not log bob out")
			}
			f.restart("pricing")
			eventually(t, "pricing, which knows nothing", func() error {
				return differ(f.ask("pricing", alice), "Unavailable REVOCATIONS_UNAVAILABLE by pricing")
			})
			hold(t, "health of pricing", differ(f.health("pricing"), "NOT_SERVING"))
			hold(t, "health of orders", differ(f.health("orders"), "SERVING"))
			goesOn(t, ofBob)

			// Redis is back.
			if loses {
				f.redis.lose()
			}
			f.redis.start()
			f.waitServing("pricing")
			hold(t, "alice at pricing, which has restarted", differ(f.ask("pricing", alice), "Unauthenticated TOKEN_REVOKED by pricing"))
			goesOn(t, ofBob)
			eventually(t, "bob's logout", func() error { return differ(f.logout(bob), "204") })
			ends(t, ofBob)
			eventually(t, "bob is out", func() error { return f.all(bob, revoked) })

			// A service that starts now has missed nothing.
			f.restart("orders")
			f.waitServing("orders")
			hold(t, "alice at last", f.all(alice, revoked))
			hold(t, "bob at last", f.all(bob, revoked))
			f.mayOrder(carol)
			f.mayOrder(phone)
			status, _ := f.post(auth.LogoutEverywherePath, carol, nil)
			if status != http.StatusNoContent {
				t.Errorf("carol's logout: %d", status)
			}
			eventually(t, "carol is out", func() error { return f.all(carol, revoked) })
			hold(t, "her phone at last", f.all(phone, accepted))
		})
	}
}

func TestALogoutOverRedisWithTLS(t *testing.T) {
	t.Parallel()
	f := startFleet(t, true)
	alice, bob := f.login("alice"), f.login("bob")
	ofAlice, ofBob := f.watch(alice), f.watch(bob)
	hold(t, "alice's logout", differ(f.logout(alice), "204"))
	ends(t, ofAlice)
	eventually(t, "alice is out", func() error { return f.all(alice, revoked) })
	hold(t, "bob", f.all(bob, accepted))
	goesOn(t, ofBob)
}
