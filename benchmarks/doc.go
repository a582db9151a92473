// Package benchmarks measures what the library costs, beside what a team would pick
// instead. It is a module of its own, so that what it compares with is nobody's
// dependency. README.md has the results.
//
//   - package contender has ours and the peers, held to the same checks by a test
//   - package issuer mints the tokens that all of them get
//   - package calls makes gRPC calls to measure them in
//   - command report compares them, and with the goals: `make bench-report`
//
// `make bench` runs everything as Go's benchmarks, for benchstat.
//
// Machines are noisy: compare what one run has measured, by CPU time and median, and
// believe allocations more than times.
package benchmarks
