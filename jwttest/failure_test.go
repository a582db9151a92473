package jwttest_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// stubborn is a claim whose encoding fails and tells what it is.
type stubborn struct{}

func (stubborn) MarshalText() ([]byte, error) { return nil, errors.New("hunter2") }

func TestMistakesFailTheTest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func(jwttest.TB, *jwttest.Issuer)
		want string
	}{
		{"an issuer for an unknown algorithm", func(tb jwttest.TB, _ *jwttest.Issuer) {
			jwttest.NewIssuer(tb, jwttest.WithAlgorithms(keyset.ES256, "RS1"))
		}, `algorithm "RS1"`},
		{"an issuer without a clock", func(tb jwttest.TB, _ *jwttest.Issuer) { jwttest.NewIssuer(tb, jwttest.WithClock(nil)) }, "WithClock"},
		{"signing with an unknown algorithm", func(_ jwttest.TB, i *jwttest.Issuer) { i.Token(jwttest.SignedWith("none")) }, `algorithm "none"`},
		{"a key for an unknown algorithm", func(tb jwttest.TB, _ *jwttest.Issuer) { jwttest.NewKey(tb, "RS1") }, `algorithm "RS1"`},
		{"an issuer's key for an unknown algorithm", func(_ jwttest.TB, i *jwttest.Issuer) { i.Key("RS1") }, `algorithm "RS1"`},
		{"keys for an unknown algorithm", func(_ jwttest.TB, i *jwttest.Issuer) { i.Keys("RS1") }, `algorithm "RS1"`},
		{"rotating an unknown algorithm", func(_ jwttest.TB, i *jwttest.Issuer) { i.Rotate("RS1") }, `algorithm "RS1"`},
		{"a secret for a public key algorithm", func(tb jwttest.TB, _ *jwttest.Issuer) { jwttest.NewSecret(tb, keyset.ES256, []byte("hunter2")) }, `"ES256" has no secret`},
		{"a JWK Set of secrets", func(_ jwttest.TB, i *jwttest.Issuer) { i.JWKS(keyset.HS256) }, "HS256 has a secret"},
		{"no keys left", func(_ jwttest.TB, i *jwttest.Issuer) { i.Withdraw(i.Key(keyset.ES256)); i.Keys() }, "no keys"},
		{"a claim that can't be JSON", func(_ jwttest.TB, i *jwttest.Issuer) { i.Token(jwttest.Claim("x", math.Inf(1))) }, "payload has a member"},
		{"a claim that refuses", func(_ jwttest.TB, i *jwttest.Issuer) { i.Token(jwttest.Claim("x", stubborn{})) }, "payload has a member"},
		{"a member of discovery that can't be JSON", func(_ jwttest.TB, i *jwttest.Issuer) { i.SetDiscovery("x", stubborn{}) }, `SetDiscovery: member "x"`},
		{"keys moved to a URL", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("https://else.example/keys") }, "MoveJWKS"},
		{"keys moved to a relative path", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("keys") }, "MoveJWKS"},
		{"keys moved to a query", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("/keys?v=2") }, "MoveJWKS"},
		{"keys moved to a space", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("/k s") }, "MoveJWKS"},
		{"keys moved nowhere", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("") }, "MoveJWKS"},
		{"keys moved onto discovery", func(_ jwttest.TB, i *jwttest.Issuer) { i.MoveJWKS("/.well-known/openid-configuration") }, "is the discovery document"},
		{"an unknown fault", func(_ jwttest.TB, i *jwttest.Issuer) { i.Misbehave("redirekt loop") }, `no fault "redirekt loop": want one of ["404" `},
		{"a header that can't be JSON", func(_ jwttest.TB, i *jwttest.Issuer) { i.Token(jwttest.Header("x", make(chan int))) }, "header has a member"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			message := failure(func(tb jwttest.TB) { test.do(tb, jwttest.NewIssuer(tb, jwttest.InMemory())) })
			if !strings.HasPrefix(message, "jwttest: ") || !strings.Contains(message, test.want) {
				t.Errorf("the test says %q", message)
			}
			if strings.Contains(message, "hunter2") {
				t.Error("the test tells what it should not")
			}
		})
	}
}
