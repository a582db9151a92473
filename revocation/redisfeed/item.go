package redisfeed

import (
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// field is the name of what an item holds: the JSON of an entry. Other fields are
// ignored.
const field = "e"

// decode returns the entry of an item.
func decode(item redis.XMessage) (revocation.Entry, error) {
	text, ok := item.Values[field].(string)
	if !ok {
		return revocation.Entry{}, errors.New(`it has no field "` + field + `"`)
	}
	var e revocation.Entry
	return e, e.UnmarshalJSON([]byte(text))
}

// encode returns what an item holds for an entry, with the time when it was made.
func (f *Feed) encode(e revocation.Entry) ([]byte, error) {
	if e.Made().IsZero() {
		e = e.At(f.config.Clock())
	}
	return e.MarshalJSON()
}
