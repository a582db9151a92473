package contender

import (
	"context"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"google.golang.org/grpc"
)

// jwx is github.com/lestrrat-go/jwx/v3. With its own key set it goes by the algorithm
// of the key, which is safe, and doesn't look at what the header says, be it "none". The
// others do look, so it has a key provider here, which is as fast.
type jwx struct {
	options []jwt.ParseOption
	scope   string
}

// jwxKeys are the keys by their ids. It is a [jws.KeyProvider].
type jwxKeys map[string]jwxKey

type jwxKey struct {
	algorithm jwa.SignatureAlgorithm
	public    any
}

// NewJWX returns jwx.
func NewJWX(trust Trust) (Contender, error) {
	keys := make(jwxKeys, len(trust.Keys))
	for _, key := range trust.Keys {
		alg, ok := jwa.LookupSignatureAlgorithm(key.Algorithm)
		if !ok {
			return nil, errAlgorithm
		}
		keys[key.ID] = jwxKey{alg, key.Public}
	}
	return &jwx{scope: trust.Scope, options: []jwt.ParseOption{
		jwt.WithKeyProvider(keys),
		jwt.WithIssuer(trust.Issuer),
		jwt.WithAudience(trust.Audience),
		jwt.WithAcceptableSkew(trust.Leeway),
		jwt.WithRequiredClaim(jwt.ExpirationKey),
	}}, nil
}

// FetchKeys implements [jws.KeyProvider].
func (k jwxKeys) FetchKeys(_ context.Context, sink jws.KeySink, signature *jws.Signature, _ *jws.Message) error {
	id, _ := signature.ProtectedHeaders().KeyID()
	key, ok := k[id]
	if !ok {
		return errUnknownKey
	}
	if alg, _ := signature.ProtectedHeaders().Algorithm(); alg != key.algorithm {
		return errAlgorithm
	}
	sink.Key(key.algorithm, key.public)
	return nil
}

func (j *jwx) Verify(_ context.Context, raw string) (Caller, error) {
	parsed, err := jwt.ParseString(raw, j.options...)
	if err != nil {
		return Caller{}, err
	}
	subject, _ := parsed.Subject()
	if subject == "" {
		return Caller{}, errNoSubject
	}
	var scope string
	if parsed.Has("scope") {
		if err := parsed.Get("scope", &scope); err != nil {
			return Caller{}, err
		}
	}
	return Caller{Subject: subject, Scopes: strings.Fields(scope)}, nil
}

func (j *jwx) UnaryInterceptor() grpc.UnaryServerInterceptor { return guard(j, j.scope) }
