package wiring_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/local"

	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
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
	// Orders asks who calls, too: its proto lets in nobody but the gateway.
	server, gateway := identities("orders", "gateway")
	orders := &wiring.Orders{Inventory: inventoryv1.NewInventoryServiceClient(conn)}
	ordersAddr := filepath.Join(dir, "orders")
	lis := listen(ordersAddr)
	defer func() { _ = lis.Close() }()
	go func() {
		err := wiring.Serve(lis, issuer.URL(), orders,
			grpc.Creds(credentials.NewTLS(server.ForPeers())),
			grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor()),
			grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor()))
		if !errors.Is(err, net.ErrClosed) {
			fmt.Println(err)
		}
	}()

	// Until the keys have come the service says Unavailable: try again.
	user, err := grpc.NewClient("unix:"+ordersAddr, grpc.WithTransportCredentials(credentials.NewTLS(gateway.To("orders"))),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"retryPolicy":{
			"maxAttempts":5,"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":2,
			"retryableStatusCodes":["UNAVAILABLE"]}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = user.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ctx, err = metadata.ToOutgoing(ctx, issuer.Token(jwttest.Scopes("orders.write")))
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

// identities are two services whose certificates are of one authority.
func identities(server, client string) (*process.Identity, *process.Identity) {
	ca, err := authority.New()
	if err != nil {
		fmt.Println(err)
	}
	identity := func(name string) *process.Identity {
		cert, key, err := ca.Issue(name)
		if err != nil {
			fmt.Println(err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			fmt.Println(err)
		}
		made, err := process.NewIdentity(pair, ca.PEM())
		if err != nil {
			fmt.Println(err)
		}
		return made
	}
	return identity(server), identity(client)
}

func listen(path string) net.Listener {
	lis, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		fmt.Println(err)
	}
	return lis
}

// TestTheREADMEShowsThisCode keeps the README honest: each of its blocks of Go
// stands in this package, and each block of proto in that of the orders.
func TestTheREADMEShowsThisCode(t *testing.T) {
	t.Parallel()
	readme := read(t, filepath.Join("..", "..", "README.md"))
	for language, test := range map[string]struct {
		path  string
		least int
	}{
		"go":    {"wiring.go", 2}, // a server and a client
		"proto": {filepath.Join("..", "..", "proto", "jwtrelay", "examples", "platform", "orders", "v1", "orders.proto"), 1},
	} {
		code := read(t, test.path)
		blocks := strings.Split(readme, "```"+language+"\n")[1:]
		if len(blocks) < test.least {
			t.Fatalf("the README has %d blocks of %s, want %d at least", len(blocks), language, test.least)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			if !strings.Contains(code, block) {
				t.Errorf("this is not in %s:\n%s", filepath.Base(test.path), block)
			}
			if lines := strings.Count(block, "\n"); lines > 30 {
				t.Errorf("a block of %d lines is too long for a README", lines)
			}
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
