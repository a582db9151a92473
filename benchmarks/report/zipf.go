package main

import (
	"math/rand/v2"
	"slices"
)

// zipf draws numbers from 0 by Zipf's law with exponent 1.0: number n is drawn in
// proportion to 1/(n+1). Package rand's wants an exponent above 1.
type zipf struct {
	cumulative []float64
}

// newZipf returns one for n numbers.
func newZipf(n int) zipf {
	z := zipf{make([]float64, n)}
	sum := 0.0
	for i := range z.cumulative {
		sum += 1 / float64(i+1)
		z.cumulative[i] = sum
	}
	return z
}

// next draws a number. Several goroutines may draw, each with a random of its own.
func (z zipf) next(random *rand.Rand) int {
	at := random.Float64() * z.cumulative[len(z.cumulative)-1]
	i, _ := slices.BinarySearch(z.cumulative, at)
	return i
}
