package interceptor_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// slowClaims take an hour to be checked.
type slowClaims struct{}

func (*slowClaims) Validate() error {
	time.Sleep(time.Hour)
	return nil
}

// TestACallThatEndsBeforeItsTokensTurn has a token that another call has in hand.
func TestACallThatEndsBeforeItsTokensTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, token.WithClaims[slowClaims]())
		server := w.server(t, interceptor.Authenticated())
		raw := w.issuer.Token(jwttest.ExpiresIn(24 * time.Hour))
		go func() { _, _ = w.verifier.Verify(context.Background(), raw) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := asUnary(carrying(ctx, raw), server, unaryCall)
		wantRefusal(t, err, codes.ResourceExhausted, token.ReasonOverloaded, "")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cause is not that of %v", err)
		}

		handler := httpHandler(t, server, http.NotFoundHandler())
		got := answerOf(t, handler, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+raw)).WithContext(ctx))
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Www-Authenticate") != "" {
			t.Errorf("got %v", got.Header)
		}
		if !strings.Contains(got.text, `"code":"resource_exhausted"`) { // as Connect names it
			t.Errorf("the body is %s", got.text)
		}
		byGRPC := httpRequest(t, http.MethodPost, unaryCall, bearing("Bearer "+raw))
		byGRPC.Header.Set("Content-Type", "application/grpc")
		got = answerOf(t, handler, byGRPC.WithContext(ctx))
		if got.Header.Get("Grpc-Status") != "8" {
			t.Errorf("got %v", got.Header)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := asUnary(carrying(t.Context(), raw), server, unaryCall); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}
