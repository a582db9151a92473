// Package middleware is for teams that are on go-grpc-middleware already. Its
// logging, recovery and selector interceptors stay as they are, and of its auth
// interceptors one line changes, once for unary calls and once for streams:
//
//	auth.UnaryServerInterceptor(server.AuthFunc()),
//	auth.StreamServerInterceptor(server.AuthFunc()),
//
// [Options] has all of them, in order. Who is free to choose lists
// [interceptor.Server.Options] behind logging and recovery instead, and needs
// no auth interceptor, because AuthFunc keeps less:
//
//	promise                               server.Options()  AuthFunc                   Options here
//	the token of a call is verified       yes               yes                        yes
//	a method without a rule is refused    yes               only where auth asks it    yes
//	unary and streams can't differ        yes               no: there are two lines    yes
//	headers have a limit                  yes               no: that is a third line   yes
//	a stream ends with its token          yes               no: it sees no call end    no
//	HideHops covers handlers' errors      yes               no: it sees no call end    no
//
// # Two ways around auth
//
// Auth interceptors can be made not to ask AuthFunc. Then nobody decides on a
// call: it is served, whoever calls, and a relay takes the service for one that
// has no [interceptor.Server] and passes the unverified token on.
//
// A selector around auth skips the methods that its matcher doesn't match, and
// those that it should match and doesn't. [interceptor.Server.Audit] can't see
// it. The place for exceptions is the policy, see [Policy]: there a method that
// nobody thought of needs a token like all others. A selector is for what may be
// left out, such as the log lines of health checks.
//
// A service that has the method AuthFuncOverride, its own or of something that
// it embeds, is asked in place of AuthFunc, for all its methods. It should
// return what AuthFunc returns, or say with [token.NewContext] and a nil token
// that it lets the caller in without one.
//
// [Options] ends with an interceptor that refuses a call on which nobody
// decided. [interceptor.VerifiedOnly] on the relay is the second net: what
// wasn't verified here doesn't leave here.
package middleware
