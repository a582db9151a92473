package interceptor_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// own is a credential of the service itself.
type own struct{}

func (own) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer own"}, nil
}

func (own) RequireTransportSecurity() bool { return true }

// fromSidecar is a credential that may go over a connection in the clear.
type fromSidecar struct{ own }

func (fromSidecar) RequireTransportSecurity() bool { return false }

// apiKey is a credential of the caller's in a header of its own.
type apiKey struct{ fromSidecar }

func (apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"x-api-key": "key"}, nil
}

// TestCredentialsThatWantTLSGetIt checks that AllowPlaintext is about the relay,
// and not about what other credentials ask for.
func TestCredentialsThatWantTLSGetIt(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]interceptor.ClientOption{
		"the caller's":      nil,
		"the service's own": interceptor.Otherwise(own{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, calls := []interceptor.ClientOption{interceptor.AllowPlaintext()}, []grpc.CallOption(nil)
			if option != nil {
				options = append(options, option)
			} else {
				calls = append(calls, grpc.PerRPCCredentials(own{}))
			}
			b := &service{}
			err := callUnary(t.Context(), serve(t, b)(newClient(t, options...).DialOptions()...), calls...)
			wantRefusal(t, err, codes.Internal, interceptor.ReasonRelayInsecure, "")
			wantArrived(t, b, false)
		})
	}
}

// TestOwnCredentialsAreForNobodysCall has the contexts of incoming calls, each
// of which is enough.
func TestOwnCredentialsAreForNobodysCall(t *testing.T) {
	t.Parallel()
	background := context.Background()
	for name, ctx := range map[string]context.Context{
		"let in without a token":  token.NewContext(background, nil),
		"incoming gRPC metadata":  grpcmd.NewIncomingContext(background, grpcmd.MD{}),
		"a gRPC transport stream": grpc.NewContextWithServerTransportStream(background, transportStream{}),
		"a request of net/http":   context.WithValue(background, http.ServerContextKey, new(http.Server)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &service{}
			client := serve(t, b)(append(newClient(t, interceptor.Otherwise(own{})).DialOptions(), private())...)
			if err := callUnary(ctx, client); err != nil {
				t.Fatal(err)
			}
			wantArrived(t, b, true)
		})
	}
}

// transportStream is that of some incoming call.
type transportStream struct{ grpc.ServerTransportStream }

// failing are credentials that can't be had.
type failing struct {
	own
	err error
}

func (f failing) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, f.err
}

// TestCredentialsThatCantBeHad has whoever issues credentials fail.
func TestCredentialsThatCantBeHad(t *testing.T) {
	t.Parallel()
	notFound := status.Error(codes.NotFound, "password")
	plain, own := errors.New("https://user:password@sts.test is down"), status.Error(codes.ResourceExhausted, "no more today")
	source := func(err error) interceptor.ClientOption {
		return interceptor.WithSource(func(context.Context, interceptor.Call) (interceptor.Credential, error) {
			return interceptor.Credential{}, err
		})
	}
	for name, test := range map[string]struct {
		option interceptor.ClientOption
		code   codes.Code
		reason token.Reason
	}{
		"own, any error":                          {interceptor.Otherwise(failing{err: plain}), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"own, a status":                           {interceptor.Otherwise(failing{err: own}), codes.ResourceExhausted, ""},
		"a source, any error":                     {source(plain), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"own, a status that is the application's": {interceptor.Otherwise(failing{err: notFound}), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"a source, such a status":                 {source(notFound), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"a source, a status":                      {source(own), codes.ResourceExhausted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				var seen recorder
				b := &service{}
				client := newClient(t, test.option, interceptor.WithObserver(&seen))
				err := k.call(t.Context(), serve(t, b)(append(client.DialOptions(), private())...))
				wantRefusal(t, err, test.code, test.reason, "")
				wantArrived(t, b, false)
				if strings.Contains(err.Error(), "password") {
					t.Errorf("the caller is shown the cause: %v", err)
				}
				if len(seen.relayed) != 1 || seen.relayed[0].Err == nil || seen.relayed[0].Sent != interceptor.SentNothing {
					t.Errorf("the observer is told %v", seen.relayed)
				}
			})
		})
	}
}

// fixed is a source that always gives the same.
func fixed(value string, until time.Time) interceptor.Source {
	return func(context.Context, interceptor.Call) (interceptor.Credential, error) {
		return interceptor.Credential{Value: value, ValidUntil: until}, nil
	}
}

func TestOwnCredentialsOutsideOfACall(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k kind) {
		b := &service{}
		client := newClient(t, interceptor.Otherwise(own{}), interceptor.RequireToken())
		if err := k.call(t.Context(), serve(t, b)(append(client.DialOptions(), private())...)); err != nil {
			t.Fatal(err)
		}
		wantArrived(t, b, true, "Bearer own")
	})
}

func TestSources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		source  interceptor.Source
		arrives []string
		code    codes.Code
	}{
		"a credential": {fixed("Bearer exchanged", time.Time{}), []string{"Bearer exchanged"}, codes.OK},
		"nothing":      {fixed("", time.Time{}), nil, codes.OK},
		"an ended one": {fixed("Bearer exchanged", time.Unix(1, 0)), nil, codes.Unavailable},
		"a line break": {fixed("Bearer exchanged\nx: y", time.Time{}), nil, codes.Unavailable},
		"what it is told": {func(_ context.Context, call interceptor.Call) (interceptor.Credential, error) {
			return interceptor.Credential{Value: "Bearer " + call.Method + "@" + call.Target}, nil
		}, []string{"Bearer " + testpb.TestService_UnaryCall_FullMethodName + "@passthrough:///next"}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &service{}
			client := newClient(t, interceptor.WithSource(test.source))
			err := callUnary(t.Context(), serve(t, b)(append(client.DialOptions(), private())...))
			if status.Code(err) != test.code {
				t.Fatalf("got %v, want %v", err, test.code)
			}
			wantArrived(t, b, test.code == codes.OK, test.arrives...)
		})
	}
}

// blocking are credentials that take as long as the call may.
type blocking struct{ own }

func (blocking) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestWhoGivesUpWhileCredentialsAreAwaited has callers that end the call
// themselves, which is no outage.
func TestWhoGivesUpWhileCredentialsAreAwaited(t *testing.T) {
	t.Parallel()
	waiting := interceptor.WithSource(func(ctx context.Context, _ interceptor.Call) (interceptor.Credential, error) {
		<-ctx.Done()
		return interceptor.Credential{}, ctx.Err()
	})
	for name, test := range map[string]struct {
		options []interceptor.ClientOption
		calls   []grpc.CallOption
	}{
		"a source's":        {options: []interceptor.ClientOption{waiting}},
		"the service's own": {options: []interceptor.ClientOption{interceptor.Otherwise(blocking{})}},
		"the caller's":      {calls: []grpc.CallOption{grpc.PerRPCCredentials(blocking{})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				synctest.Test(t, func(t *testing.T) {
					client := serve(t, &service{})(append(newClient(t, test.options...).DialOptions(), private())...)
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					wantRefusal(t, k.call(ctx, client, test.calls...), codes.DeadlineExceeded, "", "")
				})
			})
		})
	}
}

// nothing are credentials that bring nothing.
type nothing struct{ own }

func (nothing) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, nil
}

// TestWhatRequireTokenDoesNotTakeForAToken has credentials that don't bring the
// header.
func TestWhatRequireTokenDoesNotTakeForAToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []interceptor.ClientOption
		calls   []grpc.CallOption
	}{
		"own ones that bring nothing":           {options: []interceptor.ClientOption{interceptor.Otherwise(nothing{})}},
		"own ones for another header":           {options: []interceptor.ClientOption{interceptor.Otherwise(apiKey{})}},
		"the caller's that bring nothing":       {calls: []grpc.CallOption{grpc.PerRPCCredentials(nothing{})}},
		"the caller's for another header":       {calls: []grpc.CallOption{grpc.PerRPCCredentials(apiKey{})}},
		"a source that gives nothing":           {options: []interceptor.ClientOption{interceptor.WithSource(fixed("", time.Time{}))}},
		"a value that an interceptor takes out": {calls: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, dial := t.Context(), newClient(t, append(test.options, interceptor.RequireToken())...).DialOptions()
			if test.options == nil && test.calls == nil {
				ctx = grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer x")
				dial = append(dial, grpc.WithChainUnaryInterceptor(
					func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
						return invoker(grpcmd.NewOutgoingContext(ctx, nil), method, req, reply, cc, opts...)
					}))
			}
			b := &service{}
			err := callUnary(ctx, serve(t, b)(append(dial, private())...), test.calls...)
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonMissing, "")
			wantArrived(t, b, false)
		})
	}
}

// TestOwnCredentialsBesideTheCallers has both, for different headers.
func TestOwnCredentialsBesideTheCallers(t *testing.T) {
	t.Parallel()
	b := &service{}
	client := serve(t, b)(append(newClient(t, interceptor.Otherwise(own{})).DialOptions(), private())...)
	if err := callUnary(t.Context(), client, grpc.PerRPCCredentials(apiKey{})); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, b, true, "Bearer own")
	if got := b.seen()[0].md.Get("x-api-key"); len(got) != 1 {
		t.Error("the caller's credential was lost")
	}
}

// brings are credentials that bring a value of the header, and hold a secret.
type brings struct {
	own
	secret string
}

func (b brings) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"Authorization": b.secret}, nil
}

// TestTheCallersCredentialsComeFirst has credentials of both, for one header.
func TestTheCallersCredentialsComeFirst(t *testing.T) {
	t.Parallel()
	b := &service{}
	client := serve(t, b)(append(newClient(t, interceptor.Otherwise(own{})).DialOptions(), private())...)
	// gRPC takes keys in any letter case, and so does the relay.
	if err := callUnary(t.Context(), client, grpc.PerRPCCredentials(brings{secret: "Bearer theirs"})); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, b, true, "Bearer theirs")
}

// TestASourceThatFailsIsNotReplaced has a source that fails beside credentials
// of the service's own.
func TestASourceThatFailsIsNotReplaced(t *testing.T) {
	t.Parallel()
	b := &service{}
	source := func(context.Context, interceptor.Call) (interceptor.Credential, error) {
		return interceptor.Credential{}, errors.New("down")
	}
	client := newClient(t, interceptor.WithSource(source), interceptor.Otherwise(own{}))
	err := callUnary(t.Context(), serve(t, b)(append(client.DialOptions(), private())...))
	wantRefusal(t, err, codes.Unavailable, interceptor.ReasonCredentialUnavailable, "")
	wantArrived(t, b, false)
}

// TestWhatTheObserverHearsOfOwnCredentials has what is sent, not what was meant.
func TestWhatTheObserverHearsOfOwnCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		creds credentials.PerRPCCredentials
		sent  interceptor.Sent
	}{
		"the header":     {own{}, interceptor.SentOwn},
		"another header": {apiKey{}, interceptor.SentOwn},
		"nothing":        {nothing{}, interceptor.SentNothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			client := newClient(t, interceptor.Otherwise(test.creds), interceptor.WithObserver(&seen))
			if err := callUnary(t.Context(), serve(t, &service{})(append(client.DialOptions(), private())...)); err != nil {
				t.Fatal(err)
			}
			if len(seen.relayed) != 1 || seen.relayed[0].Sent != test.sent {
				t.Errorf("told %v", seen.relayed)
			}
		})
	}
}
