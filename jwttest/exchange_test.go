package jwttest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

func TestAnswersAreCountedByTheirStatus(t *testing.T) {
	t.Parallel()
	handle := func(f http.HandlerFunc) func(*jwttest.Issuer) {
		return func(i *jwttest.Issuer) { i.AnswerWith(f) }
	}
	for _, test := range []struct {
		name  string
		fault func(*jwttest.Issuer)
		want  int
	}{
		{"a good one", func(*jwttest.Issuer) {}, http.StatusOK},
		{"none, cut off", handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), 0},
		{"half of one", func(i *jwttest.Issuer) { i.Truncate() }, http.StatusOK},
		{"a failure", func(i *jwttest.Issuer) { i.Fail(http.StatusBadGateway) }, http.StatusBadGateway},
		{"a handler's", handle(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), http.StatusTeapot},
		{"a handler's body", handle(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }), http.StatusOK},
		{"a handler's silence", handle(func(http.ResponseWriter, *http.Request) {}), http.StatusOK},
		{"a handler's first", handle(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		}), http.StatusAccepted},
		{"a handler's flush", handle(func(w http.ResponseWriter, _ *http.Request) {
			if flusher, ok := w.(http.Flusher); ok {
				flusher.Flush()
			}
			panic(http.ErrAbortHandler)
		}), http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				test.fault(issuer)
				_, _ = get(t.Context(), client, issuer.JWKSURL())
				for _, status := range []int{0, 200, 202, 304, 418, 502} {
					want := 0
					if status == test.want {
						want = 1
					}
					if got := issuer.Answered(status); got != want {
						t.Errorf("%d answers of status %d", got, status)
					}
				}
				if got := issuer.Exchanges(); len(got) != 1 || got[0].Status != test.want {
					t.Errorf("exchanges are %v", got)
				}
			})
		})
	}
}

func TestAnAnswerIsCountedWhereItWasGiven(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		_ = mustGet(t, client, issuer.DiscoveryURL())
		_ = mustGet(t, client, issuer.JWKSURL())
		_ = mustGet(t, client, issuer.JWKSURL())
		for _, test := range []struct {
			at   []jwttest.Endpoint
			want int
		}{
			{nil, 3},
			{[]jwttest.Endpoint{jwttest.JWKS}, 2},
			{[]jwttest.Endpoint{jwttest.Discovery}, 1},
			{[]jwttest.Endpoint{jwttest.Discovery, jwttest.JWKS}, 3},
		} {
			if got := issuer.Answered(http.StatusOK, test.at...); got != test.want {
				t.Errorf("%d answers at %v", got, test.at)
			}
			if got := issuer.Exchanges(test.at...); len(got) != test.want {
				t.Errorf("exchanges at %v are %v", test.at, got)
			}
		}
	})
}

func TestAnExchangeTellsTheRequest(t *testing.T) {
	t.Parallel()
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, append(way.opts, jwttest.WithClock(func() time.Time { return noon }))...)
			client := way.client(issuer)
			_ = mustGet(t, client, issuer.DiscoveryURL())
			url := issuer.JWKSURL() + "?secret=hunter2"
			if _, err := exchange(t.Context(), client, http.MethodPost, url, nil, "Authorization", "Bearer hunter2"); err != nil {
				t.Fatal(err)
			}

			all := issuer.Exchanges()
			if len(all) != 2 || all[0].At != jwttest.Discovery || all[0].URL != issuer.DiscoveryURL() {
				t.Fatalf("exchanges are %v", all)
			}
			got := all[1]
			if got.At != jwttest.JWKS || !got.Time.Equal(noon) || got.Method != http.MethodPost || got.URL != url || got.Header.Get("Authorization") != "Bearer hunter2" {
				t.Errorf("exchange is %v at %v", got, got.Time)
			}
			if shown := fmt.Sprintf("%v %+v", all, got); strings.Contains(shown, "hunter2") || !strings.Contains(shown, "POST "+issuer.JWKSURL()+": 200 OK") {
				t.Errorf("it shows as %s", shown)
			}

			got.Header.Set("Authorization", "spoiled")
			if again := issuer.Exchanges()[1]; again.Header.Get("Authorization") != "Bearer hunter2" {
				t.Error("it can be changed from outside")
			}
		})
	}
}

func TestARequestThatHangsHasNoAnswerYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Hang()
		gone, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _ = get(gone, issuer.Client(), issuer.JWKSURL())
		answered := make(chan int, 1)
		go func() { answered <- mustGet(t, issuer.Client(), issuer.JWKSURL()).status }()
		synctest.Wait()
		if n := issuer.Answered(0); n != 2 || issuer.JWKSRequests() != 2 {
			t.Errorf("%d of %d requests are not answered", n, issuer.JWKSRequests())
		}
		if got := issuer.Exchanges()[1].String(); got != "GET https://issuer.test/jwks.json: no answer" {
			t.Errorf("the exchange is %s", got)
		}
		issuer.Recover()
		<-answered
		if n := issuer.Answered(0); n != 1 {
			t.Errorf("%d requests are not answered", n)
		}
		if got := issuer.Exchanges(); got[0].Status != 0 || got[1].Status != http.StatusOK || got[1].Time.Sub(got[0].Time) != time.Minute {
			t.Errorf("exchanges are %v", got)
		}
	})
}

func TestAHandlerMayHijackWhatIsAConnection(t *testing.T) {
	t.Parallel()
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, way.opts...)
			issuer.AnswerWith(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				hijacker, ok := w.(http.Hijacker)
				if !ok {
					return
				}
				conn, _, err := hijacker.Hijack()
				if err != nil {
					http.Error(w, err.Error(), http.StatusNotImplemented)
					return
				}
				_ = conn.Close()
			}))
			got, err := get(t.Context(), way.client(issuer), issuer.JWKSURL())
			if hijacked := err != nil; hijacked == (got.status == http.StatusNotImplemented) || issuer.Answered(got.status) != 1 {
				t.Errorf("status %d, %v; exchanges are %v", got.status, err, issuer.Exchanges())
			}
		})
	}
}

func TestAHandlerMaySetADeadlineOfItsConnection(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	failed := make(chan error, 1)
	issuer.AnswerWith(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		failed <- http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
	}))
	_ = mustGet(t, &http.Client{}, issuer.JWKSURL())
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestExchangesAreBoundedAndCountsAreNot(t *testing.T) {
	t.Parallel()
	const bound, each, clients = 1000, 300, 8
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	_ = mustGet(t, issuer.Client(), issuer.DiscoveryURL())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				if _, err := get(t.Context(), issuer.Client(), issuer.JWKSURL()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	_ = mustGet(t, issuer.Client(), issuer.JWKSURL(), "If-None-Match", "*")

	if issuer.Answered(200, jwttest.JWKS) != each*clients || issuer.Answered(304) != 1 || issuer.JWKSRequests() != each*clients+1 {
		t.Errorf("counted %d and %d", issuer.Answered(200, jwttest.JWKS), issuer.Answered(304))
	}
	got := issuer.Exchanges(jwttest.JWKS)
	if len(got) != bound || got[bound-1].Status != http.StatusNotModified {
		t.Errorf("%d exchanges", len(got))
	}
	if n := len(issuer.Exchanges(jwttest.Discovery)); n != 1 {
		t.Errorf("%d exchanges at the other endpoint", n)
	}
}
