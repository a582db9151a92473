package interceptor

import "errors"

// ErrShadow is what [Server.Audit] returns while [Shadow] is on, with whatever else
// it found. It is for [errors.Is]: who means it logs the error, and goes on.
var ErrShadow = errors.New("interceptor: shadow mode is on: nobody is refused")

// Shadow lets every call in and tells report of those that would be refused, and
// why, with Decision.Shadow set. It is for teams that adopt the library with
// services that run: find out first who would be locked out.
//
// Tokens are verified and policy is judged as without it. The handler finds a
// token in its context, and the relay sends it on, only if it was verified:
// callers whose token is bad, or missing, or whose method has no rule, are
// anonymous. A handler that relies on the policy must not run in shadow. The limit
// of headers is gRPC's own meanwhile.
//
// An observer given by [WithObserver] is told too, so don't give it the same one.
func Shadow(report Observer) ServerOption {
	return serverOption(func(s *Server) error {
		if report == nil {
			return errors.New("Shadow(nil): a shadow that nobody watches only opens the service")
		}
		s.shadow = report
		return nil
	})
}
