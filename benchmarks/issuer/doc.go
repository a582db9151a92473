// Package issuer mints the tokens that every contender gets: the same for all, as a
// real identity provider makes them.
package issuer
