package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// errEnough ends a watch that a test has seen enough of.
var errEnough = errors.New("enough")

// TestHoursOfWatching has tokens of 5 minutes, and a change every 10 seconds.
func TestHoursOfWatching(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const hours = 6 * time.Hour
		w := newWorld(t)
		defer w.write(int(hours/(10*time.Second)), 10*time.Second)()
		defer start(func() {
			for range hours / tokenLife {
				time.Sleep(tokenLife / 2)
				if n := w.open.Load(); n != 1 { // a stream that had ended is gone
					t.Errorf("%d streams are open", n)
				}
				time.Sleep(tokenLife / 2)
			}
		}, func() {})()
		last, err := w.run(0, hours+time.Second)
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		w.wantSeen(last)
		const want = int(hours/tokenLife) + 1 // the last is one second old
		if w.seen.distinct() != want-1 || w.provider.tokens() != want || w.streams.Load() != int32(want) {
			t.Errorf("%d tokens brought changes, of %d given, on %d streams; want %d",
				w.seen.distinct(), w.provider.tokens(), w.streams.Load(), want)
		}
		for _, e := range w.seen.endingsAfter(0) {
			wantRefused(t, e.Err, token.ReasonExpired)
			if e.Pause != 0 {
				t.Errorf("a pause of %v after change %d", e.Pause, e.Last)
			}
		}
	})
}

// TestNothingHappensForHours has a watch in which only tokens come and go.
func TestNothingHappensForHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		last, err := w.run(0, 24*time.Hour+time.Second)
		if last != 0 || !errors.Is(err, errEnough) || w.streams.Load() != int32(24*time.Hour/tokenLife)+1 {
			t.Errorf("%d, %v, over %d streams", last, err, w.streams.Load())
		}
	})
}

// TestATokenEndsInTheMiddleOfABurst has changes as fast as they go around the ends of
// tokens, and a handler that a part of them is still on its way to.
func TestATokenEndsInTheMiddleOfABurst(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]time.Duration{"a quick reader": 0, "a slow reader": 6 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const tokens, burst, gap = 4, 300, 10 * time.Millisecond
				w := newWorld(t)
				w.watcher.Handle = func(ctx context.Context, change *watchv1.WatchResponse) error {
					time.Sleep(busy)
					return w.seen.handle(ctx, change)
				}
				began := time.Now()
				defer start(func() {
					for n := range tokens { // the end of a token is in each burst's middle
						time.Sleep(time.Until(began.Add(time.Duration(n+1)*tokenLife - burst/2*gap)))
						for range burst {
							w.journal.add("one")
							w.journal.add("more")
							time.Sleep(gap)
						}
					}
				}, func() {})()
				last, err := w.run(0, tokens*tokenLife+time.Minute)
				if !errors.Is(err, errEnough) {
					t.Error(err)
				}
				w.wantSeen(last)
				for _, e := range w.seen.endingsAfter(0) {
					wantRefused(t, e.Err, token.ReasonExpired)
					if e.Last%(2*burst) == 0 {
						t.Errorf("a token ended after change %d, which is not in a burst", e.Last)
					}
				}
				if n := len(w.seen.endingsAfter(0)); n != tokens {
					t.Errorf("%d tokens ended, want %d", n, tokens)
				}
			})
		})
	}
}

// TestARevokedTokenEndsTheWatch has a user who logs out, and comes back later.
func TestARevokedTokenEndsTheWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.write(900, time.Second)()
		time.AfterFunc(7*time.Minute+500*time.Millisecond, func() {
			if err := w.provider.logout(t.Context()); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		last, err := w.run(0, time.Hour)
		if !errors.Is(err, ErrLogin) || time.Since(began) != 7*time.Minute+500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wantRefused(t, err, token.ReasonRevoked)
		w.wantSeen(last)
		tokens, streams := w.provider.tokens(), w.streams.Load()
		time.Sleep(time.Minute)
		if tokens != 2 || w.provider.tokens() != 2 || streams != 2 || w.streams.Load() != 2 {
			t.Errorf("it went on: %d tokens, %d streams", w.provider.tokens(), w.streams.Load())
		}

		again, err := w.run(last, time.Hour)
		if again != last || !errors.Is(err, ErrLogin) || w.streams.Load() != 2 {
			t.Errorf("before a login it went from %d to %d, over %d streams: %v", last, again, w.streams.Load(), err)
		}
		w.login()
		last, err = w.run(last, time.Hour)
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		w.wantSeen(last)
	})
}

// TestALoginThatEndedAtTheIssuer has no revoked token, but no more fresh ones.
func TestALoginThatEndedAtTheIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.write(900, 700*time.Millisecond)() // no change falls on the token's end
		time.AfterFunc(time.Minute, w.provider.forget)
		began := time.Now()
		last, err := w.run(0, time.Hour)
		if !errors.Is(err, ErrLogin) || time.Since(began) != tokenLife {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wantRefused(t, err, token.ReasonMissing)
		w.wantSeen(last)
	})
}

// TestNobodyIsLoggedIn has a watch that nothing goes out for.
func TestNobodyIsLoggedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.watcher = w.newWatcher(new(session).credential)
		last, err := w.run(7, time.Hour)
		if last != 7 || !errors.Is(err, ErrLogin) || w.streams.Load() != 0 {
			t.Errorf("%d, %v, on %d streams", last, err, w.streams.Load())
		}
		wantRefused(t, err, token.ReasonMissing)
		if refusal, _ := interceptor.RefusalFrom(err); refusal.Hop != "watcher" {
			t.Errorf("it was refused by %s: the service was called", refusal.Hop)
		}
	})
}

// TestTheServiceIsAwayForAWhile has an outage that is longer than a token lives, and
// changes in it.
func TestTheServiceIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.write(900, time.Second)()
		defer start(func() {
			time.Sleep(2 * time.Minute)
			w.stop()
			time.Sleep(8 * time.Minute)
			w.start()
		}, func() {})()
		last, err := w.run(0, time.Hour)
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		w.wantSeen(last)
		var tries int
		for _, e := range w.seen.endingsAfter(0) {
			if refusal, ok := interceptor.RefusalFrom(e.Err); ok && refusal.Reason == token.ReasonExpired {
				continue
			}
			tries++
			if status.Code(e.Err) != codes.Unavailable || e.Last != w.seen.endingsAfter(0)[0].Last {
				t.Errorf("after change %d: %v", e.Last, e.Err)
			}
			most := min(time.Second<<(min(tries, 10)-1), time.Minute)
			if e.Pause < most/2 || e.Pause > most {
				t.Errorf("try %d: a pause of %v, want %v to %v", tries, e.Pause, most/2, most)
			}
		}
		if tries < 12 || tries > 24 { // 8 minutes, with pauses up to 1 minute, or half of that
			t.Errorf("it was tried %d times", tries)
		}
	})
}

// TestTheIssuerIsAway has a token that ends while nobody gives another.
func TestTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		w.session.begin(func() (*oauth2.Token, error) {
			if since := time.Since(began); since > time.Minute && since < 12*time.Minute {
				return nil, errors.New("no route to the issuer")
			}
			return w.provider.refresh()
		}, 30*time.Second)
		defer w.write(900, time.Second)()
		last, err := w.run(0, 20*time.Minute)
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		w.wantSeen(last)
		failed := 0
		for _, e := range w.seen.endingsAfter(0) {
			if refusal, _ := interceptor.RefusalFrom(e.Err); refusal.Reason == interceptor.ReasonCredentialUnavailable {
				failed++
			}
		}
		if failed < 10 || failed > 22 {
			t.Errorf("the issuer was asked in vain %d times", failed)
		}
	})
}

// TestASourceWithStaleTokens has one that gives a token again which the service has
// ended a stream for. Nobody is to be called all the time.
func TestASourceWithStaleTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.watcher = w.newWatcher(given(must(w.provider.refresh())))
		if _, err := w.run(0, tokenLife+time.Hour); !errors.Is(err, errEnough) {
			t.Error(err)
		}
		if w.streams.Load() != 1 {
			t.Errorf("%d streams were let in", w.streams.Load())
		}
		all := w.seen.endingsAfter(0)
		if n := len(all); n < 60 || n > 140 { // of up to 1 minute, or half of that
			t.Errorf("%d calls in an hour", n)
		}
		for i, e := range all {
			wantRefused(t, e.Err, token.ReasonExpired)
			if (i == 0) != (e.Pause == 0) {
				t.Errorf("a pause of %v before try %d", e.Pause, i+1)
			}
		}
	})
}

// TestTokensThatHardlyLive has streams that are let in, and ended in no time.
func TestTokensThatHardlyLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.provider.life = 10 * time.Millisecond
		w.login()
		if _, err := w.run(0, time.Hour); !errors.Is(err, errEnough) {
			t.Error(err)
		}
		if n := w.streams.Load(); n < 60 || n > 140 {
			t.Errorf("%d streams in an hour", n)
		}
	})
}

// much is a change that soon fills what gRPC holds of a stream.
var much = strings.Repeat("much ", 1000)

// TestAReaderSlowerThanTheJournal falls behind, and is told so, or not, by what the
// service remembers.
func TestAReaderSlowerThanTheJournal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keep int
		life time.Duration // of a token
		want error
		code codes.Code
	}{
		"all of it is remembered":           {keep: 10_000, life: tokenLife, want: errEnough, code: codes.Unknown},
		"it is forgotten in between":        {keep: 100, life: tokenLife, code: codes.OutOfRange},
		"it is forgotten on an open stream": {keep: 100, life: longest / 2, code: codes.OutOfRange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stop()
				w.journal = newJournal(test.keep, 0)
				w.start()
				w.provider.life = test.life
				w.login()
				w.watcher.Handle = func(ctx context.Context, change *watchv1.WatchResponse) error {
					time.Sleep(time.Second)
					return w.seen.handle(ctx, change)
				}
				defer start(func() {
					for range 5000 { // 5 changes for each that is handled
						w.journal.add(much)
						time.Sleep(200 * time.Millisecond)
					}
				}, func() {})()
				last, err := w.run(0, 3*time.Hour)
				if !w.seen.are(last) || status.Code(err) != test.code || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("after change %d: %v; seen %v", last, err, w.seen.numbers)
				}
				if test.want != nil {
					w.wantSeen(last)
				} else if last == 0 || last >= w.journal.newest() {
					t.Errorf("it went to %d of %d", last, w.journal.newest())
				}
				if test.life > tokenLife && w.streams.Load() != 1 {
					t.Errorf("it was told on stream %d", w.streams.Load())
				}
			})
		})
	}
}

// TestALinkThatDiesWithoutAWord has a connection over which nothing comes any more,
// and that nobody closes.
func TestALinkThatDiesWithoutAWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.provider.life = longest / 2 // it is not the token that ends it
		w.login()
		links := new(links)
		conn := must(dial("passthrough:///changes", w.session.credential, links.over(w.stage), w.logger))
		defer func() { _ = conn.Close() }()
		defer links.mend()
		w.watcher.Open = watching(conn)
		time.AfterFunc(time.Minute, links.kill)
		time.AfterFunc(2*time.Minute, func() { w.journal.add("while it is dead") })
		last, err := w.run(0, 10*time.Minute)
		if !errors.Is(err, errEnough) || len(w.seen.endingsAfter(0)) != 1 {
			t.Errorf("%v, after %+v", err, w.seen.endingsAfter(0))
		}
		w.wantSeen(last)
	})
}
