package interceptor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
)

// StripHeaders takes headers out of every call before the handler sees it,
// public methods included. It is for the edge: headers in which services behind
// it tell each other who the user is (x-user-id, x-forwarded-user) must not come
// from outside. Interceptors in front of the server's still see them. Behind
// [Server.HTTPHandler] a request has no trailers then.
func StripHeaders(names ...string) ServerOption {
	return serverOption(func(s *Server) error {
		if len(names) == 0 {
			return errors.New("StripHeaders() names no header")
		}
		for _, name := range names {
			header := metadata.Header{Name: strings.TrimSuffix(strings.ToLower(name), "-bin")}
			if name == "" {
				return errors.New(`StripHeaders("") names no header`)
			}
			if err := header.Validate(); err != nil {
				return fmt.Errorf("StripHeaders(%q): %w", name, err)
			}
			s.stripped = append(s.stripped, strings.ToLower(name))
		}
		return nil
	})
}

// strip returns the context without the headers that are to be stripped.
func (s *Server) strip(ctx context.Context) context.Context {
	if !slices.ContainsFunc(s.stripped, func(key string) bool {
		return len(grpcmd.ValueFromIncomingContext(ctx, key)) > 0
	}) {
		return ctx
	}
	md, _ := grpcmd.FromIncomingContext(ctx) // a copy
	for _, key := range s.stripped {
		delete(md, key)
	}
	return grpcmd.NewIncomingContext(ctx, md)
}

// stripHTTP takes the headers out of a request of the caller's own.
func (s *Server) stripHTTP(header http.Header) {
	for _, key := range s.stripped {
		header.Del(key)
	}
}
