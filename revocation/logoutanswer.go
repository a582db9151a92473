package revocation

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/jwtrelay/jwtrelay/token"
)

// logoutError is why a logout fails. Error is fit for strangers and holds nothing
// of the token; the cause is for the operator.
type logoutError struct {
	status      int
	description string
	retryAfter  time.Duration // with 503
	cause       error         // nil if the description says all
}

func (e *logoutError) Error() string { return "revocation: back-channel logout: " + e.description }

func (e *logoutError) Unwrap() error { return e.cause }

func invalidRequest(description string) *logoutError {
	return &logoutError{status: http.StatusBadRequest, description: description}
}

// unverified returns the answer to what a verifier said.
func unverified(err error) *logoutError {
	failed := &logoutError{status: http.StatusBadRequest, description: err.Error(), cause: err}
	var rule *ruleError
	switch reason := token.ReasonOf(err); {
	case reason == token.ReasonKeysUnavailable, reason == token.ReasonOverloaded: // says nothing about the token
		return unavailable(failed.description, err)
	case errors.As(err, &rule):
		failed.description = rule.rule
	}
	return failed
}

// unavailable returns the answer of whoever can't tell, or can't publish, now.
func unavailable(description string, cause error) *logoutError {
	wait := time.Second
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(cause, &hint) {
		wait = max(wait, hint.RetryAfter())
	}
	return &logoutError{status: http.StatusServiceUnavailable, description: description, retryAfter: wait, cause: cause}
}

// answer answers a request (section 2.8); err is nil if the logout succeeded.
func answer(w http.ResponseWriter, err *logoutError) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	switch err.status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.FormatInt(ceilSeconds(err.retryAfter), 10))
	}
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(err.status)
	_, _ = w.Write(errorBody(err)) //nolint:gosec // JSON by its type, and nothing of the request is in it
}

// errorBody is RFC 6749 section 5.2, which section 2.8 refers to. Only a request
// that is invalid is called so.
func errorBody(err *logoutError) []byte {
	code := "invalid_request"
	if err.status == http.StatusServiceUnavailable {
		code = "temporarily_unavailable"
	}
	body, _ := json.Marshal(struct { // strings always can be JSON
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, err.description})
	return body
}
