package middleware_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/examples/middleware"
)

// TestPanic: the caller learns nothing, the log everything, also of a panic in
// what auth asks.
func TestPanic(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		impl testpb.TestServiceServer
		line []string
	}{
		"handler":  {new(service), []string{"(*service).handle", "auth.subject=alice"}},
		"override": {overriding{new(service), base{panicking}}, []string{"base.AuthFuncOverride"}},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				err := kind.call(sending(t, bearing(w)...), client(t, test.impl, behindOptions(w, w.server(t, middleware.Policy()))), "panic")
				if got := status.Convert(err); got.Code() != codes.Internal || got.Message() != "internal error" {
					t.Errorf("the caller learns %v", got)
				}
				if len(w.log.lines("finished call", "grpc.code=Internal", lastOf(kind.method))) != 1 {
					t.Errorf("the call is not in the log:\n%s", w.log)
				}
				line := append([]string{"msg=panic", `reason="as asked"`, lastOf(kind.method)}, test.line...)
				if len(w.log.lines(line...)) != 1 {
					t.Errorf("the panic is not in the log:\n%s", w.log)
				}
			})
		}
	}
}

// panicking is an override that panics.
func panicking(context.Context) (context.Context, error) { panic("as asked") }
