package metadata

import "net/http"

// FromHTTP returns the token in the headers of an incoming HTTP request; see
// [Header.Parse] for the errors.
func FromHTTP(header http.Header) (token string, err error) { return Header{}.FromHTTP(header) }

// ToHTTP sets the token of an outgoing HTTP request, replacing what header
// holds. The error is [ErrMalformed] or [ErrTooLarge] for a token that no
// reader would accept; header is then left alone.
func ToHTTP(header http.Header, token string) error { return Header{}.ToHTTP(header, token) }

// FromHTTP is [FromHTTP] for this header.
func (h Header) FromHTTP(header http.Header) (token string, err error) {
	return h.Parse(header.Values(h.Key()))
}

// ToHTTP is [ToHTTP] for this header.
func (h Header) ToHTTP(header http.Header, token string) error {
	value := scheme + token
	if _, err := h.Parse([]string{value}); err != nil {
		return err
	}
	header.Set(h.Key(), value)
	return nil
}
