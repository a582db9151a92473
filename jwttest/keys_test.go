package jwttest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// algorithms returns what the keys of a set are for, sorted.
func algorithms(set *keyset.Static) []keyset.Algorithm {
	var algs []keyset.Algorithm
	for _, key := range set.Keys() {
		algs = append(algs, key.Algorithm())
	}
	slices.Sort(algs)
	return algs
}

// ids returns the key ids in a JWK Set.
func ids(t *testing.T, set []byte) []string {
	t.Helper()
	var parsed struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(set, &parsed); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range parsed.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

func TestWhichKeysAreThere(t *testing.T) {
	t.Parallel()
	type algs = []keyset.Algorithm
	for _, test := range []struct {
		name string
		opts []jwttest.Option
		used algs
		ask  algs
		want algs
	}{
		{"the default at first", nil, nil, nil, algs{keyset.ES256}},
		{"those of the option", []jwttest.Option{jwttest.WithAlgorithms(keyset.EdDSA, keyset.HS256)}, nil, nil, algs{keyset.EdDSA, keyset.HS256}},
		{"those used", nil, algs{keyset.HS512, keyset.ES384}, nil, algs{keyset.ES256, keyset.ES384, keyset.HS512}},
		{"those asked for only", nil, algs{keyset.HS512}, algs{keyset.ES384, keyset.EdDSA}, algs{keyset.ES384, keyset.EdDSA}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, append(test.opts, jwttest.InMemory())...)
			for _, alg := range test.used {
				_ = issuer.Token(jwttest.SignedWith(alg))
			}
			if got := algorithms(issuer.Keys(test.ask...)); !slices.Equal(got, test.want) {
				t.Errorf("keys are for %v, want %v", got, test.want)
			}
		})
	}
}

func TestAKeyStaysTheSameUntilItRotates(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	first := issuer.Key(keyset.ES256)
	_ = issuer.Token()
	if issuer.Key(keyset.ES256) != first {
		t.Error("two keys for one algorithm")
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	old := issuer.Key(keyset.ES256)

	issuer.Rotate()
	fresh := issuer.Key(keyset.ES256)
	if fresh.ID() == old.ID() {
		t.Fatal("the id did not change")
	}
	if got := ids(t, issuer.JWKS()); !slices.Equal(got, []string{old.ID(), fresh.ID()}) {
		t.Errorf("after rotation the set has %v", got)
	}
	if _, err := verify(issuer, issuer.Token()); err != nil {
		t.Errorf("the new key does not sign: %v", err)
	}

	issuer.Withdraw()
	if got := ids(t, issuer.JWKS()); !slices.Equal(got, []string{fresh.ID()}) {
		t.Errorf("after withdrawal the set has %v", got)
	}
	if header, _, _, err := jwttest.Decode(issuer.Token(jwttest.SignedBy(old))); err != nil || !strings.Contains(header, old.ID()) {
		t.Errorf("the old key does not sign: %s, %v", header, err)
	}
}

func TestRotationOfOneAlgorithmLeavesTheOthers(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	p256, ed := issuer.Key(keyset.ES256), issuer.Key(keyset.EdDSA)
	issuer.Rotate(keyset.EdDSA)
	if issuer.Key(keyset.ES256) != p256 {
		t.Error("ES256 rotated too")
	}
	if issuer.Key(keyset.EdDSA) == ed {
		t.Error("EdDSA did not rotate")
	}
}

func TestRotationLeavesAnOldKeyEvenIfNobodyAskedForIt(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	issuer.Rotate()
	if got := ids(t, issuer.JWKS()); len(got) != 2 {
		t.Errorf("the set has %v", got)
	}
}

func TestAnyKeyCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	key := issuer.Key(keyset.ES256)
	issuer.Withdraw(key)
	if got := string(issuer.JWKS()); got != `{"keys":[]}` {
		t.Errorf("the set is %s", got)
	}
	if issuer.Key(keyset.ES256) != key {
		t.Error("the issuer signs with another key")
	}
}

func TestAnyKeyCanBePublished(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	next := jwttest.NewKey(t, keyset.ES384)
	issuer.Publish(next)
	if got := ids(t, issuer.JWKS(keyset.ES384)); !slices.Contains(got, next.ID()) {
		t.Errorf("the set has %v", got)
	}
	if issuer.Key(keyset.ES384) == next {
		t.Error("the issuer signs with it")
	}
	issuer.Withdraw(next)
	if got := ids(t, issuer.JWKS(keyset.ES384)); slices.Contains(got, next.ID()) {
		t.Errorf("after withdrawal the set has %v", got)
	}
}

func TestRawElementsAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	const odd = `{"kty":"AKP", "kid":"pq-1"}`
	issuer.AddJWK(odd)
	if got := string(issuer.JWKS()); !strings.Contains(got, odd) {
		t.Errorf("the set is %s", got)
	}
	set, err := keyset.Parse(issuer.JWKS(), keyset.ParseConfig{})
	if err != nil || len(set.Keys()) != 1 || len(set.Skipped()) != 1 {
		t.Errorf("keyset reads %v, %v", set, err)
	}
}

func TestSecretsAreNeverServed(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256, keyset.ES256))
	var secrets []*jwttest.Key
	for _, alg := range []keyset.Algorithm{keyset.HS256, keyset.HS384, keyset.HS512} {
		_ = issuer.Token(jwttest.SignedWith(alg))
		secrets = append(secrets, issuer.Key(alg))
	}
	own := jwttest.NewSecret(t, keyset.HS256, make([]byte, 32))
	issuer.Publish(own)
	issuer.Rotate()

	served := string(issuer.JWKS()) +
		mustGet(t, issuer.Client(), issuer.JWKSURL()).body +
		mustGet(t, issuer.Client(), issuer.DiscoveryURL()).body
	for _, word := range []string{`"oct"`, `"k"`, "HS256", "HS384", "HS512"} {
		if strings.Contains(served, word) {
			t.Errorf("%s is served", word)
		}
	}
	for _, key := range append(secrets, own) {
		if strings.Contains(served, key.ID()) {
			t.Errorf("%v is served", key)
		}
		if _, err := issuer.Keys().Key(t.Context(), key.ID(), key.Algorithm()); err != nil {
			t.Errorf("%v is not in Keys: %v", key, err)
		}
	}
}

func TestKeysDoNotFollowTheIssuer(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	set := issuer.Keys()
	issuer.Rotate()
	if _, err := set.Key(t.Context(), issuer.Key(keyset.ES256).ID(), keyset.ES256); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
}

func TestAnIssuerMayBeUsedConcurrently(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	url, client := issuer.JWKSURL(), issuer.Client()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_ = issuer.Token(jwttest.SignedWith(keyset.HS256))
			_ = issuer.Token(jwttest.Forged())
			_ = issuer.Keys()
			_ = issuer.JWKS(keyset.EdDSA)
			issuer.Rotate(keyset.ES256)
			issuer.Withdraw()
			issuer.AddJWK(`{}`)
			issuer.SetHeader("Cache-Control", "no-store")
			issuer.Fail(500)
			issuer.Recover()
			_ = issuer.JWKSRequests()
			if _, err := get(t.Context(), client, url); err != nil {
				t.Error(err)
			}
			if _, err := get(t.Context(), &http.Client{}, url); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
