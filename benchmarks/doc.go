// Package benchmarks measures what the library costs. `make bench` runs all of it.
// It is a module of its own, so that what it compares with is nobody's dependency.
//
// Machines are noisy: compare what one run has measured, by CPU time and median, and
// believe allocations more than times.
package benchmarks
