//go:build !fleet && !race

package keyset_test

// replicas is how many a simulated fleet has. With the build tag fleet it has all
// ten thousand, which takes a while.
const replicas = 500
