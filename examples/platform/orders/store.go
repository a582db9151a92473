package orders

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	ordersv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/orders/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/items"
	"github.com/jwtrelay/jwtrelay/token"
)

// The answers of a [Store] that are not orders.
var (
	// ErrNotFound: the user has no such order, whoever else may have it.
	ErrNotFound = errors.New("orders: no such order")
	// ErrShipped: the order is on its way.
	ErrShipped = errors.New("orders: the order is shipped")
	// ErrCancelled: the order is cancelled.
	ErrCancelled = errors.New("orders: the order is cancelled")
)

// Order is what a user ordered.
type Order struct {
	ID      string
	Items   []items.Priced
	Status  ordersv1.OrderStatus
	Created time.Time
}

// Proto is the message for an order.
func (o Order) Proto() *ordersv1.Order {
	return &ordersv1.Order{
		Id:         o.ID,
		Items:      items.PricedProtos(o.Items),
		TotalCents: items.TotalCents(o.Items),
		Status:     o.Status,
		CreateTime: timestamppb.New(o.Created),
	}
}

// Store keeps orders: the service's database. Every question but Cancel is one
// about the orders of one user.
type Store interface {
	// Add keeps an order, whose id nobody has used.
	Add(ctx context.Context, owner token.Principal, order Order) error

	// Order returns an order, or ErrNotFound.
	Order(ctx context.Context, owner token.Principal, id string) (Order, error)

	// Orders returns at most limit orders, the latest first: those that are
	// older than the order named before, which may be "". It is ErrNotFound if
	// there is no order of that name.
	Orders(ctx context.Context, owner token.Principal, before string, limit int) ([]Order, error)

	// Advance sets the status of an order, unless it has come further already,
	// or fails with ErrNotFound or ErrCancelled.
	Advance(ctx context.Context, owner token.Principal, id string, status ordersv1.OrderStatus) error

	// Cancel sets the status of an order, whoever its owner is, to cancelled, or
	// fails with ErrNotFound, ErrShipped or ErrCancelled. It is for those who may
	// do that to any order: whether the caller is one, the store can't know.
	Cancel(ctx context.Context, id string) error
}

// Memory is a store in memory. The zero value is empty and ready to use.
type Memory struct {
	mu     sync.Mutex
	orders map[token.Principal][]Order // in the order in which they were added
}

// Add implements [Store].
func (m *Memory) Add(_ context.Context, owner token.Principal, order Order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.orders == nil {
		m.orders = make(map[token.Principal][]Order)
	}
	m.orders[owner] = append(m.orders[owner], order)
	return nil
}

// Order implements [Store].
func (m *Memory) Order(_ context.Context, owner token.Principal, id string) (Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, err := m.find(owner, id)
	if err != nil {
		return Order{}, err
	}
	return m.orders[owner][i], nil
}

// Orders implements [Store].
func (m *Memory) Orders(_ context.Context, owner token.Principal, before string, limit int) ([]Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := len(m.orders[owner])
	if before != "" {
		i, err := m.find(owner, before)
		if err != nil {
			return nil, err
		}
		end = i
	}
	page := slices.Clone(m.orders[owner][max(0, end-limit):end])
	slices.Reverse(page)
	return page, nil
}

// Advance implements [Store].
func (m *Memory) Advance(_ context.Context, owner token.Principal, id string, status ordersv1.OrderStatus) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, err := m.find(owner, id)
	if err != nil {
		return err
	}
	order := &m.orders[owner][i]
	if order.Status == ordersv1.OrderStatus_ORDER_STATUS_CANCELLED {
		return ErrCancelled
	}
	order.Status = max(order.Status, status)
	return nil
}

// Cancel implements [Store].
func (m *Memory) Cancel(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for owner := range m.orders {
		if i, err := m.find(owner, id); err == nil {
			return m.orders[owner][i].cancel()
		}
	}
	return ErrNotFound
}

// cancel cancels the order, if it is not too late.
func (o *Order) cancel() error {
	switch o.Status {
	case ordersv1.OrderStatus_ORDER_STATUS_SHIPPED:
		return ErrShipped
	case ordersv1.OrderStatus_ORDER_STATUS_CANCELLED:
		return ErrCancelled
	default:
		o.Status = ordersv1.OrderStatus_ORDER_STATUS_CANCELLED
		return nil
	}
}

// find returns where an order is among the owner's.
func (m *Memory) find(owner token.Principal, id string) (int, error) {
	i := slices.IndexFunc(m.orders[owner], func(o Order) bool { return o.ID == id })
	if i < 0 {
		return 0, ErrNotFound
	}
	return i, nil
}
