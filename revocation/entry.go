package revocation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
	"unicode/utf8"

	"github.com/jwtrelay/jwtrelay/token"
)

// Entry says which tokens have ended. It comes from one of the functions that
// return one, or from JSON, and is comparable. The zero Entry matches nothing, and
// whoever is given it refuses it.
//
// Times have whole seconds, as the claims of most issuers do.
type Entry struct {
	kind   kind
	issuer string
	value  string // the id, hash, session or subject
	before int64  // of tokens issued earlier, in seconds since 1970
	at     int64  // when it was made, likewise; 0 if nobody said
	expiry int64  // "exp" of the token, likewise; 0 if that isn't known
}

// kind is what an entry matches tokens by.
type kind uint8

// The kinds. The zero kind is that of the zero Entry.
const (
	byID kind = iota + 1
	byHash
	bySession
	byPrincipal
	byIssuer
)

// kinds is how many there are, with the zero one.
const kinds = byIssuer + 1

// maxValue bounds an id, a session or a name, in bytes.
const maxValue = 1 << 10

// Token returns an entry for one token: by its "jti" and issuer or, if it has
// none, by [token.Token.SigningInputHash]. It is forgotten once the token has
// expired.
func Token(t *token.Token) Entry {
	e := TokenID(t.Issuer(), t.ID(), t.Expires())
	if t.ID() == "" || len(t.ID()) > maxValue {
		hash := t.SigningInputHash()
		e.kind, e.value = byHash, string(hash[:])
	}
	return e
}

// TokenID returns an entry for the token with this "jti" of this issuer. expires is
// its "exp"; a zero one, of a token that is not at hand, stands for the latest that
// is possible.
func TokenID(issuer, id string, expires time.Time) Entry {
	e := Entry{kind: byID, issuer: issuer, value: id}
	if !expires.IsZero() {
		e.expiry = ceil(expires)
	}
	return e
}

// Session returns an entry for all tokens of a session: those of the issuer with
// this "sid".
func Session(issuer, id string) Entry { return Entry{kind: bySession, issuer: issuer, value: id} }

// Principal returns an entry for all tokens of a principal that were issued before
// the given time, and those that don't say when they were issued. Whole seconds are
// compared: a token of the same second is not meant, so that a user who logs out
// everywhere can log in again at once. Add an entry for the session that does so.
//
// A time in the future counts as the time when the entry was made.
func Principal(p token.Principal, before time.Time) Entry {
	return Entry{kind: byPrincipal, issuer: p.Issuer, value: p.Subject, before: before.Unix()}
}

// Issuer returns an entry for all tokens of an issuer that were issued before the
// given time, as [Principal] has it. It logs out everybody: a [List] takes it from
// its own program, and from a [Source] that may say so.
func Issuer(issuer string, before time.Time) Entry {
	return Entry{kind: byIssuer, issuer: issuer, before: before.Unix()}
}

// At returns the entry as it was made at the given time, from which it follows how
// long it must be remembered, and what a time in the future counts as. Whoever
// publishes an entry for others sets that, if nobody did before: without it, an entry
// counts as made whenever a list reads it.
func (e Entry) At(t time.Time) Entry {
	e.at = t.Unix()
	return e
}

// Made returns when the entry was made, the zero time if nobody has said.
func (e Entry) Made() time.Time { return unix(e.at) }

// IsForIssuer reports whether the entry is for everything of an issuer.
func (e Entry) IsForIssuer() bool { return e.kind == byIssuer }

// Check returns an error if the entry can match nothing: it has no issuer or names
// nothing, a name is longer than 1 KiB or not UTF-8, or a time is before 1970 or after
// 9999.
func (e Entry) Check() error {
	switch {
	case e.kind == 0:
		return errors.New("it says nothing")
	case e.issuer == "":
		return errors.New("it has no issuer")
	case e.value == "" && e.kind != byIssuer:
		return fmt.Errorf("it has no %s", e.kind)
	case e.before <= 0 && e.kind.isOpen():
		return errors.New(`it has no time "before" which tokens were issued`)
	case e.before != 0 && !e.kind.isOpen():
		return fmt.Errorf(`a %s has no time "before"`, e.kind)
	case max(len(e.issuer), len(e.value)) > maxValue:
		return fmt.Errorf("a name is longer than %d bytes", maxValue)
	case !utf8.ValidString(e.issuer) || (e.kind != byHash && !utf8.ValidString(e.value)):
		return errors.New("a name is not UTF-8") // so no token has it, and JSON can't say it
	case min(e.before, e.at, e.expiry) < 0 || max(e.before, e.at, e.expiry) >= maxDate:
		return errors.New("a time is out of range")
	default:
		return nil
	}
}

// maxDate is the first second of the year 10000.
const maxDate = 253402300800

// String says what the entry is for. It names sessions, ids and users.
func (e Entry) String() string {
	switch e.kind {
	case byHash:
		return fmt.Sprintf("token of %q with hash %s", e.issuer, base64.RawURLEncoding.EncodeToString([]byte(e.value)))
	case byID, bySession:
		return fmt.Sprintf("%s %q of %q", e.kind, e.value, e.issuer)
	case byPrincipal:
		return fmt.Sprintf("tokens of %q of %q issued before %s", e.value, e.issuer, unix(e.before).Format(time.RFC3339))
	case byIssuer:
		return fmt.Sprintf("all tokens of %q issued before %s", e.issuer, unix(e.before).Format(time.RFC3339))
	default:
		return "nothing"
	}
}

// LogValue shows [Entry.String].
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.String()) }

// String names what entries of a kind are looked up by.
func (k kind) String() string {
	return [kinds]string{"", "token", "hash", "session", "subject", "issuer"}[k]
}

// isOpen reports whether tokens that match may be issued again: what is meant are
// those issued before some time.
func (k kind) isOpen() bool { return k == byPrincipal || k == byIssuer }

// key returns what the entry is looked up by.
func (e Entry) key() key { return key{issuer: e.issuer, value: e.value} }

// reach returns the second before which a token must have been issued to match.
func (e Entry) reach() int64 {
	if e.kind.isOpen() {
		return e.before
	}
	return math.MaxInt64
}

// unix returns the time of a second since 1970, the zero time for 0.
func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// ceil returns the first whole second that is not before t.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
