package jwttest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

func TestFaultsAndRecovery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		fault  func(*jwttest.Issuer)
		broken func(*jwttest.Issuer, answer, error) bool
	}{
		{
			"fails",
			func(i *jwttest.Issuer) { i.Fail(http.StatusBadGateway) },
			func(_ *jwttest.Issuer, a answer, err error) bool {
				return a.status == http.StatusBadGateway && err == nil
			},
		},
		{
			"sends rubbish",
			func(i *jwttest.Issuer) { i.Answer("text/html", "<html>\xff") },
			func(_ *jwttest.Issuer, a answer, _ error) bool {
				return a.status == http.StatusOK && a.body == "<html>\xff" && a.header.Get("Content-Type") == "text/html"
			},
		},
		{
			"breaks off",
			func(i *jwttest.Issuer) { i.Truncate() },
			func(i *jwttest.Issuer, a answer, err error) bool {
				return errors.Is(err, io.ErrUnexpectedEOF) && strings.HasPrefix(string(i.JWKS()), a.body) && a.body != ""
			},
		},
		{
			"is huge",
			func(i *jwttest.Issuer) { i.Inflate(3 << 20) },
			func(i *jwttest.Issuer, a answer, err error) bool {
				return err == nil && len(a.body) == 3<<20 && strings.TrimRight(a.body, " ") == string(i.JWKS())
			},
		},
		{
			"fails with a header",
			func(i *jwttest.Issuer) {
				header := http.Header{"retry-after": {"7"}, "Content-Type": {"application/problem+json"}}
				i.FailWith(http.StatusTooManyRequests, header)
				header.Set("Retry-After", "8") // too late
			},
			func(_ *jwttest.Issuer, a answer, err error) bool {
				return a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "7" &&
					a.header.Get("Content-Type") == "application/problem+json" && err == nil
			},
		},
		{
			"disconnects",
			func(i *jwttest.Issuer) { i.Disconnect() },
			func(i *jwttest.Issuer, _ answer, err error) bool {
				return errors.Is(err, io.EOF) && i.Answered(0) == i.JWKSRequests()
			},
		},
		{
			"redirects in a loop",
			func(i *jwttest.Issuer) { i.RedirectLoop() },
			func(i *jwttest.Issuer, _ answer, err error) bool {
				return err != nil && i.JWKSRequests() == 10 && i.Exchanges()[9].URL == i.JWKSURL()
			},
		},
		{
			"redirects for ever",
			func(i *jwttest.Issuer) {
				i.AnswerWith(http.RedirectHandler("/jwks.json", http.StatusFound))
			},
			func(i *jwttest.Issuer, _ answer, err error) bool { return err != nil && i.JWKSRequests() == 10 },
		},
		{
			"answers by a handler",
			func(i *jwttest.Issuer) { i.AnswerWith(http.NotFoundHandler()) },
			func(_ *jwttest.Issuer, a answer, _ error) bool { return a.status == http.StatusNotFound },
		},
		{
			"drops the connection",
			func(i *jwttest.Issuer) {
				i.AnswerWith(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			},
			func(_ *jwttest.Issuer, _ answer, err error) bool { return err != nil },
		},
		{
			"drips",
			func(i *jwttest.Issuer) { i.Drip(time.Microsecond) },
			func(i *jwttest.Issuer, a answer, err error) bool {
				return err == nil && a.body == string(i.JWKS()) && a.length == -1
			},
		},
		{
			"is slow",
			func(i *jwttest.Issuer) { i.Delay(time.Microsecond) },
			func(i *jwttest.Issuer, a answer, err error) bool { return err == nil && a.body == string(i.JWKS()) },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				test.fault(issuer)
				if got, err := get(t.Context(), client, issuer.JWKSURL()); !test.broken(issuer, got, err) {
					t.Errorf("status %d, header %v, %d bytes, %v", got.status, got.header, len(got.body), err)
				}
				issuer.Recover()
				if got := mustGet(t, client, issuer.JWKSURL()); got.body != string(issuer.JWKS()) {
					t.Errorf("after recovery: status %d, body %q", got.status, got.body)
				}
			})
		})
	}
}

func TestAFaultCanBeAtOneEndpoint(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		issuer.Fail(http.StatusTeapot, jwttest.JWKS)
		if got := mustGet(t, client, issuer.JWKSURL()); got.status != http.StatusTeapot {
			t.Errorf("JWK Set: status %d", got.status)
		}
		if got := mustGet(t, client, issuer.DiscoveryURL()); got.status != http.StatusOK {
			t.Errorf("discovery: status %d", got.status)
		}
		issuer.Recover(jwttest.Discovery)
		if got := mustGet(t, client, issuer.JWKSURL()); got.status != http.StatusTeapot {
			t.Errorf("JWK Set: status %d after recovery elsewhere", got.status)
		}
	})
}

func TestARedirectSaysWhereTo(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		const target = "https://else.example/jwks.json"
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		issuer.Redirect(target)
		if got := mustGet(t, client, issuer.JWKSURL()); got.status != http.StatusFound || got.header.Get("Location") != target {
			t.Errorf("status %d, header %v", got.status, got.header)
		}
	})
}

func TestARedirectWithinTheIssuerIsAnswered(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		for n, target := range []string{"/moved/jwks.json", issuer.URL() + "/moved/jwks.json", "/jwks.json?v=2"} {
			issuer.Redirect(target, jwttest.JWKS)
			if got := mustGet(t, client, issuer.JWKSURL()); got.body != string(issuer.JWKS()) {
				t.Errorf("to %s: status %d", target, got.status)
			}
			if got := issuer.JWKSRequests(); got != 2*(n+1) {
				t.Errorf("to %s: %d requests by now", target, got)
			}
		}
	})
}

func TestInMemoryARedirectToAnyHostComesBack(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	for n, target := range []string{"http://else.example/jwks.json", "http://issuer.test/jwks.json"} {
		issuer.Redirect(target)
		if got := mustGet(t, issuer.Client(), issuer.JWKSURL()); got.status != http.StatusOK {
			t.Errorf("to %s: status %d", target, got.status)
		}
		if got := issuer.Exchanges(); len(got) != 2*(n+1) || got[len(got)-1].URL != target {
			t.Errorf("to %s: exchanges are %v", target, got)
		}
	}
}

func TestARedirectLoopStaysWhereItIsFound(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	server := httptest.NewServer(http.StripPrefix("/id", issuer.Handler()))
	t.Cleanup(server.Close)
	issuer.RedirectLoop()
	if _, err := get(t.Context(), server.Client(), server.URL+"/id/jwks.json?v=2"); err == nil || issuer.JWKSRequests() != 10 {
		t.Errorf("%v; exchanges are %v", err, issuer.Exchanges())
	}
}

func TestARequestThatHangsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		issuer.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if got, err := get(ctx, client, issuer.JWKSURL()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("status %d, %v", got.status, err)
		}
	})
}

func TestRequestsThatHangAreReleased(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		release func(*jwttest.Issuer)
		want    int
	}{
		{"by recovery", func(i *jwttest.Issuer) { i.Recover() }, http.StatusOK},
		{"by another fault", func(i *jwttest.Issuer) { i.Fail(http.StatusTeapot) }, http.StatusTeapot},
		{"by the end", (*jwttest.Issuer).Close, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				issuer.Hang()
				answered := make(chan int, 1)
				go func() { answered <- mustGet(t, issuer.Client(), issuer.JWKSURL()).status }()
				synctest.Wait()
				if issuer.JWKSRequests() != 1 || len(answered) != 0 {
					t.Fatal("the request does not hang")
				}
				test.release(issuer)
				if got := <-answered; got != test.want {
					t.Errorf("status %d", got)
				}
			})
		})
	}
}

func TestTimePassesInABubble(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault func(*jwttest.Issuer)
		took  func(size int) time.Duration
	}{
		{"when slow", func(i *jwttest.Issuer) { i.Delay(time.Hour) }, func(int) time.Duration { return time.Hour }},
		{"when dripping", func(i *jwttest.Issuer) { i.Drip(time.Minute) }, func(n int) time.Duration { return time.Duration(n) * time.Minute }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				test.fault(issuer)
				start := time.Now()
				got := mustGet(t, issuer.Client(), issuer.JWKSURL())
				if took := time.Since(start); took != test.took(len(got.body)) || got.body != string(issuer.JWKS()) {
					t.Errorf("%d bytes took %v", len(got.body), took)
				}
			})
		})
	}
}

func TestADrippingBodyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Drip(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		got, err := get(ctx, issuer.Client(), issuer.JWKSURL())
		if !errors.Is(err, context.DeadlineExceeded) || len(got.body) != 3 {
			t.Errorf("%d bytes, %v", len(got.body), err)
		}
	})
}

func TestRecoveryLetsADrippingBodyFlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Drip(time.Hour)
		start := time.Now()
		time.AfterFunc(time.Minute, func() { issuer.Recover() })
		got := mustGet(t, issuer.Client(), issuer.JWKSURL())
		if took := time.Since(start); took != time.Minute || got.body != string(issuer.JWKS()) {
			t.Errorf("%d bytes took %v", len(got.body), took)
		}
	})
}

func TestAClientsTimeoutEndsAHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Hang()
		client := issuer.Client()
		client.Timeout = 10 * time.Second
		start := time.Now()
		_, err := get(t.Context(), client, issuer.JWKSURL())
		if took := time.Since(start); err == nil || took != client.Timeout {
			t.Errorf("took %v, %v", took, err)
		}
	})
}
