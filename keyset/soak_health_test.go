//go:build soak

package keyset_test

import (
	"sync"
	"time"
)

// condition is how the source of a set is.
type condition int

const (
	well    condition = iota // a fetch must go well
	unclear                  // it may go well
	ill                      // it must fail
)

// span is a time in which the condition did not change.
type span struct {
	condition condition
	from, to  time.Time // to is zero while it lasts
}

// lasted reports whether the span began before began, and did not end before
// ended.
func (s span) lasted(began, ended time.Time) bool {
	return !began.Before(s.from) && (s.to.IsZero() || !ended.After(s.to))
}

// tally is what a set went through.
type tally struct {
	well, unclear, ill time.Duration
	outages            int // times after it was well
	restarts           int
}

func (t tally) minus(before tally) tally {
	return tally{
		well: t.well - before.well, unclear: t.unclear - before.unclear, ill: t.ill - before.ill,
		outages: t.outages - before.outages, restarts: t.restarts - before.restarts,
	}
}

func (t *tally) add(s span, until time.Time) {
	lasted := until.Sub(s.from)
	switch s.condition {
	case well:
		t.well += lasted
	case unclear:
		t.unclear += lasted
	case ill:
		t.ill += lasted
	}
}

// maxSpans bounds what is remembered. What was before can't be proved any more.
const maxSpans = 100

// health is what a source went through, as far as it is remembered. It may be
// used concurrently.
type health struct {
	mu    sync.RWMutex
	spans []span // the last one lasts
	past  tally  // of the spans that ended
}

func (h *health) start() { h.spans = []span{{from: time.Now()}} }

// becomes says how the source is from now on.
func (h *health) becomes(c condition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last().condition != c {
		h.change(c, time.Now())
	}
}

// renew begins a new span, as what was before proves nothing any more.
func (h *health) renew(from time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.last().condition
	if from.Before(h.last().from) {
		from = h.last().from
	}
	h.change(unclear, from)
	h.change(c, time.Now())
}

// restarted counts a restart.
func (h *health) restarted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past.restarts++
}

func (h *health) change(c condition, at time.Time) {
	h.past.add(h.last(), at)
	if h.last().condition == well {
		h.past.outages++
	}
	h.spans[len(h.spans)-1].to = at
	h.spans = append(h.spans, span{condition: c, from: at})
	if len(h.spans) > maxSpans {
		h.spans = h.spans[1:]
	}
}

func (h *health) last() span { return h.spans[len(h.spans)-1] }

// now returns the span that lasts.
func (h *health) now() span {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.last()
}

// during returns the span in which something began and ended. If there is none,
// it is unclear how the source was.
func (h *health) during(began, ended time.Time) span {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, s := range h.spans {
		if s.lasted(began, ended) {
			return s
		}
	}
	return span{condition: unclear, from: began}
}

// noticed reports whether a set with these windows must have noticed by now an
// event that it had to notice within window.
func (h *health) noticed(event time.Time, w windows, window time.Duration, now time.Time) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, s := range h.spans {
		at := later(s.from.Add(w.recovered), event.Add(window))
		if s.condition == well && s.lasted(at, at) && at.Before(now) {
			return true
		}
	}
	return false
}

// tally returns what the source went through so far.
func (h *health) tally() tally {
	h.mu.RLock()
	defer h.mu.RUnlock()
	t := h.past
	t.add(h.last(), time.Now())
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
