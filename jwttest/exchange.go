package jwttest

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxExchanges bounds what an endpoint remembers, so that a soak may go on for
// long.
const maxExchanges = 1000

// Exchange is a request that an [Issuer] got, and how it was answered.
type Exchange struct {
	At     Endpoint
	Time   time.Time // of arrival, by the clock of the issuer
	Method string
	URL    string      // as the client named it
	Header http.Header // of the request
	Status int         // of the answer; 0 if there is none, or none yet

	number int // in the order of their arrival
}

// String shows how the exchange went, without the header and the query of the
// request: there may be a credential in them.
func (e Exchange) String() string {
	path, _, _ := strings.Cut(e.URL, "?")
	if e.Status == 0 {
		return fmt.Sprintf("%s %s: no answer", e.Method, path)
	}
	return fmt.Sprintf("%s %s: %d %s", e.Method, path, e.Status, http.StatusText(e.Status))
}

// Exchanges returns the requests for the given endpoints, or for all, in the
// order of their arrival. An endpoint remembers its latest 1000;
// [Issuer.Answered] counts them all.
func (i *Issuer) Exchanges(at ...Endpoint) []Exchange {
	var exchanges []Exchange
	i.each(at, func(e *endpoint) {
		for _, x := range e.exchanges {
			seen := *x
			seen.Header = x.Header.Clone()
			exchanges = append(exchanges, seen)
		}
	})
	slices.SortFunc(exchanges, func(a, b Exchange) int { return cmp.Compare(a.number, b.number) })
	return exchanges
}

// Answered returns how many requests for the given endpoints, or for all, were
// answered with this status so far. A status of 0 counts those that weren't
// answered, or not yet.
func (i *Issuer) Answered(status int, at ...Endpoint) int {
	count := 0
	i.each(at, func(e *endpoint) { count += e.answered[status] })
	return count
}

// arrive notes a request, and returns what notes its answer.
func (i *Issuer) arrive(at Endpoint, w http.ResponseWriter, r *http.Request) *witness {
	x := &Exchange{
		At: at, Time: i.settings.clock(), Method: r.Method, Header: r.Header.Clone(),
		URL: schemeOf(r) + "://" + r.Host + r.RequestURI,
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.arrived++
	x.number = i.arrived
	e := i.endpoints[at]
	if len(e.exchanges) == maxExchanges {
		e.exchanges = slices.Delete(e.exchanges, 0, 1)
	}
	e.exchanges = append(e.exchanges, x)
	e.answered[0]++
	return &witness{ResponseWriter: w, note: func(status int) { i.answer(e, x, status) }}
}

// answer notes the status of x, which has none yet.
func (i *Issuer) answer(e *endpoint, x *Exchange, status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	e.answered[0]--
	e.answered[status]++
	x.Status = status
}

// witness is a ResponseWriter that notes the status before the client can see
// it. It can do what the one inside can.
type witness struct {
	http.ResponseWriter
	note func(status int)
	seen bool // the status, or that there is to be none
}

// see notes the first status.
func (w *witness) see(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if w.seen || informational {
		return
	}
	w.seen = true
	w.note(status)
}

// WriteHeader implements [http.ResponseWriter].
func (w *witness) WriteHeader(status int) {
	w.see(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *witness) Write(p []byte) (int, error) {
	w.see(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// FlushError is for [http.ResponseController].
func (w *witness) FlushError() error {
	w.see(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements [http.Flusher].
func (w *witness) Flush() { _ = w.FlushError() }

// Hijack implements [http.Hijacker]. What is answered then isn't known.
func (w *witness) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.seen = w.seen || err == nil
	return conn, buffer, err
}

// Unwrap is for [http.ResponseController].
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }
