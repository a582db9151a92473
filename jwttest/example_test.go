package jwttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// An Example has no testing.TB. In a test, pass t and forget about Close.
func Example() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{})
	defer issuer.Close()

	raw := issuer.Token(jwttest.Subject("bob"), jwttest.Scopes("orders:read"))

	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) {
		return issuer.Key(keyset.ES256).Public(), nil
	})
	fmt.Println(claims["sub"], claims["scope"], err)
	// Output: bob orders:read <nil>
}

func ExampleNewIssuer() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{},
		jwttest.WithURL("https://id.example.com"),
		jwttest.WithAudience("orders"),
		jwttest.WithAlgorithms(keyset.EdDSA, keyset.ES256))
	defer issuer.Close()

	fmt.Println(issuer.URL(), issuer.Audience())
	for _, key := range issuer.Keys().Keys() {
		fmt.Println(key.Algorithm())
	}
	// Output:
	// https://id.example.com [orders]
	// EdDSA
	// ES256
}

func ExampleIssuer_Token() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	public := func(*jwt.Token) (any, error) { return issuer.Key(keyset.ES256).Public(), nil }

	for _, raw := range []string{
		issuer.Token(),
		issuer.Token(jwttest.Subject("bob"), jwttest.Audience("orders"), jwttest.Claim("tenant", 7)),
		issuer.Token(jwttest.Expired(time.Hour)),
		issuer.Token(jwttest.Forged()),
	} {
		token, err := jwt.Parse(raw, public, jwt.WithExpirationRequired())
		subject, _ := token.Claims.GetSubject()
		fmt.Println(subject, "expired:", errors.Is(err, jwt.ErrTokenExpired),
			"forged:", errors.Is(err, jwt.ErrTokenSignatureInvalid))
	}
	// Output:
	// alice expired: false forged: false
	// bob expired: false forged: false
	// alice expired: true forged: false
	// alice expired: false forged: true
}

// A verifier that is handed its keys needs no HTTP.
func ExampleIssuer_Keys() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	own := issuer.Key(keyset.ES256)

	key, err := issuer.Keys().Key(context.Background(), own.ID(), keyset.ES256)
	fmt.Println(key.ID() == own.ID(), err)
	// Output: true <nil>
}

// Without a network there is nothing to close.
func ExampleInMemory() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	fmt.Println(issuer.JWKSURL())
	fmt.Println(issuer.DiscoveryURL())
	fmt.Println(status(issuer))
	// Output:
	// https://issuer.test/jwks.json
	// https://issuer.test/.well-known/openid-configuration
	// 200 OK
}

func ExampleIssuer_Fail() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	issuer.Fail(http.StatusServiceUnavailable)
	fmt.Println(status(issuer))
	issuer.Recover()
	fmt.Println(status(issuer))
	fmt.Println(issuer.JWKSRequests(), "requests")
	// Output:
	// 503 Service Unavailable
	// 200 OK
	// 2 requests
}

// An issuer that asks to be left alone for a while.
func ExampleIssuer_FailWith() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	issuer.FailWith(http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}, jwttest.JWKS)
	fmt.Println(status(issuer))
	// Output: 429 Too Many Requests
}

func ExampleIssuer_Rotate() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	old := issuer.Key(keyset.ES256)

	issuer.Rotate()
	fmt.Println("signs with the old key:", issuer.Key(keyset.ES256) == old)
	fmt.Println("keys published:", len(issuer.Keys().Keys()))
	issuer.Withdraw()
	fmt.Println("keys published:", len(issuer.Keys().Keys()))
	// Output:
	// signs with the old key: false
	// keys published: 2
	// keys published: 1
}

// A service may start while its issuer is in trouble, whatever the trouble is.
func ExampleFaults() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	start := func(fault jwttest.Fault) error {
		issuer.Misbehave(fault)
		defer issuer.Recover()
		set, err := keyset.Fetch(issuer.JWKSURL(), keyset.RemoteConfig{
			Client: issuer.Client(), Logger: slog.New(slog.DiscardHandler),
			MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
		})
		if err != nil {
			return err
		}
		defer func() { _ = set.Close() }()
		soon, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		if err := set.WaitReady(soon); !errors.Is(err, keyset.ErrUnavailable) {
			return fmt.Errorf("taken for an answer: %w", err)
		}
		issuer.Recover()
		return set.WaitReady(context.Background())
	}
	for _, fault := range jwttest.Faults() {
		if err := start(fault); err != nil {
			fmt.Println(fault, err)
		}
	}
	fmt.Println("all tried:", len(jwttest.Faults()) > 30)
	// Output: all tried: true
}

// One way of going wrong, by its name.
func ExampleIssuer_Misbehave() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	issuer.Misbehave("500 with the right body", jwttest.JWKS)
	fmt.Println(status(issuer))
	issuer.Recover()
	fmt.Println(status(issuer))
	// Output:
	// 500 Internal Server Error
	// 200 OK
}

// A forger has no key that is published, but may say so.
func ExampleNewKey() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	stolen := issuer.Key(keyset.ES256).ID()
	forger := jwttest.NewKey(jwttest.NoTest{}, keyset.ES256).WithID(stolen)

	_, err := jwt.Parse(issuer.Token(jwttest.SignedBy(forger)), func(*jwt.Token) (any, error) {
		return issuer.Key(keyset.ES256).Public(), nil
	})
	fmt.Println(errors.Is(err, jwt.ErrTokenSignatureInvalid))
	// Output: true
}

// The oldest attack: what is public, used as the secret of an HMAC.
func ExampleNewSecret() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	public := issuer.Key(keyset.RS256)
	forger := jwttest.NewSecret(jwttest.NoTest{}, keyset.HS256, public.PEM()).WithID(public.ID())
	forged := issuer.Token(jwttest.SignedBy(forger))

	_, err := jwt.Parse(forged, func(*jwt.Token) (any, error) { return public.PEM(), nil })
	fmt.Println("a careless verifier:", err)
	_, err = issuer.Keys().Key(context.Background(), public.ID(), keyset.HS256)
	fmt.Println("a key set:", errors.Is(err, keyset.ErrWrongAlgorithm))
	// Output:
	// a careless verifier: <nil>
	// a key set: true
}

func ExampleKey_Sign() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	key := issuer.Key(keyset.ES256)

	raw := key.Sign(`{"alg":"ES256","kid":"`+key.ID()+`"}`, `{"sub":"alice","sub":"mallory"}`)

	_, payload, _, err := jwttest.Decode(raw)
	fmt.Println(payload, err)
	// Output: {"sub":"alice","sub":"mallory"} <nil>
}

func ExampleEncode() {
	fmt.Println(jwttest.Encode(`{"alg":"none"}`, `{"sub":"mallory"}`, nil))
	// Output: eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.
}

func ExampleExpired() {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory(),
		jwttest.WithClock(func() time.Time { return noon }))

	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(issuer.Token(jwttest.Expired(time.Hour)), claims)
	if err != nil {
		fmt.Println(err)
		return
	}
	exp, err := claims.GetExpirationTime()
	fmt.Println(exp.UTC(), err)
	// Output: 2030-01-01 11:00:00 +0000 UTC <nil>
}

// What a verifier asked, and what it was answered.
func ExampleIssuer_Exchanges() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	issuer.SetHeader("ETag", `"1"`)

	_ = status(issuer) // stands for a verifier
	_ = status(issuer, "If-None-Match", `"1"`)

	for _, exchange := range issuer.Exchanges(jwttest.JWKS) {
		fmt.Println(exchange, exchange.Header["If-None-Match"])
	}
	fmt.Println("answered 304:", issuer.Answered(http.StatusNotModified))
	// Output:
	// GET https://issuer.test/jwks.json: 200 OK []
	// GET https://issuer.test/jwks.json: 304 Not Modified ["1"]
	// answered 304: 1
}

// An issuer that says it is another one, and moves its keys.
func ExampleIssuer_SetDiscovery() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	issuer.SetDiscovery("issuer", "https://evil.example")
	issuer.SetDiscovery("id_token_signing_alg_values_supported", nil)
	issuer.MoveJWKS("/keys/2")

	var document map[string]any
	got, _ := get(context.Background(), issuer.Client(), issuer.DiscoveryURL())
	err := json.Unmarshal([]byte(got.body), &document)
	fmt.Println(document["issuer"], document["jwks_uri"], err)
	// Output: https://evil.example https://issuer.test/keys/2 <nil>
}

// The ETag follows the keys, unless it is told to lie.
func ExampleIssuer_SetHeader() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())

	issuer.SetHeader("ETag", `"always"`)
	issuer.Rotate()
	fmt.Println(status(issuer, "If-None-Match", `"always"`))
	issuer.SetHeader("ETag", "")
	fmt.Println(status(issuer, "If-None-Match", `"always"`))
	// Output:
	// 304 Not Modified
	// 200 OK
}

// status asks for the JWK Set and returns the status line.
func status(issuer *jwttest.Issuer, header ...string) string {
	got, err := get(context.Background(), issuer.Client(), issuer.JWKSURL(), header...)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(got.status, " ", http.StatusText(got.status))
}

// A golden file shows a reviewer when it changes who may call what.
func ExampleGolden() {
	table := "/acme.Orders/Cancel -> a valid token; scope orders.admin\n" +
		"/acme.Orders/List -> anyone\n" // of Server.PolicyTable
	jwttest.Golden(jwttest.NoTest{}, "testdata/policy.golden", table) // in a test: t
	fmt.Println("as reviewed")
	// Output: as reviewed
}
