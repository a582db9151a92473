package metadata_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"unicode"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
)

// legacy is what grpc-gateway's matcher was by default, and worse: it lets
// every header pass in some way.
func legacy(header string) (string, bool) {
	if key, ok := strings.CutPrefix(header, "Grpc-Metadata-"); ok {
		return key, true
	}
	return "grpcgateway-" + header, true
}

func TestGatewayMatcher(t *testing.T) {
	t.Parallel()
	var authorization, own metadata.Header
	own.Name = "X-User-Token"
	tests := map[string]struct {
		header metadata.Header
		name   string
		want   string // "" means that it doesn't pass
	}{
		"authorization":                       {authorization, "Authorization", ""},
		"in lower case":                       {authorization, "authorization", ""},
		"in odd case":                         {authorization, "aUTHORIZATION", ""},
		"a second by prefix":                  {authorization, "Grpc-Metadata-Authorization", ""},
		"a second by prefix, in lower case":   {authorization, "Grpc-Metadata-authorization", ""},
		"a second by prefix, in odd case":     {authorization, "Grpc-Metadata-aUTHORIZATION", ""},
		"another header":                      {authorization, "Accept", "grpcgateway-Accept"},
		"another by prefix":                   {authorization, "Grpc-Metadata-Trace", "Trace"},
		"one that only begins alike":          {authorization, "Grpc-Metadata-Authorization-Hint", "Authorization-Hint"},
		"one that only ends alike":            {authorization, "Grpc-Metadata-Proxy-Authorization", "Proxy-Authorization"},
		"own header":                          {own, "X-User-Token", "x-user-token"},
		"own header in lower case":            {own, "x-user-token", "x-user-token"},
		"own header by prefix":                {own, "Grpc-Metadata-X-User-Token", ""},
		"own header by prefix, in lower case": {own, "Grpc-Metadata-x-user-token", ""},
		"own header with a Kelvin sign":       {own, "Grpc-Metadata-X-User-To\u212aen", ""},
		"own header, authorization":           {own, "Authorization", ""},
		"own header, authorization by prefix": {own, "Grpc-Metadata-Authorization", ""},
		"own header, another":                 {own, "Accept", "grpcgateway-Accept"},
		"authorization in other letters":      {metadata.Header{Name: "AUTHORIZATION"}, "Authorization", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, ok := test.header.GatewayMatcher(legacy)(test.name)
			if key != test.want || ok != (test.want != "") {
				t.Errorf("%s passes as %q, %v; want %q", test.name, key, ok, test.want)
			}
		})
	}
}

func TestGatewayMatcherOfNothingElse(t *testing.T) {
	t.Parallel()
	own := metadata.Header{Name: "X-User-Token"}
	for _, name := range []string{"Authorization", "Accept", "Grpc-Metadata-Trace", "Grpc-Metadata-X-User-Token", ""} {
		if key, ok := metadata.GatewayMatcher(nil)(name); ok {
			t.Errorf("%q passes as %q", name, key)
		}
		if key, ok := own.GatewayMatcher(nil)(name); ok {
			t.Errorf("%q passes as %q beside another header", name, key)
		}
	}
	if key, ok := own.GatewayMatcher(nil)("X-User-Token"); key != own.Key() || !ok {
		t.Errorf("the token's own header passes as %q, %v", key, ok)
	}
}

// TestTheTokenPassesAGatewayOnce is the promise as such: whatever headers a
// request has, one key at most is the token's, and it is never a second one.
func TestTheTokenPassesAGatewayOnce(t *testing.T) {
	t.Parallel()
	for _, header := range []metadata.Header{{}, {Name: "X-User-Token"}, {Name: "user.token_2"}} {
		match := header.GatewayMatcher(legacy)
		for range 2000 {
			request := randomHeader(header)
			want := len(request.Values(header.Key()))
			if md := throughGateway(request, match); len(md.Get(header.Key())) != want || len(md.Get("authorization")) > 1 {
				t.Fatalf("%v became %v", request, md)
			}
		}
	}
}

// throughGateway does with headers what grpc-gateway does: authorization goes
// on always, and the matcher decides on it once more, as on every header.
func throughGateway(request http.Header, match func(string) (string, bool)) grpcmd.MD {
	md := grpcmd.MD{}
	md.Append("authorization", request.Values("Authorization")...)
	for name, values := range request {
		if key, ok := match(http.CanonicalHeaderKey(name)); ok {
			md.Append(key, values...)
		}
	}
	return md
}

// randomHeader returns some headers, each once, out of all that might be taken
// for the token's.
func randomHeader(header metadata.Header) http.Header {
	request := http.Header{}
	for range rand.IntN(8) { //nolint:gosec // how many is no secret
		name := pick("", "Grpc-Metadata-", "grpc-metadata-", "Grpcgateway-", "GRPC-Metadata-Grpc-Metadata-") +
			randomCase(pick("authorization", header.Key(), "x-other"))
		request.Set(name, "a value")
	}
	return request
}

func randomCase(name string) string {
	letters := []rune(name)
	for i, letter := range letters {
		switch kind := pick("upper", "lower", "kelvin"); {
		case kind == "upper":
			letters[i] = unicode.ToUpper(letter)
		case kind == "kelvin" && letter == 'k':
			letters[i] = '\u212a' // which becomes k in lower case
		}
	}
	return string(letters)
}

func pick(of ...string) string { return of[rand.IntN(len(of))] } //nolint:gosec // which one is no secret
