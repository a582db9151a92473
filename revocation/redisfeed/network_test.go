package redisfeed_test

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// TestACutNetworkIsNoticedAndSurvived cuts the network in both ways, revokes behind
// it, and mends it.
func TestACutNetworkIsNoticedAndSurvived(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cut  func(p *proxy, cut bool)
	}{
		{"refused", (*proxy).refuse},
		{"silent", func(p *proxy, cut bool) {
			p.silent.Store(cut)
			if !cut {
				p.refuse(true) // what was swallowed never comes
				p.refuse(false)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			p := startProxy(t, s.addr)
			writer := openWriter(t, s.options())
			list := listOf(t, openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}}))
			revoke(t, writer, session(0))
			has(t, list, 1)
			test.cut(p, true)
			eventually(t, "the list notices", func() error { return failing(list) })
			revoke(t, writer, session(1))
			has(t, list, 1)
			test.cut(p, false)
			has(t, list, 2)
			eventually(t, "the list is well", func() error {
				if failing(list) == nil {
					return errors.New("it fails")
				}
				return nil
			})
		})
	}
}

// failing returns nil if the last read of a list's source failed.
func failing(list *revocation.List) error {
	if list.Status().Sources[0].Err == nil {
		return errors.New("no failure")
	}
	return nil
}

// TestClosingWaitsForNobody closes a list and its feed while Redis is silent.
func TestClosingWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, s.addr)
	revoke(t, openWriter(t, s.options()), session(0))
	feed := openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}})
	list := listOf(t, feed)
	has(t, list, 1)
	p.silent.Store(true)
	if err := errors.Join(list.Close(), feed.Close()); err != nil {
		t.Error(err)
	}
}
