package interceptor_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// A handler of Connect, of gRPC (a *grpc.Server is one) or of plain HTTP is put
// behind the rules of the methods. Here a function stands in for it.
func ExampleServer_HTTPHandler() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(), interceptor.Name("orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if caller, ok := token.FromContext(r.Context()); ok {
			_, _ = fmt.Fprint(w, "orders of ", caller.Subject())
			return
		}
		_, _ = fmt.Fprint(w, "hello")
	})
	handler, err := server.HTTPHandler(orders, interceptor.MountedAt("/api"), interceptor.PublicPaths("/healthz"))
	if err != nil {
		fmt.Println(err)
		return
	}

	ask := func(path, authorization string) {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, strings.NewReader("{}"))
		request.Header.Set("Authorization", authorization)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		body, _ := io.ReadAll(answer.Body)
		fmt.Println(path, "->", answer.Code, strings.Split(string(body), `,"details`)[0])
	}
	ask("/api/acme.Orders/List", "Bearer "+issuer.Token())
	ask("/api/acme.Orders/List", "Bearer of good news")
	ask("/acme.Orders/List", "Bearer "+issuer.Token())
	ask("/healthz", "")
	// Output:
	// /api/acme.Orders/List -> 200 orders of alice
	// /api/acme.Orders/List -> 401 {"code":"unauthenticated","message":"the token is malformed"
	// /acme.Orders/List -> 403 {"code":"permission_denied","message":"no policy allows this method"
	// /healthz -> 200 hello
}
