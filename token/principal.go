package token

// Principal is who a token is about: a subject as one issuer names it. Two
// issuers may use the same subject for different people, so the pair, and
// never the subject alone, is the key for data, limits and caches. It is
// comparable and fit as a map key.
type Principal struct {
	Issuer  string
	Subject string
}

// String returns the subject and its issuer, for logs.
func (p Principal) String() string { return p.Subject + "@" + p.Issuer }
