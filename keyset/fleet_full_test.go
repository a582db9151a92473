//go:build fleet && !race

package keyset_test

// replicas is how many a simulated fleet has.
const replicas = fleetSize
