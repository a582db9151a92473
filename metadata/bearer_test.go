package metadata_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
)

const aToken = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl" //nolint:gosec // signed by nobody

// reading is one way in which the headers of a call may look, and the answer.
type reading struct {
	name   string
	values []string
	want   string
	err    error
}

func readings() []reading {
	long := strings.Repeat("a", metadata.DefaultLimit)
	return []reading{
		{name: "no value", err: metadata.ErrMissing},
		{name: "one bearer token", values: []string{"Bearer " + aToken}, want: aToken},
		{name: "scheme in lower case", values: []string{"bearer " + aToken}, want: aToken},
		{name: "scheme in odd case", values: []string{"bEARER " + aToken}, want: aToken},
		{name: "several spaces after the scheme", values: []string{"Bearer   " + aToken}, want: aToken},
		{name: "every character of a b64token", values: []string{"Bearer aZ09-._~+/=="}, want: "aZ09-._~+/=="},

		{name: "two values", values: []string{"Bearer " + aToken, "Bearer " + aToken}, err: metadata.ErrMalformed},
		{name: "two values, one of another scheme", values: []string{"Basic YTpi", "Bearer " + aToken}, err: metadata.ErrMalformed},
		{name: "two values, one over the limit", values: []string{"Bearer " + long + "a", "x"}, err: metadata.ErrMalformed},
		{name: "two empty values", values: []string{"", ""}, err: metadata.ErrMalformed},

		{name: "at the limit", values: []string{"Bearer " + long}, want: long},
		{name: "over the limit", values: []string{"Bearer " + long + "a"}, err: metadata.ErrTooLarge},
		{name: "over the limit and of another scheme", values: []string{"Basic " + long + "ab"}, err: metadata.ErrTooLarge},

		{name: "scheme basic", values: []string{"Basic YTpi"}, err: metadata.ErrMissing},
		{name: "scheme DPoP", values: []string{"DPoP " + aToken}, err: metadata.ErrMissing},
		{name: "token without a scheme", values: []string{aToken}, err: metadata.ErrMissing},
		{name: "scheme and token run together", values: []string{"Bearer" + aToken}, err: metadata.ErrMissing},

		{name: "empty value", values: []string{""}, err: metadata.ErrMalformed},
		{name: "bearer alone", values: []string{"Bearer"}, err: metadata.ErrMalformed},
		{name: "bearer and a space", values: []string{"Bearer "}, err: metadata.ErrMalformed},
		{name: "slash for a space", values: []string{"Bearer/abc"}, err: metadata.ErrMalformed},
		{name: "equals sign for a space", values: []string{"Bearer=abc"}, err: metadata.ErrMalformed},
		{name: "tab", values: []string{"Bearer\t" + aToken}, err: metadata.ErrMalformed},
		{name: "tab after the space", values: []string{"Bearer \t" + aToken}, err: metadata.ErrMalformed},
		{name: "no-break space", values: []string{"Bearer\u00a0" + aToken}, err: metadata.ErrMalformed},
		{name: "leading space", values: []string{" Bearer " + aToken}, err: metadata.ErrMalformed},
		{name: "trailing space", values: []string{"Bearer " + aToken + " "}, err: metadata.ErrMalformed},
		{name: "trailing line break", values: []string{"Bearer " + aToken + "\n"}, err: metadata.ErrMalformed},
		{name: "comma list", values: []string{"Bearer " + aToken + ", Bearer " + aToken}, err: metadata.ErrMalformed},
		{name: "comma list without spaces", values: []string{"Bearer " + aToken + "," + aToken}, err: metadata.ErrMalformed},
		{name: "quoted token", values: []string{`Bearer "` + aToken + `"`}, err: metadata.ErrMalformed},
		{name: "two words", values: []string{"Bearer a b"}, err: metadata.ErrMalformed},
		{name: "padding only", values: []string{"Bearer =="}, err: metadata.ErrMalformed},
		{name: "padding before", values: []string{"Bearer =abc"}, err: metadata.ErrMalformed},
		{name: "padding on both sides", values: []string{"Bearer =abc="}, err: metadata.ErrMalformed},
		{name: "padding inside", values: []string{"Bearer a=b"}, err: metadata.ErrMalformed},
		{name: "not ASCII", values: []string{"Bearer \u212a"}, err: metadata.ErrMalformed},
		{name: "scheme that folds to bearer", values: []string{"Be\u0430rer " + aToken}, err: metadata.ErrMissing},
		{name: "NUL", values: []string{"Bearer a\x00"}, err: metadata.ErrMalformed},
	}
}

// TestReading is the table of how a call is read, from gRPC metadata and from
// HTTP headers alike.
func TestReading(t *testing.T) {
	t.Parallel()
	for _, test := range readings() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			md := grpcmd.MD{}
			md.Append("authorization", test.values...)
			got, err := metadata.FromIncoming(grpcmd.NewIncomingContext(t.Context(), md))
			check(t, "gRPC", got, err, test)

			header := http.Header{"Authorization": test.values}
			got, err = metadata.FromHTTP(header)
			check(t, "HTTP", got, err, test)
		})
	}
}

func check(t *testing.T, where, got string, err error, want reading) {
	t.Helper()
	if got != want.want || !errors.Is(err, want.err) {
		t.Errorf("%s: got a token of %d bytes and error %v, want one of %d bytes and %v",
			where, len(got), err, len(want.want), want.err)
	}
}

// TestEachCharacterOfATokenIsLookedAt, wherever it stands in tokens of some lengths.
func TestEachCharacterOfATokenIsLookedAt(t *testing.T) {
	t.Parallel()
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	for length := 1; length <= 25; length++ {
		for at := range length {
			for c := range 256 {
				if at == length-1 && c == '=' {
					continue // padding, unless it is all there is
				}
				value := []byte("Bearer " + strings.Repeat("a", length))
				value[len("Bearer ")+at] = byte(c)
				_, err := metadata.Header{}.Parse([]string{string(value)})
				if at == 0 && c == ' ' && length > 1 {
					continue // more than one space is allowed
				}
				if want := strings.IndexByte(allowed, byte(c)) >= 0; (err == nil) != want {
					t.Fatalf("%q: got %v, want it to be a token: %v", value, err, want)
				}
			}
		}
	}
}

func TestErrorsHoldNothingOfTheValue(t *testing.T) {
	t.Parallel()
	for _, test := range readings() {
		_, err := metadata.Header{}.Parse(test.values)
		if err != nil && strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%s: the error shows the token", test.name)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun forbids it
	values := []string{"Bearer " + aToken}
	header := metadata.Header{}
	if n := testing.AllocsPerRun(100, func() { _, _ = header.Parse(values) }); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
}

// FuzzParse checks that whatever is read as a token reads the same when it is
// written again, and that nothing else ever is.
func FuzzParse(f *testing.F) {
	for _, test := range readings() {
		if len(test.values) == 1 && len(test.values[0]) < 1<<10 {
			f.Add(test.values[0])
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		header := metadata.Header{Limit: 1 << 10}
		token, err := header.Parse([]string{value})
		if (token == "") != (err != nil) {
			t.Fatalf("token of %d bytes with error %v", len(token), err)
		}
		cut, cutErr := header.Cut([]string{value})
		if (cut == "") != (cutErr != nil) || (cutErr != nil && !errors.Is(err, cutErr)) || (err == nil && cut != token) {
			t.Fatalf("Cut gives %d bytes with error %v, and Parse %d with %v", len(cut), cutErr, len(token), err)
		}
		if err != nil {
			return
		}
		if !strings.HasSuffix(value, " "+token) || len(token) > header.Limit {
			t.Fatal("the token is not what stands behind the scheme")
		}
		again, err := header.Parse([]string{"Bearer " + token})
		if again != token || err != nil {
			t.Fatalf("written again it reads differently: %v", err)
		}
	})
}
