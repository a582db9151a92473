//go:build race

package keyset_test

// replicas is how many a simulated fleet has: the race detector bears only some
// thousand goroutines, and makes each cost ten times as much.
const replicas = 500
