package keyset_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestWhichKeyASetGives(t *testing.T) {
	t.Parallel()
	var (
		a       = must(keyset.NewPublicKey("a", keyset.RS256, &rsaKey().PublicKey))
		aPSS    = must(keyset.NewPublicKey("a", keyset.PS256, &rsaKey().PublicKey))
		b       = must(keyset.NewPublicKey("b", keyset.ES256, &p256().PublicKey))
		noID    = must(keyset.NewPublicKey("", keyset.ES256, &newEC(p256().Curve).PublicKey))
		noIDTwo = must(keyset.NewPublicKey("", keyset.ES256, &newEC(p256().Curve).PublicKey))
	)
	for _, test := range []struct {
		name string
		keys []*keyset.Key
		id   string
		alg  keyset.Algorithm
		want *keyset.Key
		err  error
	}{
		{"the key of that id", []*keyset.Key{a, b}, "b", keyset.ES256, b, nil},
		{"two algorithms under one id, the first", []*keyset.Key{a, aPSS}, "a", keyset.RS256, a, nil},
		{"two algorithms under one id, the second", []*keyset.Key{a, aPSS}, "a", keyset.PS256, aPSS, nil},
		{"the id beats a key without one", []*keyset.Key{noID, b}, "b", keyset.ES256, b, nil},
		{"unknown id, one key without id fits", []*keyset.Key{b, noID}, "x", keyset.ES256, noID, nil},
		{"unknown id, two keys without id fit", []*keyset.Key{noID, noIDTwo}, "x", keyset.ES256, nil, keyset.ErrUnknownKey},
		{"unknown id, all keys have one", []*keyset.Key{a, b}, "x", keyset.ES256, nil, keyset.ErrUnknownKey},
		{"ids are compared exactly", []*keyset.Key{a, b}, "B", keyset.ES256, nil, keyset.ErrUnknownKey},
		{"known id, other algorithm", []*keyset.Key{a, b}, "b", keyset.RS256, nil, keyset.ErrWrongAlgorithm},
		{"known id, other algorithm, a key without id would fit", []*keyset.Key{a, noID}, "a", keyset.ES256, nil, keyset.ErrWrongAlgorithm},
		{"unknown id, no key for the algorithm", []*keyset.Key{a, b}, "x", keyset.HS256, nil, keyset.ErrWrongAlgorithm},
		{"no id, one key fits", []*keyset.Key{a, b}, "", keyset.ES256, b, nil},
		{"no id, the only key has none", []*keyset.Key{noID}, "", keyset.ES256, noID, nil},
		{"no id, two keys fit", []*keyset.Key{b, noID}, "", keyset.ES256, nil, keyset.ErrUnknownKey},
		{"no id, no key fits", []*keyset.Key{a, b}, "", keyset.EdDSA, nil, keyset.ErrWrongAlgorithm},
		{"none is no algorithm", []*keyset.Key{a, b}, "a", "none", nil, keyset.ErrWrongAlgorithm},
		{"no algorithm", []*keyset.Key{a, b}, "a", "", nil, keyset.ErrWrongAlgorithm},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := must(keyset.New(test.keys...)).Key(t.Context(), test.id, test.alg)
			if key != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v, want %v, %v", key, err, test.want, test.err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	key := must(keyset.NewPublicKey("a", "", &p256().PublicKey))
	unnamed := must(keyset.NewPublicKey("", "", &p256().PublicKey))
	for name, keys := range map[string][]*keyset.Key{
		"no keys":                       {},
		"a nil key":                     {key, nil},
		"one id twice":                  {key, must(keyset.NewPublicKey("a", "", &newEC(p256().Curve).PublicKey))},
		"the same key twice without id": {unnamed, unnamed},
	} {
		if set, err := keyset.New(keys...); err == nil || set != nil {
			t.Errorf("%s: got %v, %v", name, set, err)
		}
	}
}

func TestStaticKeysAreACopy(t *testing.T) {
	t.Parallel()
	key := must(keyset.NewPublicKey("a", "", &p256().PublicKey))
	set := must(keyset.New(key))
	set.Keys()[0] = nil
	if set.Keys()[0] != key {
		t.Error("a caller changed the set")
	}
}

func TestUnavailableError(t *testing.T) {
	t.Parallel()
	err := error(&keyset.UnavailableError{After: time.Second, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, keyset.ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("%v is not what it says", err)
	}
	wantError(t, err, "keys are unavailable", "unexpected EOF")
	wantError(t, new(keyset.UnavailableError), "keys are unavailable")
	if got := keyset.RetryAfter(err); got != time.Second {
		t.Errorf("RetryAfter: %v", got)
	}
	if got := keyset.RetryAfter(context.Canceled); got != 0 {
		t.Errorf("RetryAfter of another error: %v", got)
	}
}

func TestAlgorithmNames(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs() {
		if !pair.alg.Supported() {
			t.Errorf("%s is not supported", pair.alg)
		}
		if (pair.alg[:2] == "HS") != pair.alg.Symmetric() {
			t.Errorf("%s symmetric: %v", pair.alg, pair.alg.Symmetric())
		}
	}
	for _, alg := range []keyset.Algorithm{"", "none", "hs256", "ES256K", "Ed448", "ML-DSA-65", "RSA-OAEP", "HS256 "} {
		if alg.Supported() || alg.Symmetric() {
			t.Errorf("%q is supported", alg)
		}
	}
}
