package interceptor

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/metadata"
)

// ServerOption changes what a [Server] does. This package has them all.
type ServerOption interface {
	applyServer(s *Server) error
}

// ClientOption changes what a [Client] does. This package has them all.
type ClientOption interface {
	applyClient(c *Client) error
}

// Option is for both sides.
type Option interface {
	ServerOption
	ClientOption
}

type serverOption func(s *Server) error

func (o serverOption) applyServer(s *Server) error { return o(s) }

type clientOption func(c *Client) error

func (o clientOption) applyClient(c *Client) error { return o(c) }

// option is what both sides have in common.
type option func(header *metadata.Header, hop *string, observer *Observer, now *func() time.Time) error

func (o option) applyServer(s *Server) error { return o(&s.header, &s.hop, &s.observer, &s.now) }
func (o option) applyClient(c *Client) error { return o(&c.header, &c.hop, &c.observer, &c.now) }

// Name is this hop's name in refusals: the service's, as whoever reads the
// error knows it. It is shown to callers.
func Name(hop string) Option {
	return option(func(_ *metadata.Header, name *string, _ *Observer, _ *func() time.Time) error {
		if !utf8.ValidString(hop) { // which a status can't carry
			return errors.New("Name is not UTF-8")
		}
		*name = hop
		return nil
	})
}

// HeaderName makes name the header that carries the token, for platforms that
// keep authorization for themselves. Use it on both sides. The default is
// authorization.
func HeaderName(name string) Option {
	return option(func(header *metadata.Header, _ *string, _ *Observer, _ *func() time.Time) error {
		if name == "" {
			return errors.New(`HeaderName("") names no header`)
		}
		header.Name = name
		if err := header.Validate(); err != nil {
			return err
		}
		header.Name = header.Key() // once, not for each call
		return nil
	})
}

// WithObserver tells o about every call. By default nobody is told.
func WithObserver(o Observer) Option {
	return option(func(_ *metadata.Header, _ *string, observer *Observer, _ *func() time.Time) error {
		if o == nil {
			return errors.New("WithObserver(nil)")
		}
		*observer = o
		return nil
	})
}

// WithClock makes now the clock. The default is [time.Now].
func WithClock(now func() time.Time) Option {
	return option(func(_ *metadata.Header, _ *string, _ *Observer, clock *func() time.Time) error {
		if now == nil {
			return errors.New("WithClock(nil)")
		}
		*clock = now
		return nil
	})
}

// AllowPlaintext lets credentials go over connections that are not known to be
// private. It is for connections that never leave the machine: a mesh's
// sidecar, loopback, a bufconn. Credentials that ask for transport security
// themselves are still not sent.
func AllowPlaintext() ClientOption {
	return clientOption(func(c *Client) error {
		c.allowPlaintext = true
		return nil
	})
}

// VerifiedOnly refuses to pass on a token that came in but was not verified by
// a server interceptor, with [ReasonRelayUnverified]. Use it wherever there is a
// [Server]: a token can then not slip through by way of a context that was
// rebuilt from the incoming metadata.
func VerifiedOnly() ClientOption {
	return clientOption(func(c *Client) error {
		c.verifiedOnly = true
		return nil
	})
}

// RequireToken refuses calls that would go out without a value of the header,
// whoever was to bring it, with [token.ReasonMissing].
func RequireToken() ClientOption {
	return clientOption(func(c *Client) error {
		c.requireToken = true
		return nil
	})
}

// OnlyAudience relays a token only if it is meant for audience, and refuses
// the call with [token.ReasonAudienceMismatch] if it isn't. It implies
// [VerifiedOnly]: a token that was not verified says nothing.
func OnlyAudience(audience string) ClientOption {
	return clientOption(func(c *Client) error {
		if audience == "" {
			return errors.New(`OnlyAudience("") allows no token`)
		}
		c.audience, c.verifiedOnly = audience, true
		return nil
	})
}

// MaxTokenSize is the length in bytes of the longest token that is passed on
// without having been verified here. The default is 16 KiB. For those that
// were, the verifier's limit is the only one. It can only be had if gRPC lets
// such headers in: see [grpc.MaxHeaderListSize].
func MaxTokenSize(bytes int) ClientOption {
	return clientOption(func(c *Client) error {
		if bytes <= 0 {
			return fmt.Errorf("MaxTokenSize(%d) allows no token", bytes)
		}
		c.header.Limit = bytes
		return c.header.Validate()
	})
}

// Otherwise gives calls made outside of any incoming call, such as those of a
// cron job, the service's own credential. It is never used in the context of an
// incoming call, with or without a token: an anonymous caller must not get to
// act as the service. Whoever brings the header by credentials of the call
// comes first. Incoming calls of gRPC and net/http are recognised; where
// others are served, or contexts are made anew, call token.NewContext, or use a
// connection of its own for such jobs. If own fails, calls are refused with
// [ReasonCredentialUnavailable], or with its own status, as for a [Source].
func Otherwise(own credentials.PerRPCCredentials) ClientOption {
	return clientOption(func(c *Client) error {
		if own == nil {
			return errors.New("Otherwise(nil)")
		}
		c.otherwise = own
		return nil
	})
}

// WithSource makes source decide what goes out, instead of relaying.
func WithSource(source Source) ClientOption {
	return clientOption(func(c *Client) error {
		if source == nil {
			return errors.New("WithSource(nil)")
		}
		c.source = source
		return nil
	})
}

// validate refuses options that contradict each other.
func (c *Client) validate() error {
	if c.source != nil && c.verifiedOnly {
		return errors.New("VerifiedOnly and OnlyAudience are about relaying, which WithSource replaces")
	}
	return nil
}
