package token_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestErrorsHaveTwoReaders(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	_, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(jwttest.Audience("payroll")))

	public := fmt.Errorf("call failed: %w", err).Error()
	if strings.Contains(public, "payroll") {
		t.Errorf("the caller is shown a claim: %s", public)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("refused", "err", err)
	for _, want := range []string{"AUDIENCE_MISMATCH", "payroll"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the operator is not shown %s: %s", want, log.String())
		}
	}
	if errors.Unwrap(err) == nil {
		t.Error("no cause")
	}
}

func TestWhatStrangersSendIsCutShortInCauses(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	long := strings.Repeat("x", 5000) + "\n"
	for _, with := range []jwttest.TokenOption{
		jwttest.Header("kid", long), jwttest.Header("alg", long), jwttest.Header("typ", long),
		jwttest.IssuedBy(long), jwttest.Audience(long),
	} {
		_, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(with))
		if cause := errors.Unwrap(err).Error(); len(cause) > 300 || strings.Contains(cause, "\n") {
			t.Errorf("the cause has %d bytes", len(cause))
		}
	}
	name := strings.Repeat("é", 2000)
	twice := jwttest.Encode(`{"alg":"ES256","`+name+`":1,"`+name+`":1}`, `{}`, make([]byte, 64))
	_, err := trusting(t, issuer).Verify(t.Context(), twice)
	if cause := errors.Unwrap(err).Error(); token.ReasonOf(err) != token.ReasonMalformed || len(cause) > 300 || !utf8.ValidString(cause) {
		t.Errorf("of a name that comes twice the cause has %d bytes", len(cause))
	}
}

func TestReasonOf(t *testing.T) {
	t.Parallel()
	err := token.NewError(token.ReasonRevoked, nil)
	if got := token.ReasonOf(fmt.Errorf("wrapped: %w", err)); got != token.ReasonRevoked {
		t.Errorf("got %q", got)
	}
	if got := token.ReasonOf(errors.New("other")); got != "" {
		t.Errorf("got %q", got)
	}
	if got := token.ReasonOf((*token.Error)(nil)); got != "" {
		t.Errorf("got %q", got)
	}
	if got := token.ReasonOf(nil); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestEveryReasonHasItsOwnSentence(t *testing.T) {
	t.Parallel()
	seen := make(map[string]token.Reason)
	for _, reason := range []token.Reason{
		token.ReasonMissing, token.ReasonMalformed, token.ReasonTooLarge, token.ReasonUnsupported,
		token.ReasonKeyUnknown, token.ReasonSignatureInvalid, token.ReasonExpired, token.ReasonNotYetValid,
		token.ReasonIssuerMismatch, token.ReasonAudienceMismatch, token.ReasonClaimsInvalid, token.ReasonRevoked,
		token.ReasonKeysUnavailable, token.ReasonRevocationsUnavailable, token.ReasonOverloaded, "",
	} {
		text := token.NewError(reason, nil).Error()
		if other, taken := seen[text]; taken {
			t.Errorf("%s and %s both say %q", reason, other, text)
		}
		seen[text] = reason
	}
}
