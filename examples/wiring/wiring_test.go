package wiring_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/wiring"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
)

// A user places an order, and the inventory sees the user's own token. The
// connections are Unix sockets, which are private without certificates.
func Example() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.WithAudience("orders"))
	defer issuer.Close()
	dir, err := os.MkdirTemp("", "wiring")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	inventory := grpc.NewServer(grpc.Creds(local.NewCredentials()))
	inventoryv1.RegisterInventoryServiceServer(inventory, shelf{})
	defer inventory.Stop()
	inventoryAddr := filepath.Join(dir, "inventory")
	go func() { _ = inventory.Serve(listen(inventoryAddr)) }()

	conn, err := wiring.Dial("unix:"+inventoryAddr, local.NewCredentials())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	orders := &wiring.Orders{Inventory: inventoryv1.NewInventoryServiceClient(conn)}
	ordersAddr := filepath.Join(dir, "orders")
	lis := listen(ordersAddr)
	defer func() { _ = lis.Close() }()
	go func() {
		_ = wiring.Serve(lis, issuer.URL(), orders,
			grpc.Creds(local.NewCredentials()),
			grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor()),
			grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor()))
	}()

	// Until the keys have come the service says Unavailable: try again.
	user, err := grpc.NewClient("unix:"+ordersAddr, grpc.WithTransportCredentials(local.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"retryPolicy":{
			"maxAttempts":5,"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":2,
			"retryableStatusCodes":["UNAVAILABLE"]}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = user.Close() }()
	ctx, err := metadata.ToOutgoing(context.Background(), issuer.Token())
	if err != nil {
		fmt.Println(err)
		return
	}
	placed, err := ordersv1.NewOrdersServiceClient(user).PlaceOrder(ctx, &ordersv1.PlaceOrderRequest{}, grpc.WaitForReady(true))
	fmt.Println(placed.GetOrder().GetId(), err)
	// Output:
	// the inventory was called with one token
	// order of alice <nil>
}

// shelf is an inventory that only says what it was called with.
type shelf struct {
	inventoryv1.UnimplementedInventoryServiceServer
}

func (shelf) ReserveItems(ctx context.Context, _ *inventoryv1.ReserveItemsRequest) (*inventoryv1.ReserveItemsResponse, error) {
	if _, err := metadata.FromIncoming(ctx); err != nil {
		fmt.Println("the inventory was called without a token:", err)
	} else {
		fmt.Println("the inventory was called with one token")
	}
	return &inventoryv1.ReserveItemsResponse{}, nil
}

func listen(path string) net.Listener {
	lis, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		fmt.Println(err)
	}
	return lis
}

// TestTheREADMEShowsThisCode keeps the README's Go honest: each of its blocks
// stands in this package, line by line.
func TestTheREADMEShowsThisCode(t *testing.T) {
	t.Parallel()
	readme := read(t, filepath.Join("..", "..", "README.md"))
	code := read(t, "wiring.go")
	blocks := strings.Split(readme, "```go\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("the README has %d blocks of Go, want a server and a client at least", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(code, block) {
			t.Errorf("this is not in wiring.go:\n%s", block)
		}
		if lines := strings.Count(block, "\n"); lines > 30 {
			t.Errorf("a block of %d lines is too long for a README", lines)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
