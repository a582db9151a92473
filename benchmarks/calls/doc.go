// Package calls makes the gRPC calls that are measured: real ones, with gRPC's own
// client and server on both ends. The service is gRPC's health service, because its
// code comes with gRPC and its messages are small: next to larger ones the cost of
// verifying is less.
package calls
