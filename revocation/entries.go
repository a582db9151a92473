package revocation

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// entries are those of a list: one table for each kind, and when to forget what.
type entries struct {
	hasher    hasher
	tables    [kinds]table
	remembers int64 // seconds
	lifetime  int64 // of tokens, likewise
	leeway    int64 // likewise
	ahead     int64 // how far ahead of now an entry may have been made, likewise

	mu      sync.Mutex // held by who adds or forgets
	issuers map[string]string
	due     map[int64][]*record // by the minute in which they are to be forgotten
	swept   int64               // the minute up to which that has been done
}

func newEntries(config Config) *entries {
	return &entries{
		hasher:    hasher{seed: maphash.MakeSeed()},
		remembers: config.remembers(),
		lifetime:  ceilSeconds(config.MaxLifetime),
		leeway:    ceilSeconds(config.Leeway),
		ahead:     ceilSeconds(config.Leeway),
		issuers:   make(map[string]string),
		due:       make(map[int64][]*record),
	}
}

// keys are what a token is looked up by. A key with an empty value, but of the
// issuer, is none.
type keys [kinds]key

// keysOf returns all keys of a token.
func (s *entries) keysOf(t *token.Token) keys {
	issuer, hash := t.Issuer(), t.SigningInputHash()
	return keys{
		byID:        {issuer, t.ID()},
		byHash:      {issuer, string(hash[:])},
		bySession:   {issuer, t.Session()},
		byPrincipal: {issuer, t.Subject()},
		byIssuer:    {issuer, ""},
	}
}

// issuedAt returns the second in which a token was issued. One that doesn't say
// was issued before any time.
func issuedAt(t *token.Token) int64 {
	if at := t.IssuedAt(); !at.IsZero() {
		return at.Unix()
	}
	return math.MinInt64
}

// match reports whether there is an entry for a token.
func (s *entries) match(t *token.Token) bool {
	issuer := t.Issuer()
	ofIssuer, issued := s.hasher.issuer(issuer), issuedAt(t)
	if s.has(byID, ofIssuer, key{issuer, t.ID()}, issued) ||
		s.has(bySession, ofIssuer, key{issuer, t.Session()}, issued) ||
		s.has(byPrincipal, ofIssuer, key{issuer, t.Subject()}, issued) ||
		s.has(byIssuer, ofIssuer, key{issuer, ""}, issued) {
		return true
	}
	if s.tables[byHash].live.Load() == 0 { // the hash is dear
		return false
	}
	hash := t.SigningInputHash()
	return s.has(byHash, ofIssuer, key{issuer, string(hash[:])}, issued)
}

// has reports whether a token with this key, issued in that second, is meant.
func (s *entries) has(kind kind, ofIssuer uint64, k key, issued int64) bool {
	table := &s.tables[kind]
	if table.live.Load() == 0 || (k.value == "" && kind != byIssuer) {
		return false
	}
	r := table.find(k, s.hasher.hash(ofIssuer, k.value))
	return r != nil && issued < r.before.Load()
}

// add adds an entry, unless nothing that it matches can be valid any more. It
// returns the record, and whether that matches more than before.
func (s *entries) add(e Entry, now time.Time) (r *record, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now.Unix())
	e = s.clamp(e, now.Unix())
	forgetAt := s.forgetAt(e)
	if forgetAt <= now.Unix() {
		return nil, false
	}
	hash := s.hasher.hash(s.hasher.issuer(e.issuer), e.value)
	if r = s.tables[e.kind].find(e.key(), hash); r == nil {
		r = &record{key: key{issuer: s.intern(e.issuer), value: e.value}, hash: hash, kind: e.kind}
		news = true
	}
	if e.reach() > r.before.Load() {
		r.before.Store(e.reach())
		news = true
	}
	if forgetAt > r.forgetAt {
		s.postpone(r, forgetAt)
		r.at, r.expiry = e.at, e.expiry
	}
	if news && s.tables[e.kind].find(e.key(), hash) == nil {
		s.tables[e.kind].add(r)
	}
	return r, news
}

// clamp corrects times that lie in the future: nobody can revoke what isn't issued
// yet, but clocks differ.
func (s *entries) clamp(e Entry, now int64) Entry {
	if e.at == 0 {
		e.at = now
	}
	e.at = min(e.at, now+s.ahead)
	e.before = min(e.before, e.at+s.leeway)
	return e
}

// forgetAt returns the second from which on no token that e matches is accepted. A
// token is accepted until it has expired and the leeway has passed. It was issued
// before the entry's time or, if that has none, before the entry was made, by clocks
// that may differ.
func (s *entries) forgetAt(e Entry) int64 {
	at := e.at + s.remembers
	if e.kind.isOpen() {
		at = e.before + s.lifetime + s.leeway
	}
	if e.expiry != 0 {
		at = min(at, e.expiry+s.leeway)
	}
	return at
}

// intern returns one string for all equal ones: there are few issuers.
func (s *entries) intern(issuer string) string {
	if known, ok := s.issuers[issuer]; ok {
		return known
	}
	const few = 1 << 10
	if len(s.issuers) < few {
		s.issuers[issuer] = issuer
	}
	return issuer
}

// postpone sets when a record is to be forgotten. No minute has a record twice: it
// can be removed only once.
func (s *entries) postpone(r *record, forgetAt int64) {
	if due := minute(forgetAt); r.forgetAt == 0 || minute(r.forgetAt) != due {
		s.due[due] = append(s.due[due], r)
	}
	r.forgetAt = forgetAt
}

// sweep forgets what can't match any more. The minute under way has to pass first.
func (s *entries) sweep(now int64) {
	if minute(now) <= s.swept {
		return
	}
	s.swept = minute(now)
	for due, records := range s.due {
		if due >= s.swept {
			continue
		}
		delete(s.due, due)
		for _, r := range records {
			if minute(r.forgetAt) == due { // else it is remembered for longer by now
				s.tables[r.kind].remove(r)
			}
		}
	}
}

func minute(second int64) int64 { return second / 60 }

// len returns how many entries there are.
func (s *entries) len(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now.Unix())
	n := 0
	for i := range s.tables {
		n += int(s.tables[i].live.Load())
	}
	return n
}

// all goes through the entries.
func (s *entries) all(yield func(Entry) bool) {
	for i := range s.tables {
		for r := range s.tables[i].all {
			s.mu.Lock()
			e := Entry{kind: r.kind, issuer: r.key.issuer, value: r.key.value, at: r.at, expiry: r.expiry}
			if e.kind.isOpen() {
				e.before = r.before.Load()
			}
			s.mu.Unlock()
			if !yield(e) {
				return
			}
		}
	}
}
