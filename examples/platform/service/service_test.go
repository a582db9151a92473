package service_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// safeBuffer is a buffer for a logger that several goroutines use.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// fake says who called it, or panics.
type fake struct {
	pricingv1.UnimplementedPricingServiceServer
}

func (fake) QuoteItems(ctx context.Context, request *pricingv1.QuoteItemsRequest) (*pricingv1.QuoteItemsResponse, error) {
	if len(request.GetItems()) > 0 {
		panic("at the disco")
	}
	if _, err := service.Caller(ctx); err != nil {
		return nil, err
	}
	hops, err := service.Hops(ctx)
	return &pricingv1.QuoteItemsResponse{Hops: hops}, err
}

func (fake) WatchQuotes(_ *pricingv1.WatchQuotesRequest, stream grpc.ServerStreamingServer[pricingv1.WatchQuotesResponse]) error {
	hops, err := service.Hops(stream.Context())
	if err != nil {
		return err
	}
	return stream.Send(&pricingv1.WatchQuotesResponse{Hops: hops})
}

func register(r grpc.ServiceRegistrar) { pricingv1.RegisterPricingServiceServer(r, fake{}) }

// start starts a service that is called as pricing is, and returns a connection
// that relays nothing, and what the service logs.
func start(t *testing.T, chain *platformtest.Chain) (*grpc.ClientConn, *safeBuffer) {
	t.Helper()
	log := new(safeBuffer)
	addr := chain.Listen("fake", "inventory", slog.New(slog.NewTextHandler(log, nil)), register)
	return chain.Dial("inventory", "fake", addr), log
}

func TestAHopSaysHowItVerifiedTheCall(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	conn, _ := start(t, chain)
	client := pricingv1.NewPricingServiceClient(conn)

	unary, err := client.QuoteItems(chain.As("alice"), new(pricingv1.QuoteItemsRequest))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.WatchQuotes(chain.As("alice"), new(pricingv1.WatchQuotesRequest))
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	for method, hop := range map[string]interface {
		GetName() string
		GetMethod() string
		GetSubject() string
		GetFingerprint() string
	}{
		pricingv1.PricingService_QuoteItems_FullMethodName:  unary.GetHops()[0],
		pricingv1.PricingService_WatchQuotes_FullMethodName: streamed.GetHops()[0],
	} {
		if hop.GetName() != "fake" || hop.GetMethod() != method || hop.GetSubject() != "alice" || len(hop.GetFingerprint()) != 8 {
			t.Errorf("%s: the hop is %v", method, hop)
		}
	}
	if unary.GetHops()[0].GetVerifyTime().AsDuration() <= 0 || streamed.GetHops()[0].GetVerifyTime().AsDuration() <= 0 {
		t.Error("verification was not timed")
	}
}

func TestEveryCallNeedsATokenButHealth(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	conn, _ := start(t, chain)
	client := pricingv1.NewPricingServiceClient(conn)

	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), new(healthpb.HealthCheckRequest)); err != nil {
		t.Errorf("health: %v", err)
	}
	_, unary := client.QuoteItems(t.Context(), new(pricingv1.QuoteItemsRequest))
	stream, err := client.WatchQuotes(t.Context(), new(pricingv1.WatchQuotesRequest))
	if err != nil {
		t.Fatal(err)
	}
	_, streamed := stream.Recv()
	for kind, err := range map[string]error{"unary": unary, "stream": streamed} {
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v, want Unauthenticated", kind, err)
			continue
		}
		info, ok := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
		if !ok || info.GetReason() != string(token.ReasonMissing) || info.GetMetadata()["hop"] != "fake" {
			t.Errorf("%s: the details are %v", kind, info)
		}
	}
}

func TestLogsHaveTheReasonAndNeverTheToken(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	conn, log := start(t, chain)
	client := pricingv1.NewPricingServiceClient(conn)
	good, forged := chain.Issuer.Token(jwttest.Scopes("pricing.read")), chain.Issuer.Token(jwttest.Forged())
	for _, raw := range []string{good, forged} {
		ctx := grpcmd.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+raw)
		_, _ = client.QuoteItems(ctx, new(pricingv1.QuoteItemsRequest)) // one of them is refused
	}
	text := log.String()
	if !strings.Contains(text, string(token.ReasonSignatureInvalid)) || !strings.Contains(text, "QuoteItems") {
		t.Errorf("the log lacks the reason or the method:\n%s", text)
	}
	for _, raw := range []string{good, forged} {
		for _, part := range strings.Split(raw, ".") {
			if strings.Contains(text, part) {
				t.Error("the log has a part of a token")
			}
		}
	}
}

func TestAPanicIsInternalAndLogged(t *testing.T) {
	t.Parallel()
	chain := platformtest.New(t)
	conn, log := start(t, chain)
	_, err := pricingv1.NewPricingServiceClient(conn).QuoteItems(chain.As("alice"),
		&pricingv1.QuoteItemsRequest{Items: []*platformv1.Item{{Sku: "tea"}}})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "disco") {
		t.Errorf("got %v, want Internal without the reason", err)
	}
	if !strings.Contains(log.String(), "at the disco") {
		t.Error("the log lacks the panic")
	}
}

func TestNothingGoesOutWithoutAToken(t *testing.T) {
	t.Parallel()
	conn := platformtest.New(t).Serve("fake", "inventory", register)
	_, err := pricingv1.NewPricingServiceClient(conn).QuoteItems(t.Context(), new(pricingv1.QuoteItemsRequest))
	info, ok := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
	if !ok || info.GetReason() != string(token.ReasonMissing) || info.GetMetadata()["hop"] != "inventory" {
		t.Errorf("got %v, want a refusal by the caller itself", err)
	}
}

func TestOutsideACallThereIsNoHop(t *testing.T) {
	t.Parallel()
	if _, err := service.Hops(t.Context()); status.Code(err) != codes.Internal {
		t.Errorf("Hops: %v, want Internal", err)
	}
	if _, err := service.Caller(t.Context()); status.Code(err) != codes.Internal {
		t.Errorf("Caller: %v, want Internal", err)
	}
}
