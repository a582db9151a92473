package revocation

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// logoutParameter is what holds the logout token in a request.
const logoutParameter = "logout_token"

// maxLogoutBody is the longest body that is read, in bytes: the longest token, each
// character of which may be written as three, and other parameters.
const maxLogoutBody = 64 << 10

// logoutTokenOf returns the logout token of a request (section 2.5). Reading it ends
// with ctx.
func logoutTokenOf(ctx context.Context, w http.ResponseWriter, r *http.Request) (string, *logoutError) {
	if r.Method != http.MethodPost {
		return "", &logoutError{status: http.StatusMethodNotAllowed, description: "use POST"}
	}
	if !isForm(r.Header) {
		return "", &logoutError{status: http.StatusUnsupportedMediaType, description: "use application/x-www-form-urlencoded"}
	}
	// Addresses get into logs, and this is a place where nobody looks for two tokens.
	if query, err := url.ParseQuery(r.URL.RawQuery); err != nil || query.Has(logoutParameter) {
		return "", invalidRequest("logout_token belongs into the body")
	}
	body, err := readForm(ctx, w, r)
	if err != nil {
		return "", err
	}
	return logoutTokenIn(body)
}

// logoutTokenIn returns the logout token of a form. Parameters that are not
// understood are ignored.
func logoutTokenIn(body string) (string, *logoutError) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return "", invalidRequest("the body is not a form")
	}
	if values := form[logoutParameter]; len(values) == 1 && values[0] != "" {
		return values[0], nil
	}
	return "", invalidRequest("exactly one logout_token is needed")
}

// isForm reports whether a body is a form and nothing around it. A charset may be
// named, if it is the one that forms have.
func isForm(header http.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 || len(header.Values("Content-Encoding")) > 0 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return false
	}
	charset, named := params["charset"]
	return !named || strings.EqualFold(charset, "utf-8")
}

// readForm returns the body.
func readForm(ctx context.Context, w http.ResponseWriter, r *http.Request) (string, *logoutError) {
	if r.ContentLength > maxLogoutBody {
		return "", errBodyTooLarge()
	}
	defer hurryAfter(ctx, w)()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLogoutBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", errBodyTooLarge()
	case ctx.Err() != nil:
		return "", &logoutError{status: http.StatusRequestTimeout, description: "the request took too long", cause: err}
	case err != nil:
		return "", &logoutError{status: http.StatusBadRequest, description: "the body can't be read", cause: err}
	default:
		return string(body), nil
	}
}

// hurryAfter ends a read that waits for its client when ctx ends. Where there is no
// connection, there is nobody to wait for. After stop has returned it leaves w alone,
// which is no longer the handler's when that has returned: with HTTP/2, net/http
// panics then.
func hurryAfter(ctx context.Context, w http.ResponseWriter) (stop func()) {
	hurried := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(hurried)
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !cancel() {
			<-hurried
		}
	}
}

func errBodyTooLarge() *logoutError {
	return &logoutError{status: http.StatusRequestEntityTooLarge, description: "the body is too large"}
}
