package jwttest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// act is what is done instead of answering as one should. It returns false if
// it ended before it answered.
type act func(v *visit) (answered bool)

// Recover ends every fault at the given endpoints, or at all: they answer as
// they should, and so do the requests that hang.
func (i *Issuer) Recover(at ...Endpoint) { i.enact(nil, at) }

// Fail answers with this status and a short text. Like every fault it holds
// at the given endpoints, or at all if none is named, and replaces the one
// before.
func (i *Issuer) Fail(status int, at ...Endpoint) { i.FailWith(status, nil, at...) }

// FailWith is [Issuer.Fail] with a header: a Retry-After, say.
func (i *Issuer) FailWith(status int, header http.Header, at ...Endpoint) {
	header = header.Clone()
	i.AnswerWith(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for name, values := range header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, http.StatusText(status)+"\n")
	}), at...)
}

// Disconnect closes the connection without an answer. If it had served a
// request before, an [http.Transport] tries once more.
func (i *Issuer) Disconnect(at ...Endpoint) {
	i.enact(func(*visit) bool {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http has no other way for all its protocols
	}, at)
}

// Hang doesn't answer until the request's context ends, or until
// [Issuer.Recover] or another fault, by which the requests that hang are then
// answered.
func (i *Issuer) Hang(at ...Endpoint) {
	i.enact(func(v *visit) bool {
		select {
		case <-v.changed:
		case <-v.r.Context().Done():
		}
		return false
	}, at)
}

// Delay answers as it should, after this long. [Issuer.Recover] and every
// other fault end the waiting.
func (i *Issuer) Delay(d time.Duration, at ...Endpoint) {
	i.enact(func(v *visit) bool {
		if !v.wait(d) {
			return false
		}
		v.answer()
		return true
	}, at)
}

// Answer answers 200 with whatever this is: an HTML page, say.
func (i *Issuer) Answer(contentType, body string, at ...Endpoint) {
	i.AnswerWith(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}), at...)
}

// Truncate breaks off in the middle of the body that it promised.
func (i *Issuer) Truncate(at ...Endpoint) {
	i.enact(func(v *visit) bool {
		if body, ok := v.prepare(); ok {
			v.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			v.write(body[:len(body)/2])
		}
		return true
	}, at)
}

// Inflate answers with a body of at least size bytes: as it should be, then
// white space.
func (i *Issuer) Inflate(size int64, at ...Endpoint) {
	i.enact(func(v *visit) bool {
		if body, ok := v.prepare(); ok {
			v.write(body)
			_, _ = io.CopyN(v.w, blank{}, size-int64(len(body)))
		}
		return true
	}, at)
}

// Drip answers as it should, one byte at a time and this long apart.
// [Issuer.Recover] and every other fault let the rest flow.
func (i *Issuer) Drip(every time.Duration, at ...Endpoint) {
	i.enact(func(v *visit) bool {
		if body, ok := v.prepare(); ok {
			v.drip(body, every)
		}
		return true
	}, at)
}

// AnswerWith answers by a handler of your own.
func (i *Issuer) AnswerWith(handler http.Handler, at ...Endpoint) {
	i.enact(func(v *visit) bool {
		handler.ServeHTTP(v.w, v.r)
		return true
	}, at)
}

func (i *Issuer) enact(a act, at []Endpoint) {
	i.each(at, func(e *endpoint) { e.set(a) })
}

// wait reports whether d passed before the fault or the request ended.
func (v *visit) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-v.changed:
		return false
	case <-v.r.Context().Done():
		return false
	}
}

// drip writes body byte by byte until something ends the waiting, then the
// rest, unless it was the request that ended. It reports whether nothing did.
func (v *visit) drip(body []byte, every time.Duration) bool {
	flusher := http.NewResponseController(v.w)
	for len(body) > 0 {
		v.write(body[:1])
		body = body[1:]
		if flusher.Flush() != nil || !v.wait(every) {
			if v.r.Context().Err() == nil {
				v.write(body)
			}
			return false
		}
	}
	return true
}

// write writes part of a body. A client that is gone is no mistake here.
func (v *visit) write(part []byte) { _, _ = io.Copy(v.w, bytes.NewReader(part)) }

// blank is white space without end.
type blank struct{}

func (blank) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}
