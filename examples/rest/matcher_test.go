package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhyThereIsAMatcher shows what grpc-gateway makes of a token by itself,
// and what is left of that with ours.
func TestWhyThereIsAMatcher(t *testing.T) {
	t.Parallel()
	platforms := metadata.Header{Name: "X-User-Token"}
	plain := http.Header{"Authorization": {"a"}}
	second := http.Header{"Authorization": {"a"}, "Grpc-Metadata-Authorization": {"b"}}
	own := http.Header{"Authorization": {"a"}, "X-User-Token": {"b"}, "Grpc-Metadata-X-User-Token": {"c"}}
	for name, test := range map[string]struct {
		matcher runtime.HeaderMatcherFunc
		header  http.Header
		want    grpcmd.MD
	}{
		"the default: two keys": {runtime.DefaultHeaderMatcher, plain,
			grpcmd.MD{"authorization": {"a"}, "grpcgateway-authorization": {"a"}}},
		"the legacy one: two values": {runtime.LegacyHeaderMatcher, second,
			grpcmd.MD{"authorization": {"a", "b"}, "grpcgateway-authorization": {"a"}}},
		"the default: not another header": {runtime.DefaultHeaderMatcher, own,
			grpcmd.MD{"authorization": {"a"}, "grpcgateway-authorization": {"a"}}},
		"the legacy one: another header by prefix": {runtime.LegacyHeaderMatcher, own,
			grpcmd.MD{"authorization": {"a"}, "grpcgateway-authorization": {"a"}, "x-user-token": {"c"}}},

		"ours around the default": {metadata.GatewayMatcher(runtime.DefaultHeaderMatcher), plain,
			grpcmd.MD{"authorization": {"a"}}},
		"ours around the default, a second value": {metadata.GatewayMatcher(runtime.DefaultHeaderMatcher), second,
			grpcmd.MD{"authorization": {"a"}}},
		"ours around the legacy one": {metadata.GatewayMatcher(runtime.LegacyHeaderMatcher), second,
			grpcmd.MD{"authorization": {"a"}}},
		"ours around nothing": {metadata.GatewayMatcher(nil), second,
			grpcmd.MD{"authorization": {"a"}}},
		"ours for another header": {platforms.GatewayMatcher(runtime.LegacyHeaderMatcher), own,
			grpcmd.MD{"authorization": {"a"}, "x-user-token": {"b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := through(t, test.matcher, test.header)
			if !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// through returns the metadata that grpc-gateway makes of headers.
func through(t *testing.T, matcher runtime.HeaderMatcherFunc, header http.Header) grpcmd.MD {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	mux := runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(matcher))
	ctx, err := runtime.AnnotateContext(t.Context(), mux, request, "/a.Service/Method")
	if err != nil {
		t.Fatal(err)
	}
	md, _ := grpcmd.FromOutgoingContext(ctx)
	return md
}

// The front hands the header to our own server as it came, spelling included.
func TestTheFrontSendsTheTokenUnderOneKey(t *testing.T) {
	t.Parallel()
	u := startUpstream(t)
	front, err := newFront(dial(t, u.addr))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(front)
	defer server.Close()
	r := &running{web: server.Listener.Addr().String(), upstream: u}
	value := "bEARER  " + jwttest.NewIssuer(t).Token()
	for way, call := range map[string]func(*testing.T, *running, http.Header) answer{"Echo": post, "Expand": get} {
		_ = call(t, r, http.Header{"Authorization": {value}, "Grpc-Metadata-Authorization": {value}})
		wantOnce(t, way, u, value)
	}
}

// Whoever sends a second value under another name changes nothing by it, and
// whoever sends the only one so has sent none.
func TestNoOtherHeaderBringsTheToken(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	alice, bob := "Bearer "+issuer.Token(), "Bearer "+issuer.Token(jwttest.Subject("bob"))
	for _, name := range []string{
		"Grpc-Metadata-Authorization", "grpc-metadata-authorization", "GRPC-METADATA-AUTHORIZATION",
		"Grpcgateway-Authorization", "Grpc-Metadata-Grpcgateway-Authorization", "Proxy-Authorization",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, call := range map[string]func(*testing.T, *running, http.Header) answer{"Echo": post, "Expand": get} {
				a := call(t, r, http.Header{"Authorization": {alice}, name: {bob}})
				wantDecision(t, way, a, codes.OK, "", "a second value")
				a = call(t, r, http.Header{name: {bob}})
				wantDecision(t, way, a, codes.Unauthenticated, token.ReasonMissing, "a value elsewhere")
			}
			for _, call := range r.upstream.calls() {
				if !slices.Equal(call.Get("authorization"), []string{alice}) {
					t.Error("the upstream got another value")
				}
			}
		})
	}
}
