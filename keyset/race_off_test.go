//go:build !race

package keyset_test

// replicas is how many a simulated fleet has.
const replicas = 10_000
