package service

import "sync"

// readiness is whether a service can work: when all that it needs to decide on
// tokens is there.
type readiness struct {
	report func(ready bool)

	mu      sync.Mutex
	missing map[string]bool
}

// newReadiness returns the readiness of a service that needs these, and reports
// that they are missing.
func newReadiness(report func(ready bool), needs ...string) *readiness {
	r := &readiness{report: report, missing: make(map[string]bool)}
	for _, name := range needs {
		r.missing[name] = true
	}
	report(false)
	return r
}

// of returns what is to be told of changes of one of the needs.
func (r *readiness) of(name string) func(ready bool) {
	return func(ready bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if ready {
			delete(r.missing, name)
		} else {
			r.missing[name] = true
		}
		r.report(len(r.missing) == 0)
	}
}
