package metadata_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
)

// A server reads the token of a call that came in.
func ExampleFromIncoming() {
	ctx := grpcmd.NewIncomingContext(context.Background(),
		grpcmd.Pairs("authorization", "Bearer abc.def.ghi"))

	token, err := metadata.FromIncoming(ctx)
	fmt.Println(token, err)

	_, err = metadata.FromIncoming(context.Background())
	fmt.Println(err)
	// Output:
	// abc.def.ghi <nil>
	// metadata: no bearer token
}

// An HTTP gateway reads the same from a request.
func ExampleFromHTTP() {
	header := http.Header{}
	header.Set("Authorization", "Bearer abc.def.ghi")

	token, err := metadata.FromHTTP(header)
	fmt.Println(token, err)
	// Output: abc.def.ghi <nil>
}

// A client that has a token, because the user just logged in, sends it.
func ExampleToOutgoing() {
	ctx, err := metadata.ToOutgoing(context.Background(), "abc.def.ghi")
	if err != nil {
		fmt.Println(err)
		return
	}
	md, _ := grpcmd.FromOutgoingContext(ctx)
	fmt.Println(md.Get("authorization"))
	// Output: [Bearer abc.def.ghi]
}

// A request to an HTTP service carries the token too.
func ExampleToHTTP() {
	header := http.Header{}
	if err := metadata.ToHTTP(header, "abc.def.ghi"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(header.Get("Authorization"))
	// Output: Bearer abc.def.ghi
}

// A handler without the interceptors passes the caller's token on by itself.
func ExampleRelay() {
	ctx := grpcmd.NewIncomingContext(context.Background(),
		grpcmd.Pairs("authorization", "Bearer abc.def.ghi", "x-internal", "stays here"))

	md, _ := grpcmd.FromOutgoingContext(metadata.Relay(ctx))
	fmt.Println(md.Get("authorization"), md.Get("x-internal"))
	// Output: [Bearer abc.def.ghi] []
}

// Behind a proxy that keeps authorization for itself, the token travels in
// another header.
func ExampleHeader() {
	header := metadata.Header{Name: "X-User-Token"}
	ctx := grpcmd.NewIncomingContext(context.Background(),
		grpcmd.Pairs("authorization", "Bearer of-the-proxy", "x-user-token", "Bearer abc.def.ghi"))

	token, err := header.FromIncoming(ctx)
	fmt.Println(token, err)
	// Output: abc.def.ghi <nil>
}

// A grpc-gateway passes the token on once, whatever its own matcher makes of
// other headers; this one takes a prefix away. The result is for
// runtime.WithIncomingHeaderMatcher.
func ExampleGatewayMatcher() {
	match := metadata.GatewayMatcher(func(header string) (key string, ok bool) {
		return strings.CutPrefix(header, "Grpc-Metadata-")
	})

	for _, header := range []string{"Authorization", "Grpc-Metadata-Authorization", "Grpc-Metadata-Trace"} {
		key, ok := match(header)
		fmt.Printf("%s: %q %v\n", header, key, ok)
	}
	// Output:
	// Authorization: "" false
	// Grpc-Metadata-Authorization: "" false
	// Grpc-Metadata-Trace: "Trace" true
}
