package token_test

import (
	"slices"
	"testing"
)

// TestListsAndNamesByHand has payloads as no issuer of ours writes them: with white space,
// escapes, and names in no order.
func TestListsAndNamesByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	payload := `{"z":1,` + b.claims + `,"scope":[ "a\"]" ,` + "\t\"b\\\\\",\r\n" + `"c,d" ],"b":2,"a":3,"m":{"y":1,"x":[ "\"" , "]" ]}}`
	verified, err := b.verifier.Verify(t.Context(), b.key.Sign(`{`+b.members+`}`, payload))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := verified.Scopes(), []string{`a"]`, `b\`, `c,d`}; !slices.Equal(got, want) {
		t.Errorf("scopes are %q, want %q", got, want)
	}
	for value, path := range map[string][]string{
		"1": {"z"}, "2": {"b"}, "3": {"a"}, `"`: {"m", "x"}, "]": {"m", "x"}, `b\`: {"scope"},
	} {
		if !verified.HasClaim(path, value) {
			t.Errorf("%q is not %q", path, value)
		}
	}
}
