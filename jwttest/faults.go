package jwttest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is the name of a way in which an [Issuer] goes wrong, such as
// "redirect loop": one of [Faults].
type Fault string

// Misbehave makes the issuer go wrong in this way, at the given endpoints or
// at all, until [Issuer.Recover] or another fault.
func (i *Issuer) Misbehave(fault Fault, at ...Endpoint) {
	i.tb.Helper()
	all := misdeeds()
	n := slices.IndexFunc(all, func(m misdeed) bool { return m.name == fault })
	if n < 0 {
		i.tb.Fatalf("jwttest: Misbehave: no fault %q: want one of %q", fault, Faults())
		return
	}
	all[n].do(i, at)
}

// Faults returns every way of going wrong that a verifier must live through, at
// either endpoint: go on with what it has, say of a key that it lacks that it
// can't tell, and be up to date soon after [Issuer.Recover]. They are
//
//   - errors, one of them with the right body
//   - no answer, or no end of it: "hang" and "endless drip" last until the
//     client gives up, so give it a short limit, or a [testing/synctest] bubble
//   - redirects in a loop, to another host, and from https to http. Both of the
//     latter are answered rightly by [Issuer.Client], so that it shows who
//     follows them
//   - with status 200, something else: broken, too long (16 MiB) or not what was
//     asked for. It comes with the header of a good answer, ETag included, so
//     that it shows who remembers the header of what was of no use
//   - JWK Sets of which no key may be used to verify a signature
//
// [Issuer.Delay] is none: what comes late is still right.
func Faults() []Fault {
	var names []Fault
	for _, m := range misdeeds() {
		names = append(names, m.name)
	}
	return names
}

// misdeed is a fault and how to commit it.
type misdeed struct {
	name Fault
	do   func(i *Issuer, at []Endpoint)
}

// elsewhere is a host that nobody has (RFC 2606 section 2).
const elsewhere = "elsewhere.test"

// tooLong is a size that no verifier should read.
const tooLong = 16 << 20

func misdeeds() []misdeed {
	const jsonType = "application/json"
	return []misdeed{
		{"404", failing(http.StatusNotFound)},
		{"429", failing(http.StatusTooManyRequests)},
		{"500", failing(http.StatusInternalServerError)},
		{"503", failing(http.StatusServiceUnavailable)},
		{"500 with the right body", acting(rightButFailed)},

		{"hang", func(i *Issuer, at []Endpoint) { i.Hang(at...) }},
		{"disconnect", func(i *Issuer, at []Endpoint) { i.Disconnect(at...) }},
		{"truncated body", func(i *Issuer, at []Endpoint) { i.Truncate(at...) }},
		{"endless drip", acting(dripEndlessly)},

		{"redirect loop", func(i *Issuer, at []Endpoint) { i.RedirectLoop(at...) }},
		{"redirect to another host", acting(redirectElsewhere)},
		{"redirect to http", acting(redirectToHTTP)},

		{"empty body", saying(jsonType, "")},
		{"HTML", saying("text/html", "<!DOCTYPE html><title>Maintenance</title>")},
		{"binary", saying("application/octet-stream", "\x1f\x8b\x00\xff\xfe")},
		{"null", saying(jsonType, "null")},
		{"[]", saying(jsonType, "[]")},
		{"{}", saying(jsonType, "{}")},
		{`{"keys":null}`, saying(jsonType, `{"keys":null}`)},
		{`{"keys":{}}`, saying(jsonType, `{"keys":{}}`)},
		{`{"keys":[]}`, saying(jsonType, `{"keys":[]}`)},
		{"an error in JSON", saying(jsonType, `{"error":"temporarily_unavailable"}`)},
		{"the other document", acting(theOther)},
		{"half of the JSON", instead(func(good []byte) []byte { return good[:len(good)/2] })},
		{"twice the JSON", instead(func(good []byte) []byte { return bytes.Repeat(good, 2) })},
		{"huge body", func(i *Issuer, at []Endpoint) { i.Inflate(tooLong, at...) }},

		{"only a post-quantum key", publishing(postQuantum)},
		{"only an Ed448 key", publishing(ed448)},
		{"only an RSA key of 1024 bits", publishing(shortRSA)},
		{"only a key for encryption", publishing(forEncryption)},
		{"only a private key", publishing(private)},
		{"only a secret", publishing(secret)},
	}
}

func failing(status int) func(*Issuer, []Endpoint) {
	return func(i *Issuer, at []Endpoint) { i.Fail(status, at...) }
}

// acting is for what always answers.
func acting(do func(v *visit)) func(*Issuer, []Endpoint) {
	return func(i *Issuer, at []Endpoint) {
		i.enact(func(v *visit) bool { do(v); return true }, at)
	}
}

// instead answers with the header of a good answer and another body.
func instead(change func(good []byte) []byte) func(*Issuer, []Endpoint) {
	return acting(func(v *visit) {
		if good, ok := v.prepare(); ok {
			v.whole(change(good))
		}
	})
}

// saying is instead for a body that does not depend on the good one.
func saying(contentType, body string) func(*Issuer, []Endpoint) {
	return acting(func(v *visit) {
		if _, ok := v.prepare(); ok {
			v.w.Header().Set("Content-Type", contentType)
			v.whole([]byte(body))
		}
	})
}

// publishing answers with a set of the one key that jwk makes.
func publishing(jwk func(tb TB) map[string]any) func(*Issuer, []Endpoint) {
	return func(i *Issuer, at []Endpoint) {
		i.tb.Helper()
		element, err := json.Marshal(jwk(i.tb))
		check(i.tb, err)
		instead(func([]byte) []byte { return joinJWKs([]string{string(element)}) })(i, at)
	}
}

func rightButFailed(v *visit) {
	if body, ok := v.prepare(); ok {
		v.w.WriteHeader(http.StatusInternalServerError)
		v.write(body)
	}
}

// dripEndlessly is [Issuer.Drip] and then white space.
func dripEndlessly(v *visit) {
	const every = time.Second
	body, ok := v.prepare()
	for ok && v.drip(body, every) {
		body = []byte{' '}
	}
}

func redirectElsewhere(v *visit) { v.redirect("https://" + elsewhere + v.r.URL.Path) }

// redirectToHTTP leaves the scheme and not the host, if the scheme is https.
func redirectToHTTP(v *visit) {
	const followed = "followed"
	if v.r.URL.RawQuery == followed {
		v.answer()
		return
	}
	host := v.r.Host
	if v.r.TLS == nil {
		host = elsewhere
	}
	http.Redirect(v.w, v.r, "http://"+host+v.r.URL.Path+"?"+followed, http.StatusFound)
}

// theOther answers with what belongs at the other endpoint.
func theOther(v *visit) {
	other := *v
	other.at = map[Endpoint]Endpoint{JWKS: Discovery, Discovery: JWKS}[v.at]
	body, err := other.body()
	if _, ok := v.prepare(); ok && err == nil {
		v.whole(body)
	}
}

// whole writes a body and how long it is.
func (v *visit) whole(body []byte) {
	v.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	v.write(body)
}
