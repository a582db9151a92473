package revocation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wireEntry is the JSON of an entry. Names are those of the claims.
type wireEntry struct {
	Issuer  string   `json:"iss"`
	ID      *string  `json:"jti,omitzero"`
	Hash    *string  `json:"hash,omitzero"` // base64url of SHA-256
	Session *string  `json:"sid,omitzero"`
	Subject *string  `json:"sub,omitzero"`
	All     bool     `json:"all,omitzero"` // else a misspelt name would log out everybody
	Before  *seconds `json:"before,omitzero"`
	Expires *rounded `json:"exp,omitzero"`
	At      *seconds `json:"at,omitzero"`
}

// seconds is a NumericDate (RFC 7519 section 2). A fraction is cut off.
type seconds int64

// rounded is likewise, but that a fraction counts as a second: a token is not to be
// forgotten before it expires.
type rounded int64

// MarshalJSON returns the entry as a JSON object with "iss" and what it is looked up
// by: "jti" or "hash" (with "exp" if that is known), "sid", "sub" (with "before"), or
// "all": true (with "before"). "at" is when it was made. Times are NumericDates (RFC
// 7519 section 2). An entry that [Entry.Check] refuses is an error.
func (e Entry) MarshalJSON() ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("revocation: entry: %w", err)
	}
	wire := wireEntry{Issuer: e.issuer, Expires: (*rounded)(nonZero(e.expiry)), At: nonZero(e.at), Before: nonZero(e.before)}
	switch e.kind {
	case byID:
		wire.ID = &e.value
	case byHash:
		hash := base64.RawURLEncoding.EncodeToString([]byte(e.value))
		wire.Hash = &hash
	case bySession:
		wire.Session = &e.value
	case byPrincipal:
		wire.Subject = &e.value
	default:
		wire.All = true
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads what [Entry.MarshalJSON] writes. It refuses what isn't strict
// JSON, names nothing or two things, or can match nothing, and leaves the entry as it
// was then. Other members are ignored, for versions to come, so none may narrow what
// an entry is for.
func (e *Entry) UnmarshalJSON(data []byte) error {
	read, err := parseEntry(data)
	if err != nil {
		return fmt.Errorf("revocation: entry: %w", err)
	}
	*e = read
	return nil
}

func parseEntry(data []byte) (Entry, error) {
	var wire wireEntry
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject {
		return Entry{}, errors.New("not a JSON object")
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Entry{}, errors.New("not the JSON of an entry") // the module's error quotes it
	}
	e := Entry{issuer: wire.Issuer, before: wire.Before.value(), expiry: (*seconds)(wire.Expires).value(), at: wire.At.value()}
	if err := wire.name(&e); err != nil {
		return Entry{}, err
	}
	return e, e.Check()
}

// name sets what the entry is looked up by.
func (w *wireEntry) name(e *Entry) error {
	for kind, value := range map[kind]*string{byID: w.ID, byHash: w.Hash, bySession: w.Session, byPrincipal: w.Subject} {
		if value == nil {
			continue
		}
		if e.kind != 0 || w.All {
			return errors.New("it names two things")
		}
		e.kind, e.value = kind, *value
	}
	if w.All {
		e.kind = byIssuer
	}
	if e.kind == byHash {
		hash, err := base64.RawURLEncoding.Strict().DecodeString(e.value)
		if err != nil || len(hash) != 32 {
			return errors.New("hash is not a SHA-256 in base64url")
		}
		e.value = string(hash)
	}
	return nil
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (s *seconds) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	number, err := readDate(decoder)
	*s = seconds(math.Floor(number))
	return err
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *rounded) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	number, err := readDate(decoder)
	*r = rounded(math.Ceil(number))
	return err
}

func readDate(decoder *jsontext.Decoder) (number float64, err error) {
	if err := json.UnmarshalDecode(decoder, &number); err != nil {
		return 0, err
	}
	if number < 0 || number >= maxDate {
		return 0, errors.New("date out of range")
	}
	return number, nil
}

func (s *seconds) value() int64 {
	if s == nil {
		return 0
	}
	return int64(*s)
}

// nonZero returns nil for 0, which stands for what nobody said.
func nonZero(value int64) *seconds {
	if value == 0 {
		return nil
	}
	s := seconds(value)
	return &s
}
