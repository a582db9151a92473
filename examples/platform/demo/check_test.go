package demo

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

const sent bearer = "header.payload.signature"

// goodHops are the hops of an order of alice, with what spoil makes of them.
func goodHops(spoil func([]*platformv1.Hop) []*platformv1.Hop) []*platformv1.Hop {
	var hops []*platformv1.Hop
	for i, method := range placing() {
		hops = append(hops, &platformv1.Hop{
			Name: services()[i], Method: method, Subject: "alice",
			Fingerprint: sent.fingerprint(), VerifyTime: durationpb.New(time.Microsecond),
		})
	}
	return spoil(hops)
}

func TestCheckHops(t *testing.T) {
	t.Parallel()
	last := func(change func(*platformv1.Hop)) func([]*platformv1.Hop) []*platformv1.Hop {
		return func(hops []*platformv1.Hop) []*platformv1.Hop {
			change(hops[3])
			return hops
		}
	}
	for name, test := range map[string]struct {
		spoil func([]*platformv1.Hop) []*platformv1.Hop
		want  string // what is named; "" if all is well
	}{
		"as they should be": {func(h []*platformv1.Hop) []*platformv1.Hop { return h }, ""},
		"none":              {func([]*platformv1.Hop) []*platformv1.Hop { return nil }, "number of hops"},
		"one missing":       {func(h []*platformv1.Hop) []*platformv1.Hop { return h[:3] }, "number of hops"},
		"in another order": {func(h []*platformv1.Hop) []*platformv1.Hop {
			h[2], h[3] = h[3], h[2]
			return h
		}, "service at hop 3"},
		"another method":  {last(func(h *platformv1.Hop) { h.Method = watching()[3] }), "method at hop 4"},
		"another subject": {last(func(h *platformv1.Hop) { h.Subject = "bob" }), "verified subject at hop 4"},
		"another token":   {last(func(h *platformv1.Hop) { h.Fingerprint = "00000000" }), "fingerprint of the token at hop 4"},
		"not verified":    {last(func(h *platformv1.Hop) { h.VerifyTime = nil }), "verification was timed at hop 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkHops(goodHops(test.spoil), placing(), "alice", sent)
			var m *mismatch
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (!errors.As(err, &m) || m.what != test.want):
				t.Errorf("got %v, want a mismatch of the %s", err, test.want)
			}
		})
	}
}

func TestRefusalOf(t *testing.T) {
	t.Parallel()
	info := &errdetails.ErrorInfo{
		Domain: interceptor.Domain, Reason: string(interceptor.ReasonScopeInsufficient),
		Metadata: map[string]string{"hop": "pricing", "scope": "pricing.read"},
	}
	refused, err := status.New(codes.PermissionDenied, "no").WithDetails(info)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nothing":          {nil, "an answer"},
		"a refusal":        {refused.Err(), "PermissionDenied SCOPE_INSUFFICIENT by pricing, for want of pricing.read"},
		"some other error": {status.Error(codes.NotFound, "no such order"), "NotFound without a reason by nobody"},
	} {
		if got := refusalOf(test.err).String(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A call that goes through with a wrong answer is not taken for a good one, nor
// for a refusal.
func TestOutcome(t *testing.T) {
	t.Parallel()
	if got, err := outcome(nil); got != (refusal{}) || err != nil {
		t.Errorf("an answer: %v, %v", got, err)
	}
	if got, err := outcome(status.Error(codes.NotFound, "")); got.code != codes.NotFound || err != nil {
		t.Errorf("an error: %v, %v", got, err)
	}
	var m *mismatch
	if _, err := outcome(expect("number of orders", 1, 0)); !errors.As(err, &m) {
		t.Errorf("a wrong answer: %v, want the mismatch", err)
	}
}

func TestMethodsThatAskForTheSameShareALine(t *testing.T) {
	t.Parallel()
	got := methodsAlike("orders", strings.Join([]string{
		"/grpc.health.v1.Health/Check -> anyone",
		"/jwtrelay.examples.Orders/Cancel -> a valid token; scope orders.admin",
		"/jwtrelay.examples.Orders/Get -> a valid token; scope orders.read",
		"/jwtrelay.examples.Orders/List -> a valid token; scope orders.read",
		"any other method -> nobody (NO_POLICY)\n",
	}, "\n"))
	want := [][]string{
		{"orders", "Cancel", "a valid token; scope orders.admin"},
		{"orders", "Get, List", "a valid token; scope orders.read"},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAlertOf(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"let in":      nil,
		noCertificate: &net.OpError{Op: "remote error", Err: errors.New(noCertificate)},
		"dial: lost":  &net.OpError{Op: "dial", Err: errors.New("lost")},
	} {
		if got := alertOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestABearerPrintsItsFingerprint(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, sent); got != sent.fingerprint() {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestAFailureSaysWhatWasExpectedAndWhatCame(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	(&narrator{w: &out}).failed(within("alice", expect("number of hops", 3, 4)))
	for _, want := range []string{"FAILED  alice: number of hops", "expected  4", "got       3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, &out)
		}
	}
	if within("alice", nil) != nil {
		t.Error("within makes an error of none")
	}
	if err := within("alice", errors.New("lost")); err.Error() != "alice: lost" {
		t.Errorf("got %v", err)
	}
}

func TestHuman(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                         "0 ns",
		950 * time.Nanosecond:     "950 ns",
		212_900:                   "212 µs",
		1_440 * time.Microsecond:  "1.4 ms",
		65_600 * time.Microsecond: "65 ms",
		1_640 * time.Millisecond:  "1.6 s",
	} {
		if got := human(d); got != want {
			t.Errorf("human(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestTheFirstLineMayComeInPieces(t *testing.T) {
	t.Parallel()
	line := newFirstLine()
	for _, piece := range []string{"listening ", "on 127.0.0.1:1", "\nand ", "more\n", "and more"} {
		if n, err := line.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := <-line.line; got != "listening on 127.0.0.1:1\n" {
		t.Errorf("got %q", got)
	}
}

func TestALogIsBounded(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	for range 3 {
		if n, err := log.Write(make([]byte, maxLog-1)); n != maxLog-1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if n := log.text.Len(); n != maxLog {
		t.Errorf("kept %d bytes, want %d", n, maxLog)
	}
}
