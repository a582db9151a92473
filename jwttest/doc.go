// Package jwttest answers one question: who signs the tokens of my tests?
//
// An [Issuer] makes keys and tokens in memory, and misbehaves on command.
// Without options it makes a token that verifies; each option says one thing
// that is different, such as [Subject], [Scopes], [Expired], [SignedWith] or
// [Forged].
//
// # Keys without HTTP, and with it
//
// [Issuer.Keys] is a key set to hand to a verifier as it is.
// [Issuer.JWKSURL] and [Issuer.DiscoveryURL] serve the same keys, except
// secrets, from a server that starts when a URL is first asked for and ends
// with the test. With [InMemory] there is no server at all and [Issuer.Client]
// reaches the issuer instead. That works in a [testing/synctest] bubble too, if
// the issuer is made inside of it.
//
// # What changes
//
// [Issuer.Rotate] brings new keys, and [Issuer.Withdraw] takes the old ones
// away. [Issuer.MoveJWKS] serves them elsewhere, [Issuer.SetDiscovery] says
// otherwise, [Issuer.SetHeader] is for caches. [Issuer.Fail], [Issuer.Hang],
// [Issuer.Answer], [Issuer.Drip] and the other faults last until
// [Issuer.Recover]; [Faults] lists every way of going wrong, for a test that
// goes through them all.
//
// [Issuer.Exchanges] and [Issuer.Answered] tell what was asked and answered.
//
// # Tokens made by hand
//
// [Key.Sign] signs any header and any payload, byte for byte: two members of
// one name, broken UTF-8, no JSON at all. [Encode] makes a token without
// signing anything, [Tamper] spoils a signature.
//
// # Outside of a test
//
// [NewIssuer] takes your t or b. An Example has neither: [NoTest] stands in.
//
// Nothing here prints a token or a secret, failures included.
package jwttest
