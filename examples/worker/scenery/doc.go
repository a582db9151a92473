// Package scenery is what surrounds the worker when it runs all by itself: the
// parts that you have already. An identity provider with a token endpoint, a
// certificate authority, a service to call, and a network that fails when it
// is told to.
package scenery
