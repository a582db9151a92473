package token_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// A service verifies the tokens of its identity provider. In production the
// keys come from keyset.Fetch.
func ExampleNewVerifier() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory(), jwttest.WithURL("https://id.example.com"))
	defer issuer.Close()

	verifier, err := token.NewVerifier([]token.Issuer{{
		URL:       "https://id.example.com",
		Audiences: []string{"orders"},
		Keys:      issuer.Keys(),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}

	caller, err := verifier.Verify(context.Background(), issuer.Token(jwttest.Audience("orders")))
	fmt.Println(caller.Principal(), err)

	_, err = verifier.Verify(context.Background(), issuer.Token(jwttest.Audience("payroll")))
	fmt.Println(token.ReasonOf(err), "-", err)
	// Output:
	// alice@https://id.example.com <nil>
	// AUDIENCE_MISMATCH - the token is not meant for this service
}

// A provider may have an issuer for each tenant, and one set of keys.
func ExampleIssuer() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()

	verifier, err := token.NewVerifier([]token.Issuer{{
		URL:       "https://login.example.com/{tenantid}",
		Tenants:   []string{"acme", "globex"},
		Audiences: []string{"orders"},
		Keys:      issuer.Keys(),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tenant := range []string{"acme", "initech"} {
		raw := issuer.Token(jwttest.Audience("orders"), jwttest.IssuedBy("https://login.example.com/"+tenant))
		caller, err := verifier.Verify(context.Background(), raw)
		fmt.Printf("%s: issuer %q, reason %q\n", tenant, caller.Issuer(), token.ReasonOf(err))
	}
	// Output:
	// acme: issuer "https://login.example.com/acme", reason ""
	// initech: issuer "", reason "ISSUER_MISMATCH"
}

// The team's own claims have a type, and a check of their own.
func ExampleWithClaims() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()

	type AppClaims struct {
		Tenant string `json:"tenant"`
	}
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}}, token.WithClaims[AppClaims]())
	if err != nil {
		fmt.Println(err)
		return
	}
	caller, err := verifier.Verify(context.Background(), issuer.Token(jwttest.Claim("tenant", "acme")))
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := token.NewContext(context.Background(), caller) // a server interceptor does this
	app, ok := token.ClaimsFrom[AppClaims](ctx)
	fmt.Println(app.Tenant, ok)
	// Output: acme true
}

// A handler asks who is calling.
func ExampleFromContext() {
	handler := func(ctx context.Context) {
		caller, ok := token.FromContext(ctx)
		if !ok {
			fmt.Println("anonymous")
			return
		}
		fmt.Println(caller.Subject(), caller.HasScope("orders.read"))
	}
	handler(context.Background())
	handler(token.NewContext(context.Background(), verified(jwttest.Scopes("orders.read"))))
	// Output:
	// anonymous
	// alice true
}

// An error shows the caller a sentence, and the operator why.
func ExampleError() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: []string{"orders"}, Keys: issuer.Keys(),
	}}, token.MaxLifetime(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.Verify(context.Background(), issuer.Token(jwttest.Audience("payroll")))

	fmt.Println(err)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Warn("refused", "err", err)
	// Output:
	// the token is not meant for this service
	// level=WARN msg=refused err.reason=AUDIENCE_MISMATCH err.cause="aud is \"payroll\", want one of [\"orders\"]"
}

// verified returns a token as a verifier gives it.
func verified(with ...jwttest.TokenOption) *token.Token {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}})
	if err != nil {
		return nil
	}
	caller, err := verifier.Verify(context.Background(), issuer.Token(with...))
	if err != nil {
		return nil
	}
	return caller
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// A queue consumer acts for the user whose token came with the message. No
// interceptor ran, so it puts the token into the context itself; clients that
// relay then send it along.
func ExampleNewContext() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	consume := func(message string) {
		caller, err := verifier.Verify(context.Background(), message)
		if err != nil {
			fmt.Println("dropped:", err)
			return
		}
		ctx := token.NewContext(context.Background(), caller)
		_, ok := token.FromContext(ctx)
		fmt.Println("for", caller.Subject(), ok)
	}
	consume(issuer.Token())
	consume(issuer.Token(jwttest.Expired(time.Hour)))
	// Output:
	// for alice true
	// dropped: the token has expired
}

// Code that looks for tokens somewhere else says in the same words that there
// is none.
func ExampleNewError() {
	err := token.NewError(token.ReasonMissing, fmt.Errorf("no cookie %q", "session"))
	fmt.Println(err)
	fmt.Println(token.ReasonOf(err))
	// Output:
	// no token was sent
	// TOKEN_MISSING
}
