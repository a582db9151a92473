package metadata_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
)

func TestHeaderValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header metadata.Header
		ok     bool
	}{
		"zero value":      {metadata.Header{}, true},
		"another name":    {metadata.Header{Name: "X-User-Token"}, true},
		"pseudo-header":   {metadata.Header{Name: ":path"}, false},
		"space":           {metadata.Header{Name: "x token"}, false},
		"line break":      {metadata.Header{Name: "x\ntoken"}, false},
		"gRPC's own":      {metadata.Header{Name: "grpc-timeout"}, false},
		"binary":          {metadata.Header{Name: "token-bin"}, false},
		"the transport's": {metadata.Header{Name: "Content-Type"}, false},
		"forbidden in h2": {metadata.Header{Name: "connection"}, false},
		"negative limit":  {metadata.Header{Limit: -1}, false},
		"endless limit":   {metadata.Header{Limit: 1<<20 + 1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.header.Validate(); (err == nil) != test.ok {
				t.Errorf("Validate() = %v, want ok %v", err, test.ok)
			}
		})
	}
}

func TestAnotherHeaderIsUsedAlone(t *testing.T) {
	t.Parallel()
	header := metadata.Header{Name: "X-User-Token", Limit: 4}
	md := grpcmd.Pairs("authorization", "Bearer platform", "x-user-token", "Bearer user")
	ctx := grpcmd.NewIncomingContext(t.Context(), md)
	if got, err := header.FromIncoming(ctx); got != "user" || err != nil {
		t.Errorf("FromIncoming = %q, %v", got, err)
	}
	if _, err := header.Parse([]string{"Bearer users"}); !errors.Is(err, metadata.ErrTooLarge) {
		t.Errorf("over the header's own limit: %v", err)
	}
	out, _ := grpcmd.FromOutgoingContext(header.Relay(ctx))
	if got := out.Get("x-user-token"); len(got) != 1 || out.Len() != 1 {
		t.Errorf("relayed %v", out)
	}
}

func TestToOutgoing(t *testing.T) {
	t.Parallel()
	t.Run("into an empty call", func(t *testing.T) {
		t.Parallel()
		ctx, err := metadata.ToOutgoing(t.Context(), "abc")
		wantOutgoing(ctx, t, err, "Bearer abc")
	})
	t.Run("replaces what was there", func(t *testing.T) {
		t.Parallel()
		before := grpcmd.AppendToOutgoingContext(t.Context(), "authorization", "a", "authorization", "b", "x-other", "c")
		ctx, err := metadata.ToOutgoing(before, "abc")
		wantOutgoing(ctx, t, err, "Bearer abc")
		if md, _ := grpcmd.FromOutgoingContext(ctx); len(md.Get("x-other")) != 1 {
			t.Error("another header was lost")
		}
		if md, _ := grpcmd.FromOutgoingContext(before); len(md.Get("authorization")) != 2 {
			t.Error("the context it came from was changed")
		}
	})
	for name, token := range map[string]string{"empty": "", "line break": "a\nb", "comma": "a,b"} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if _, err := metadata.ToOutgoing(t.Context(), token); !errors.Is(err, metadata.ErrMalformed) {
				t.Errorf("got %v", err)
			}
			if err := metadata.ToHTTP(http.Header{}, token); !errors.Is(err, metadata.ErrMalformed) {
				t.Errorf("HTTP: got %v", err)
			}
		})
	}
}

func TestToHTTPReplacesWhatWasThere(t *testing.T) {
	t.Parallel()
	header := http.Header{"Authorization": {"a", "b"}}
	if err := metadata.ToHTTP(header, "abc"); err != nil {
		t.Fatal(err)
	}
	if got := header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer abc" {
		t.Errorf("got %v", got)
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		incoming []string
		outgoing []string
		want     []string
	}{
		"one bearer value":             {incoming: []string{"bEaReR  abc"}, want: []string{"bEaReR  abc"}},
		"nothing":                      {},
		"two values":                   {incoming: []string{"Bearer a", "Bearer b"}},
		"another scheme":               {incoming: []string{"Basic YTpi"}},
		"malformed":                    {incoming: []string{"Bearer a b"}},
		"over the limit":               {incoming: []string{"Bearer " + strings.Repeat("a", metadata.DefaultLimit+1)}},
		"never a second":               {incoming: []string{"Bearer abc"}, outgoing: []string{"Basic YTpi"}, want: []string{"Basic YTpi"}},
		"nothing in, the caller's own": {outgoing: []string{"Basic YTpi"}, want: []string{"Basic YTpi"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			md := grpcmd.MD{"x-secret": {"never relayed"}}
			md.Append("authorization", test.incoming...)
			ctx := grpcmd.NewIncomingContext(t.Context(), md)
			if test.outgoing != nil {
				ctx = grpcmd.NewOutgoingContext(ctx, grpcmd.MD{"authorization": test.outgoing})
			}
			ctx = metadata.Relay(metadata.Relay(ctx)) // twice does no harm
			wantOutgoing(ctx, t, nil, test.want...)
			if out, _ := grpcmd.FromOutgoingContext(ctx); len(out.Get("x-secret")) != 0 {
				t.Error("more than the token was relayed")
			}
		})
	}
}

func TestRelayOutsideOfACall(t *testing.T) {
	t.Parallel()
	if ctx := metadata.Relay(t.Context()); ctx != t.Context() {
		t.Error("the context was changed")
	}
}

func wantOutgoing(ctx context.Context, t *testing.T, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	md, _ := grpcmd.FromOutgoingContext(ctx)
	got := md.Get("authorization")
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("outgoing values are %q, want %q", got, want)
	}
}

func TestOutgoingValues(t *testing.T) {
	t.Parallel()
	set := func(md grpcmd.MD) context.Context { return grpcmd.NewOutgoingContext(t.Context(), md) }
	for name, test := range map[string]struct {
		ctx  context.Context //nolint:containedctx // what the test is about
		want int
	}{
		"no metadata":          {t.Context(), 0},
		"other headers":        {set(grpcmd.MD{"x-other": {"1", "2"}}), 0},
		"one":                  {set(grpcmd.MD{"x-token": {"a"}}), 1},
		"in other letters":     {set(grpcmd.MD{"X-Token": {"a"}}), 1},
		"set and appended":     {grpcmd.AppendToOutgoingContext(set(grpcmd.MD{"x-token": {"a"}}), "X-TOKEN", "b", "x-other", "1"), 2},
		"appended, then again": {grpcmd.AppendToOutgoingContext(grpcmd.AppendToOutgoingContext(t.Context(), "x-token", "a"), "x-token", "b"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (metadata.Header{Name: "X-Token"}).OutgoingValues(test.ctx); got != test.want {
				t.Errorf("got %d values, want %d", got, test.want)
			}
		})
	}
}

func TestCountingOutgoingValuesCopiesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun forbids it
	ctx := grpcmd.NewOutgoingContext(t.Context(), grpcmd.MD{"x-a": {"1"}, "x-b": {"2"}, "x-c": {"3"}})
	if got := testing.AllocsPerRun(100, func() { metadata.Header{}.OutgoingValues(ctx) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
