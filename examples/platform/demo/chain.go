package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

// healthLimit is how long a service may take to find its keys.
const healthLimit = 20 * time.Second

// roles are the services in the order in which a call gets to them.
func roles() []service.Role {
	return []service.Role{gateway.Role(), orders.Role(), inventory.Role(), pricing.Role()}
}

// services are their names.
func services() []string {
	return []string{gateway.Name, orders.Name, inventory.Name, pricing.Name}
}

// placing are the methods that are called, one after the other, when an order
// is placed.
func placing() []string {
	return []string{
		gatewayv1.GatewayService_PlaceOrder_FullMethodName,
		ordersv1.OrdersService_PlaceOrder_FullMethodName,
		inventoryv1.InventoryService_ReserveItems_FullMethodName,
		pricingv1.PricingService_QuoteItems_FullMethodName,
	}
}

// watching are those when an order is watched.
func watching() []string {
	return []string{
		gatewayv1.GatewayService_WatchOrder_FullMethodName,
		ordersv1.OrdersService_WatchOrder_FullMethodName,
		inventoryv1.InventoryService_WatchPicking_FullMethodName,
		pricingv1.PricingService_WatchQuotes_FullMethodName,
	}
}

// cancelling are those when an order is cancelled.
func cancelling() []string {
	return []string{
		gatewayv1.GatewayService_CancelOrder_FullMethodName,
		ordersv1.OrdersService_CancelOrder_FullMethodName,
	}
}

// listing are those when orders are listed.
func listing() []string {
	return []string{
		gatewayv1.GatewayService_ListOrders_FullMethodName,
		ordersv1.OrdersService_ListOrders_FullMethodName,
	}
}

// chain is one running instance of each service, and connections to them.
type chain struct {
	children map[string]*child           // by the service's name
	conns    map[string]*grpc.ClientConn // with the demo's own certificate
}

// startChain starts the services, the last one first, and waits until all of
// them have keys, and know what is revoked. Those in wrongKeys fetch their keys from that URL instead of
// the auth role's. Labels of the children end with suffix.
func (s *stage) startChain(ctx context.Context, suffix string, wrongKeys map[string]string) (*chain, error) {
	c := &chain{children: make(map[string]*child), conns: make(map[string]*grpc.ClientConn)}
	next, nextAddr := "", ""
	names := services()
	for i := len(names) - 1; i >= 0; i-- {
		name := names[i]
		kept := filepath.Join(s.dir, name+suffix+".keys")
		args := append([]string{name, "-issuer", s.issuer(), "-snapshot", kept, "-revocations", s.revocationsFile()},
			tlsArgs(s.files[name])...)
		if next != "" {
			args = append(args, "-"+next, nextAddr)
		}
		if url, ok := wrongKeys[name]; ok {
			args = append(args, "-jwks", url)
		}
		child, err := s.start(ctx, name+suffix, args...)
		if err != nil {
			return nil, err
		}
		next, nextAddr = name, child.addr
		c.children[name] = child
		if c.conns[name], err = s.connect(s.identity, name, child.addr); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if err := c.waitHealthy(ctx, name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// restart kills a service of the chain, starts it again where it was, and waits
// until it has keys.
func (s *stage) restart(ctx context.Context, c *chain, name string) error {
	old := c.children[name]
	if err := old.kill(); err != nil {
		return err
	}
	var err error
	if c.children[name], err = s.start(ctx, old.label+", again", append(old.args, "-addr", old.addr)...); err != nil {
		return err
	}
	return c.waitHealthy(ctx, name)
}

// gateway is what users call.
func (c *chain) gateway() gatewayv1.GatewayServiceClient {
	return gatewayv1.NewGatewayServiceClient(c.conns[gateway.Name])
}

// pricing is the last service, called past all others.
func (c *chain) pricing() pricingv1.PricingServiceClient {
	return pricingv1.NewPricingServiceClient(c.conns[pricing.Name])
}

// connectAs returns a connection to a service, past all others, with the
// certificate of that role.
func (s *stage) connectAs(role, name string) (*grpc.ClientConn, error) {
	who, err := s.files[role].Load()
	if err != nil {
		return nil, err
	}
	return s.connect(who, name, s.chain.children[name].addr)
}

// connect returns a connection of somebody to a service, which is closed with
// the stage.
func (s *stage) connect(who *process.Identity, name, addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(who.To(name))))
	if err != nil {
		return nil, err
	}
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	s.conns = append(s.conns, conn)
	return conn, nil
}

// waitHealthy waits until the service of that name says that it can work.
func (c *chain) waitHealthy(ctx context.Context, name string) error {
	if err := waitHealthy(ctx, c.conns[name]); err != nil {
		return fmt.Errorf("%s does not get healthy: %w", c.children[name].label, err)
	}
	return nil
}

func waitHealthy(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	watch, err := healthpb.NewHealthClient(conn).Watch(ctx, new(healthpb.HealthCheckRequest))
	if err != nil {
		return err
	}
	for {
		response, err := watch.Recv()
		if err != nil {
			return err
		}
		if response.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			return nil
		}
	}
}

// tlsArgs are the flags that name these files.
func tlsArgs(files process.TLSFlags) []string {
	return []string{"-tls-cert", files.Cert, "-tls-key", files.Key, "-ca", files.CA}
}
