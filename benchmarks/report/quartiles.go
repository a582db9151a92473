package main

import "slices"

// quartiles returns the three of some values, between two of them if need be, and
// zeros of none.
func quartiles(values []float64) (lower, median, upper float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)
}

// quantile returns the value below which a part of the sorted values is.
func quantile(sorted []float64, part float64) float64 {
	position := part * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
}
