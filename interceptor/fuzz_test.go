package interceptor_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// fuzzWorld is a world without a test.
func fuzzWorld(f *testing.F) world {
	f.Helper()
	issuer := jwttest.NewIssuer(f, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256))
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}})
	if err != nil {
		f.Fatal(err)
	}
	return world{issuer, verifier}
}

var (
	claimName = regexp.MustCompile(`(?s)"[^"\p{Cc}]+"|[A-Za-z0-9_-]+`)
	claimPath = regexp.MustCompile(`(?s)^(?:"[^"\p{Cc}]+"|[A-Za-z0-9_-]+)(?:\.(?:"[^"\p{Cc}]+"|[A-Za-z0-9_-]+))*$`)
)

// FuzzClaimPath makes a rule of any path. It must be a mistake just when a regular
// expression says so, and else find the claim that is there.
func FuzzClaimPath(f *testing.F) {
	w := fuzzWorld(f)
	for _, path := range []string{
		"tenant", "realm_access.roles", `"https://acme.example/app".roles`, `a."b.c".d`, `"größe"`,
		"", ".", "a.", "..a", `"a`, `a."b"c`, `""`, "a b", "größe", "a\x00", "\"\f\"", "\xff", "\"\xff\"", `"a""b"`,
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		_, err := interceptor.NewServer(w.verifier, asking(interceptor.Claim(path, "yes")))
		if fits := claimPath.MatchString(path); (err == nil) != fits {
			t.Fatalf("the path %q: %v, want it accepted: %v", path, err, fits)
		}
		names := []string{"x"} // where no registered claim is
		for _, name := range claimName.FindAllString(path, -1) {
			names = append(names, strings.Trim(name, `"`))
		}
		if err != nil || len(names) > 10 || len(path) > 1<<10 || !utf8.ValidString(path) {
			return // a token can't have that
		}
		server := w.server(t, asking(interceptor.Claim("x."+path, "yes")))
		for value, want := range map[string]token.Reason{"yes": "", "no": interceptor.ReasonClaimRequired} {
			_, claims := nested(names, value)
			text, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim("x", json.RawMessage(text))), want)
		}
	})
}

// FuzzOption makes the options of a method of any bytes. If one of them is the
// rule, it is taken for what protobuf says it is, or is a mistake: never no rule.
func FuzzOption(f *testing.F) {
	w := fuzzWorld(f)
	admin := inField(optionField, bytesOf(f, scopesRule("admin")))
	everything := tokenRule(&policyv1.Authenticated{
		AllScopes: []string{"a", "b"}, AnyScopes: []string{"c"}, Claims: []*policyv1.Claim{{Path: `a."b"`, AnyOf: []string{"x"}}},
		Issuers: []string{w.issuer.URL()}, MaxAge: durationpb.New(1e9), Peers: []string{"spiffe://acme/orders"},
	})
	for _, options := range [][]byte{
		nil, admin, admin[:len(admin)-1], admin[:3],
		inField(optionField, bytesOf(f, everything)),
		inField(optionField, bytesOf(f, publicRule())),
		inField(optionField, bytesOf(f, publicRule(), scopesRule("admin"))),
		append(inField(optionField, bytesOf(f, optionalRule())), admin...),
		append(slices.Clone(admin), inField(optionField+1, admin)...),
		inField(optionField, nil),
		inField(optionField, inField(4, nil)),
		inField(optionField, inField(3, inField(99, nil))),
		protowire.AppendVarint(protowire.AppendTag(nil, optionField, protowire.VarintType), 1),
		append(protowire.AppendTag(nil, optionField, protowire.StartGroupType), protowire.AppendTag(nil, optionField, protowire.EndGroupType)...),
		inField(999, nil),
		{0x88, 0x02, 0x01}, // deprecated
		{0xff},
	} {
		f.Add(options)
	}
	f.Fuzz(func(t *testing.T, options []byte) {
		files := protoFiles(t, optionsBy(func(message pb.Message, _ protoreflect.ExtensionType) {
			message.ProtoReflect().SetUnknown(options)
		}))
		server, err := interceptor.NewServer(w.verifier, interceptor.FromProto(files))
		want, ok := answerToNobody(options)
		if err != nil {
			return
		}
		if !ok {
			t.Fatalf("options that can't be read are accepted: %x", options)
		}
		wantAnswer(t, server, "/acme.v1.Orders/Cancel", "", want) // by its rule
		wantAnswer(t, server, "/acme.v1.Orders/List", "", want)   // by the default
	})
}

// answerToNobody reads options by hand, and returns what a caller without a token
// is to be answered; false if they can't be read.
func answerToNobody(options []byte) (token.Reason, bool) {
	var found bool
	var all []byte // of pieces, as protobuf joins them
	for len(options) > 0 {
		number, kind, n := protowire.ConsumeField(options)
		if n < 0 || number == optionField && kind != protowire.BytesType {
			return "", false
		}
		if number == optionField {
			_, _, start := protowire.ConsumeTag(options)
			piece, _ := protowire.ConsumeBytes(options[start:])
			all, found = append(all, piece...), true
		}
		options = options[n:]
	}
	rule := new(policyv1.Rule)
	if err := pb.Unmarshal(all, rule); err != nil {
		return "", false
	}
	switch {
	case !found:
		return interceptor.ReasonNoPolicy, true
	case rule.GetPublic() != nil, rule.GetOptional() != nil:
		return "", true
	default:
		return token.ReasonMissing, rule.GetAuthenticated() != nil
	}
}
