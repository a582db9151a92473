//go:build fleet

package keyset_test

// replicas is how many a simulated fleet has.
const replicas = fleetSize
