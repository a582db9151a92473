// Package connectrelay is for teams that speak Connect. Their servers
// [interceptor.Server.HTTPHandler] covers as it is; the tests here show that it
// decides on every protocol as the interceptors do on gRPC. [Ends], among a handler's
// interceptors, lets streams that end with their token say so. The rest is the way
// out: [Relay] sends the token of the call that is being served along with the calls
// that its handler makes.
//
//	relay, err := connectrelay.New(connectrelay.Config{BaseURL: "https://inventory.internal"})
//	...
//	inventory := inventoryv1connect.NewInventoryServiceClient(
//		connectrelay.WithoutRedirects(httpClient), "https://inventory.internal",
//		connect.WithInterceptors(logging, relay)) // the relay last
//
// Take relay.go, stream.go, end.go and refusal.go with you: they need nothing else
// of what is here.
//
// # What it can't keep
//
//	promise                                interceptor.Client   Relay
//	the token arrives byte for byte        yes                  yes
//	and was verified here                  with VerifiedOnly    yes: it knows no other token
//	nothing for public and anonymous       yes                  yes
//	never twice                            yes                  if it is the last interceptor
//	never in the clear                     yes, each attempt    no: it knows the URL, not the connection
//	nor anywhere but to the next service   yes                  if redirects are not followed
//	a token that has ended stays here      yes, each attempt    yes, as the call begins
//	a relayed stream ends with its token   yes                  yes
//
// gRPC shows the connection to call credentials; Connect shows nobody more than
// the host. So [New] takes the URL, refuses one that isn't https, and each call
// is held against its host. What the http.Client does is beyond it: with
// InsecureSkipVerify, or a proxy that ends TLS, the token goes where that leads.
//
// [http.Client] follows redirects, most by GET, and takes the Authorization
// header along to the same host and its subdomains, from https to http as well.
// No RPC is answered by a redirect, so [WithoutRedirects] follows none.
package connectrelay
