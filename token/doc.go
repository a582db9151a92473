// Package token answers one question: is this token valid, and what does it
// say?
//
// A [Verifier] takes the compact form of a JWT (RFC 7519) and gives a [Token],
// or an [Error] that names the [Reason]. It asks nobody: the keys come from a
// [keyset.Set], which holds them in memory. It knows nothing of gRPC and serves
// an HTTP handler or a queue consumer as well.
//
// # What is checked
//
// [Verifier.Verify] takes seven steps, cheap refusals first:
//
//  1. Shape: three segments of canonical base64url, within the size limit.
//  2. Header: one strict JSON object; an algorithm that signs; a type that is a
//     JWT; nothing critical, compressed or encrypted.
//  3. Key: from the keys of the token's own issuer, for the header's key id and
//     algorithm.
//  4. Signature.
//  5. Claims: one strict JSON object; who issued it, for whom, about whom, and
//     when; and nothing that marks it as another kind of token, as at_hash does
//     an ID token.
//  6. The team's own claims, if [WithClaims] says how they look.
//  7. Revoked? See [WithRevocations].
//
// Strict JSON means one object and nothing after it, names matched exactly, no
// name twice (RFC 7519 section 4), valid UTF-8, and little nesting. What may be
// relaxed has an option of its own, with a name that shows up in review.
//
// # What comes out
//
// A [Token] is immutable, may be shared, and can only come from a Verifier.
// Printed, logged or encoded in whatever way it shows a short fingerprint, never
// itself. A server keeps it in the context of the call, where [FromContext] and
// [ClaimsFrom] find it.
//
// # What it costs
//
// A token that the verifier has not seen costs the check of its signature and a little
// more, one that it has seen a look-up: no cryptography, no JSON, no allocation.
// The directory benchmarks has numbers, beside those of other libraries.
//
// Verified tokens are kept in [DefaultCacheSize] bytes of memory ([CacheSize]), by
// their whole text; what was refused is not kept. With each use of one it is asked, in
// this order, whether it has expired, whether the very key that verified it is still the
// issuer's, and whether it is revoked. A key is the same as long as its set says so:
// one that is withdrawn, replaced under its id or distrusted takes the tokens along, and
// when a set's keys are too old its tokens are refused with [ReasonKeysUnavailable],
// kept or not. A set of your own has to be a [keyset.Live] for that; tokens of others
// are verified each time.
//
// When many calls bring a new token at once, one of them verifies it for all.
// No more than [MaxConcurrentVerifications] signatures are checked at a time.
//
// # Providers
//
// What to write in [Issuer] for some identity providers. Keys come from
// [keyset.Discover] with the same URL.
//
//	provider        URL                                                  Audiences
//	Auth0           https://<tenant>.<region>.auth0.com/                 the API's identifier
//	Cognito         https://cognito-idp.<region>.amazonaws.com/<pool>    none, but Clients
//	Dex             its issuer, with the path                            the service's client id
//	Entra v2        https://login.microsoftonline.com/<tenant>/v2.0      the API's application id
//	Entra v1        https://sts.windows.net/<tenant>/                    its application id URI, and its id
//	Entra, tenants  https://login.microsoftonline.com/{tenantid}/v2.0    the API's application id
//	Google          https://accounts.google.com                          the service's client id
//	Keycloak        https://<host>/realms/<realm>                        what an audience mapper adds
//	Kubernetes      https://kubernetes.default.svc.cluster.local         what the pod's volume asks for
//	Okta            https://<org>.okta.com/oauth2/<server>               the server's audience
//	Zitadel         https://<instance>.zitadel.cloud                     the project's id
//
// Each has a trap:
//
//   - Auth0: the slash at the end of URL. A client that doesn't ask for the
//     audience gets a token that is no JWT. ID tokens may show no mark: what keeps
//     them out is that no client has the API's identifier for its id.
//   - Cognito: access tokens have no "aud". Set AnyAudience to that reason and
//     Clients to the app clients that may call, or any client of the pool can.
//     Scopes have the resource server in front: orders/read.
//   - Dex: access tokens are ID tokens with another "at_hash", so they need
//     [AnyTokenKind]. Clients of other services ask for the scope
//     audience:server:client_id:<the service's client id>.
//   - Entra: the tenant is its id, not a domain. The API's manifest says which
//     version its tokens are (requestedAccessTokenVersion), whatever the client
//     asks. Where the document isn't below URL, DiscoveryURL of
//     [keyset.RemoteConfig] says where: for v1
//     https://login.microsoftonline.com/<tenant>/.well-known/openid-configuration,
//     for several tenants
//     https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration.
//     With the keys of v2.0 no token of v1 verifies. An app that calls for itself
//     has "roles" and no scopes. ID tokens may show no mark: register the API and
//     its clients apart.
//   - Google: only ID tokens are JWTs, and they need [AnyTokenKind]. Anybody can get
//     one, and a service account for any audience: ask for "email" or "hd" in your
//     rules. Old documentation allows an "iss" without https://, which is refused.
//   - Keycloak: "aud" is "account", or missing, until a mapper in a client scope
//     adds the service. Clients without the scope basic (since Keycloak 25) get
//     tokens without "sub".
//   - Kubernetes: discovery wants the cluster's CA and the pod's own token, which is
//     replaced every so often: both from the Client of [keyset.RemoteConfig], which
//     reads the file for each request, for the hosts of the API server only (jwks_uri
//     is often its address); package keyset has an example. Managed
//     clusters have another URL, to be read in "iss". Callers project a token with
//     the service's audience, and not the one that opens the API server.
//   - Okta: tokens of the org's own authorization server, whose URL has no path, are
//     not for others to verify: use a custom one, such as default.
//   - Zitadel: set the application's token type to JWT. ID tokens have the same "aud"
//     and are refused for their "at_hash", which those of the response type id_token
//     alone lack: don't allow it. Access tokens have no scopes; a role is an object,
//     which [Token.HasClaim] reaches by an organization's id below it.
//
// AnyTokenKind holds for all issuers of a Verifier: give those that need it a
// Verifier of their own.
package token
