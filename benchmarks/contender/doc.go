// Package contender has the ways to verify a token in a gRPC service that are
// compared: ours, and what a team would pick instead. There is one file for each,
// written as its documentation recommends and no slower than it need be.
//
// All do the same work, which a test holds them to:
//
//   - the algorithm is one of those allowed
//   - the key is found by "kid", in a set in memory that was parsed beforehand
//   - the signature holds
//   - "iss" and "aud" are the expected ones, and "sub" is not empty
//   - "exp" is there, and "exp", "nbf" and "iat" hold, with the same leeway
//   - the scopes are read
//
// Ours checks more, as package token says; nothing is taken out of it here.
package contender
