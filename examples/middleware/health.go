package middleware

import (
	"context"
	"slices"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// Policy lets anyone ask for the service's health, and callers with a valid
// token call everything else.
func Policy() interceptor.Policy {
	return interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.Authenticated(),
	)
}

// exceptHealth matches all calls but health checks, which come every few
// seconds and would drown the log.
func exceptHealth() selector.Matcher {
	health := interceptor.HealthMethods()
	return selector.MatchFunc(func(_ context.Context, call interceptors.CallMeta) bool {
		return !slices.Contains(health, call.FullMethod())
	})
}
