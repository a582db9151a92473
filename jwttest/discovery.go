package jwttest

import (
	"encoding/json"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// SetDiscovery sets a member of the discovery document to any value that can
// be JSON, and nil removes it: another "issuer", another "jwks_uri", or one
// that isn't there by default. It stays so until it is set again; tokens and
// [Issuer.JWKSURL] don't follow it.
func (i *Issuer) SetDiscovery(member string, value any) {
	i.tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		i.tb.Fatalf("jwttest: SetDiscovery: member %q has a value that can't be JSON: %T", member, value)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lies[member] = text
	if value == nil {
		i.lies[member] = nil
	}
}

// discovery returns the discovery document with the members that OpenID
// Connect Discovery 1.0 section 3 requires, or what is said instead.
func (i *Issuer) discovery(base string) ([]byte, error) {
	keys, err := i.held(nil)
	if err != nil {
		return nil, err
	}
	document := map[string]any{
		"issuer":                                i.URL(),
		"jwks_uri":                              base + i.jwksPath(),
		"authorization_endpoint":                base + "/authorize",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": publicAlgorithms(keys),
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for member, text := range i.lies {
		document[member] = text
		if text == nil {
			delete(document, member)
		}
	}
	return json.Marshal(document)
}

// publicAlgorithms returns the algorithms of keys that are served.
func publicAlgorithms(keys []*Key) []keyset.Algorithm {
	var algs []keyset.Algorithm
	seen := make(map[keyset.Algorithm]bool)
	for _, key := range keys {
		if !key.alg.Symmetric() && !seen[key.alg] {
			seen[key.alg] = true
			algs = append(algs, key.alg)
		}
	}
	return algs
}
