package token_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestWhatATokenSays(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	began := time.Now().Add(-time.Minute)
	raw := issuer.Token(
		jwttest.Audience("other-name", "x"), jwttest.ID("id-1"), jwttest.Scopes("read", "write"),
		jwttest.IssuedAt(began), jwttest.Claim("nbf", 12345.5),
	)
	got, err := trusting(t, issuer).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(raw))
	for what, pair := range map[string][2]any{
		"raw":           {got.Raw(), raw},
		"authorization": {got.Authorization(), "Bearer " + raw},
		"fingerprint":   {got.Fingerprint(), hex.EncodeToString(sum[:])[:8]},
		"issuer":        {got.Issuer(), issuer.URL()},
		"subject":       {got.Subject(), jwttest.DefaultSubject},
		"principal":     {got.Principal(), token.Principal{Issuer: issuer.URL(), Subject: jwttest.DefaultSubject}},
		"audience":      {strings.Join(got.Audience(), " "), "other-name x"},
		"id":            {got.ID(), "id-1"},
		"scopes":        {strings.Join(got.Scopes(), " "), "read write"},
		"algorithm":     {got.Algorithm(), keyset.ES256},
		"key":           {got.KeyID(), issuer.Key(keyset.ES256).ID()},
		"issued at":     {got.IssuedAt().Unix(), began.Unix()},
		"not before":    {got.NotBefore(), time.Unix(12345, 5e8).UTC()},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	if !got.HasScope("read") || got.HasScope("READ") || got.HasScope("read write") || got.HasScope("") {
		t.Error("HasScope is wrong")
	}
	if !got.HasAudience("x") || got.HasAudience("y") {
		t.Error("HasAudience is wrong")
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := trusting(t, issuer)
	for name, test := range map[string]struct {
		with []jwttest.TokenOption
		want []string
	}{
		"none":                   {nil, nil},
		"scope as a string":      {opts(jwttest.Claim("scope", "a b")), []string{"a", "b"}},
		"scope as a list":        {opts(jwttest.Claim("scope", []string{"a", "b"})), []string{"a", "b"}},
		"scp as a string":        {opts(jwttest.Claim("scp", "a b")), []string{"a", "b"}},
		"scp as a list":          {opts(jwttest.Claim("scp", []string{"a", "b"})), []string{"a", "b"}},
		"empty string":           {opts(jwttest.Claim("scope", "")), nil},
		"more spaces":            {opts(jwttest.Claim("scope", " a  b ")), []string{"a", "b"}},
		"no other white space":   {opts(jwttest.Claim("scope", "a\tb")), []string{"a\tb"}},
		"scope comes before scp": {opts(jwttest.Claim("scope", "a"), jwttest.Claim("scp", "b")), []string{"a"}},
		"empty scope hides scp":  {opts(jwttest.Claim("scope", ""), jwttest.Claim("scp", "b")), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := verifier.Verify(t.Context(), issuer.Token(test.with...))
			if err != nil {
				t.Fatal(errors.Unwrap(err))
			}
			if !slices.Equal(got.Scopes(), test.want) {
				t.Errorf("scopes are %q, want %q", got.Scopes(), test.want)
			}
		})
	}
}

func TestATokenIsNeverPrinted(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token()
	got, err := trusting(t, issuer).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%o", "%t", "%U"} {
		fmt.Fprintf(&printed, verb+"\n", got)
		fmt.Fprintf(&printed, verb+"\n", struct{ T *token.Token }{got})
		fmt.Fprintf(&printed, verb+"\n", []*token.Token{got})
		fmt.Fprintf(&printed, verb+"\n", *got)
		fmt.Fprintf(&printed, verb+"\n", struct{ inner token.Token }{*got})
	}
	for _, logger := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(logger).Info("seen", "token", got, "in", struct{ T *token.Token }{got}, "copy", *got)
	}
	inJSON, err := json.Marshal(map[string]any{"token": got})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(inJSON)
	fmt.Fprint(&printed, token.NewContext(t.Context(), got))
	for _, secret := range []string{raw, raw[:30], raw[len(raw)-30:], hex.EncodeToString([]byte(raw[:30])), jwttest.DefaultSubject} {
		if strings.Contains(strings.ToLower(printed.String()), strings.ToLower(secret)) {
			t.Error("the token, or what it says, was printed")
		}
	}
	if !strings.Contains(printed.String(), got.Fingerprint()) {
		t.Error("the fingerprint was not printed")
	}
}

func TestAnotherGoroutineCantChangeAToken(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	got, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(jwttest.Scopes("read")))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got.Scopes()[0] = "admin"
			got.Audience()[0] = "everyone"
		})
	}
	group.Wait()
	if got.HasScope("admin") || got.HasAudience("everyone") {
		t.Error("the token was changed")
	}
}

func TestNoTokenIsHarmless(t *testing.T) {
	t.Parallel()
	var zero token.Token
	var none *token.Token
	if none.Raw() != "" || none.Subject() != "" || !none.ValidUntil().IsZero() || none.String() != "token " {
		t.Error("a nil token says something")
	}
	if zero.Raw() != "" || zero.Authorization() != "" || zero.Subject() != "" || zero.Scopes() != nil {
		t.Error("the zero token says something")
	}
}
