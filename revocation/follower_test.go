package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// script is a feed that answers as a test wants it.
type script struct {
	mu        sync.Mutex
	answer    func(ctx context.Context, position string) (revocation.Batch, error)
	positions []string // that were asked for
}

func (s *script) Read(ctx context.Context, position string) (revocation.Batch, error) {
	s.mu.Lock()
	s.positions = append(s.positions, position)
	answer := s.answer
	s.mu.Unlock()
	return answer(ctx, position)
}

func (s *script) becomes(answer func(ctx context.Context, position string) (revocation.Batch, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// asked returns the positions that were asked for, and forgets them.
func (s *script) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.positions
	s.positions = nil
	return asked
}

// idle is an answer: nothing new, after a second.
func idle(ctx context.Context, position string) (revocation.Batch, error) {
	if position == "" {
		return revocation.Batch{Position: "1", UpToDate: true}, nil
	}
	pause(ctx, time.Second)
	return revocation.Batch{Position: position, UpToDate: true}, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func away(context.Context, string) (revocation.Batch, error) {
	return revocation.Batch{}, errors.New("connection refused")
}

func hang(ctx context.Context, _ string) (revocation.Batch, error) {
	<-ctx.Done()
	return revocation.Batch{}, ctx.Err()
}

// record is a log, and an observer.
type record struct {
	mu         sync.Mutex
	text       bytes.Buffer
	receptions []revocation.Reception
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) Received(_ context.Context, reception revocation.Reception) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.receptions = append(r.receptions, reception)
}

func (r *record) lines(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), part)
}

func (r *record) last() revocation.Reception {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.receptions[len(r.receptions)-1]
}

// following runs test in a bubble, with a list that follows a feed.
func following(t *testing.T, config revocation.Config, answer func(context.Context, string) (revocation.Batch, error), test func(t *testing.T, w world, list *revocation.List, feed *script, log *record)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		feed, log := &script{answer: answer}, new(record)
		config.Sources = append([]revocation.Source{{Name: "feed", Feed: feed}}, config.Sources...)
		config.Logger, config.Observer = slog.New(slog.NewTextHandler(log, nil)), log
		list := newList(t, config)
		synctest.Wait()
		test(t, newWorld(t), list, feed, log)
	})
}

func TestAListFollowsItsFeed(t *testing.T) {
	t.Parallel()
	following(t, revocation.Config{}, idle, func(t *testing.T, w world, list *revocation.List, feed *script, log *record) {
		memory := revocation.NewMemory()
		feed.becomes(memory.Read)
		time.Sleep(time.Second)
		first, second := w.token(sid("s-1")), w.token(sid("s-2"))
		var told bell
		list.OnRevoked(second, told.ring)
		revoke(t, memory, revocation.Session(w.issuer.URL(), "s-1"))
		synctest.Wait()
		wantRevoked(t, list, first, true)
		wantRevoked(t, list, second, false)
		time.Sleep(time.Hour)
		revoke(t, memory, revocation.Session(w.issuer.URL(), "s-2"))
		synctest.Wait()
		wantRevoked(t, list, second, true)
		told.want(t, 1)
		if r := log.last(); r.Source != "feed" || r.Entries != 1 || !r.UpToDate || r.Err != nil || !r.Status.Ready {
			t.Errorf("%+v", r)
		}
		_ = list.Close()
		revoke(t, memory, revocation.Session(w.issuer.URL(), "s-3"))
		wantRevoked(t, list, second, true) // it goes on answering
		wantRevoked(t, list, w.token(sid("s-3")), false)
		if err := list.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestABatchIsReadOnUntilTheEnd(t *testing.T) {
	t.Parallel()
	pages := func(_ context.Context, position string) (revocation.Batch, error) {
		n := map[string]int{"": 1, "1": 2, "2": 3, "3": 3}[position]
		if position == "3" {
			time.Sleep(time.Second)
			return revocation.Batch{Position: "3", UpToDate: true}, nil
		}
		time.Sleep(time.Minute)
		return revocation.Batch{
			Entries: []revocation.Entry{revocation.Session(idp, fmt.Sprint(n))}, Position: fmt.Sprint(n), UpToDate: n == 3,
		}, nil
	}
	following(t, revocation.Config{}, pages, func(t *testing.T, _ world, list *revocation.List, feed *script, log *record) {
		time.Sleep(3*time.Minute - 1)
		if s := list.Status(); s.Ready || s.Entries != 2 || s.Sources[0].Read || s.Sources[0].Age != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := list.Status(); !s.Ready || s.Entries != 3 || s.Sources[0].Age != time.Minute { // since it was asked
			t.Errorf("%+v", s)
		}
		if asked := feed.asked(); strings.Join(asked, ",") != ",1,2,3" {
			t.Errorf("%q", asked)
		}
		if log.lines("up to date") != 1 {
			t.Errorf("%s", &log.text)
		}
	})
}

func TestAFeedThatFailsIsTriedAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	following(t, revocation.Config{}, idle, func(t *testing.T, w world, list *revocation.List, feed *script, log *record) {
		revoked := w.token(sid("s"))
		revoke(t, list, revocation.Session(w.issuer.URL(), "s"))
		feed.becomes(away)
		time.Sleep(10 * time.Second)
		feed.asked()
		time.Sleep(time.Minute)
		if n := len(feed.asked()); n < 12 || n > 100 { // 5 s at most between two, 2.5 s as a rule
			t.Errorf("asked %d times in a minute", n)
		}
		s := list.Status().Sources[0]
		if s.Failures < 12 || s.Err == nil || s.Age < 69*time.Second || s.Age > 72*time.Second {
			t.Errorf("%+v", s)
		}
		if log.last().Err == nil || log.lines("can't be read") != 1 { // one line for an outage
			t.Errorf("%s", &log.text)
		}
		wantRevoked(t, list, revoked, true)
		wantRevoked(t, list, w.token(), false) // without MaxAge
		feed.becomes(idle)
		time.Sleep(7 * time.Second)
		if s := list.Status().Sources[0]; s.Failures != 0 || s.Err != nil || s.Age > 2*time.Second {
			t.Errorf("%+v", s)
		}
		if asked := feed.asked(); asked[len(asked)-1] != "1" || log.lines("up to date") != 2 {
			t.Errorf("%q\n%s", asked, &log.text)
		}
	})
}

func TestAFeedThatLostItsPlaceIsReadFromTheBeginning(t *testing.T) {
	t.Parallel()
	following(t, revocation.Config{}, idle, func(t *testing.T, w world, list *revocation.List, feed *script, log *record) {
		revoke(t, list, revocation.Session(w.issuer.URL(), "s"))
		feed.becomes(func(ctx context.Context, position string) (revocation.Batch, error) {
			if position == "1" {
				return revocation.Batch{}, fmt.Errorf("the stream was trimmed: %w", revocation.ErrPositionLost)
			}
			batch, err := idle(ctx, position)
			batch.Position = "2"
			return batch, err
		})
		time.Sleep(2 * time.Second)
		if asked := feed.asked(); strings.Join(asked[:4], ",") != ",1,1," && strings.Join(asked[:3], ",") != ",1," {
			t.Errorf("%q", asked)
		}
		wantRevoked(t, list, w.token(sid("s")), true)
		if log.lines("begins again") != 1 {
			t.Errorf("%s", &log.text)
		}
	})
}

// As it is behind an address that leads to one server, and then to another.
func TestAFeedThatLosesItsPlaceAgainAndAgainIsNotReadWithoutAPause(t *testing.T) {
	t.Parallel()
	flips := func(_ context.Context, position string) (revocation.Batch, error) {
		if position != "" {
			time.Sleep(time.Millisecond)
			return revocation.Batch{}, revocation.ErrPositionLost
		}
		return revocation.Batch{Entries: []revocation.Entry{revocation.Session(idp, "s")}, Position: "1", UpToDate: true}, nil
	}
	following(t, revocation.Config{}, flips, func(t *testing.T, _ world, list *revocation.List, feed *script, _ *record) {
		feed.asked()
		time.Sleep(time.Minute)
		if n := len(feed.asked()); n < 24 || n > 200 { // in pairs, 5 s at most between two
			t.Errorf("asked %d times in a minute", n)
		}
		wantEntries(t, list, 1)
	})
}

// What was lost a minute ago is another matter.
func TestAPositionThatIsLostOnceInAWhileCostsNoTime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lost time.Time
	var waited []time.Duration
	seldom := func(ctx context.Context, position string) (revocation.Batch, error) {
		mu.Lock()
		defer mu.Unlock()
		switch since := time.Since(lost); {
		case position == "":
			waited = append(waited, since)
		case since >= 2*time.Minute:
			lost = time.Now()
			return revocation.Batch{}, revocation.ErrPositionLost
		}
		return idle(ctx, position)
	}
	following(t, revocation.Config{}, seldom, func(t *testing.T, _ world, list *revocation.List, _ *script, _ *record) {
		time.Sleep(10*time.Minute + time.Second/2)
		_ = list.Close()
		if len(waited) < 5 || slices.Max(waited[1:]) != 0 { // the first is when it starts
			t.Errorf("waited %v", waited)
		}
	})
}

// It would be read again and again without a pause.
func TestAFeedThatLosesEvenTheBeginningHasFailed(t *testing.T) {
	t.Parallel()
	lost := func(context.Context, string) (revocation.Batch, error) {
		return revocation.Batch{}, revocation.ErrPositionLost
	}
	following(t, revocation.Config{}, lost, func(t *testing.T, _ world, list *revocation.List, feed *script, _ *record) {
		time.Sleep(time.Minute)
		if n := len(feed.asked()); n > 100 {
			t.Errorf("asked %d times", n)
		}
		if s := list.Status().Sources[0]; !errors.Is(s.Err, revocation.ErrPositionLost) {
			t.Errorf("%+v", s)
		}
	})
}

// While the clock was ahead, entries seemed to be of no use any more.
func TestAClockThatWasAheadMakesNobodyForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, memory := newWorld(t), revocation.NewMemory()
		var ahead atomic.Int64
		list := newList(t, revocation.Config{
			Sources: []revocation.Source{{Name: "memory", Feed: memory}},
			Clock:   func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) },
		})
		revoke(t, memory, revocation.Session(w.issuer.URL(), "s").At(time.Now()))
		time.Sleep(time.Minute)
		wantRevoked(t, list, w.token(sid("s")), true)
		ahead.Store(int64(2 * time.Hour))
		time.Sleep(time.Minute)
		wantEntries(t, list, 0)
		ahead.Store(0)
		time.Sleep(time.Minute)
		wantRevoked(t, list, w.token(sid("s")), true)
	})
}

func TestAFeedThatHangsOrDoesNotWait(t *testing.T) {
	t.Parallel()
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		following(t, revocation.Config{}, hang, func(t *testing.T, _ world, list *revocation.List, _ *script, _ *record) {
			time.Sleep(31 * time.Second)
			s := list.Status().Sources[0]
			if s.Failures != 1 || errors.Is(s.Err, context.DeadlineExceeded) || !strings.Contains(s.Err.Error(), "30s") {
				t.Errorf("%+v", s)
			}
		})
	})
	t.Run("does not wait", func(t *testing.T) {
		t.Parallel()
		busy := func(context.Context, string) (revocation.Batch, error) {
			return revocation.Batch{Position: "1", UpToDate: true}, nil
		}
		following(t, revocation.Config{}, busy, func(t *testing.T, _ world, list *revocation.List, feed *script, _ *record) {
			time.Sleep(time.Second)
			if n := len(feed.asked()); n > 110 || !list.Status().Ready {
				t.Errorf("asked %d times", n)
			}
		})
	})
	t.Run("does not say where it is", func(t *testing.T) {
		t.Parallel()
		lost := func(context.Context, string) (revocation.Batch, error) { return revocation.Batch{UpToDate: true}, nil }
		following(t, revocation.Config{}, lost, func(t *testing.T, _ world, list *revocation.List, _ *script, _ *record) {
			if s := list.Status(); s.Ready || s.Sources[0].Err == nil {
				t.Errorf("%+v", s)
			}
		})
	})
}

// Each is skipped alone, with one line in the log for all of them in a row.
func TestWhatASourceMayNotSayIsSkipped(t *testing.T) {
	t.Parallel()
	odd := func(ctx context.Context, position string) (revocation.Batch, error) {
		if position != "" {
			pause(ctx, time.Second)
		}
		return revocation.Batch{
			Entries:  []revocation.Entry{{}, revocation.Issuer(idp, time.Now()), revocation.Session(idp, "s")},
			Skipped:  []error{errors.New("line 7: no JSON")},
			Position: "1", UpToDate: true,
		}, nil
	}
	following(t, revocation.Config{}, odd, func(t *testing.T, _ world, list *revocation.List, _ *script, log *record) {
		time.Sleep(10 * time.Second)
		wantEntries(t, list, 1)
		if r := log.last(); len(r.Skipped) != 3 || r.Entries != 3 || r.Err != nil {
			t.Errorf("%+v", r)
		}
		if log.lines("skipped what") != 1 || log.lines("line 7") != 1 || log.lines("skipped=3") != 1 {
			t.Errorf("%s", &log.text)
		}
	})
}

// What is skipped after all was well is news again.
func TestWhatIsSkippedLaterIsLoggedAgain(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	now := func(ctx context.Context, position string) (revocation.Batch, error) {
		batch, err := idle(ctx, position)
		if n := reads.Add(1); n == 3 || n == 6 {
			batch.Skipped = []error{errors.New("no JSON")}
		}
		return batch, err
	}
	following(t, revocation.Config{}, now, func(t *testing.T, _ world, _ *revocation.List, _ *script, log *record) {
		time.Sleep(10 * time.Second)
		if n := log.lines("skipped what"); n != 2 {
			t.Errorf("%d lines, want 2\n%s", n, &log.text)
		}
	})
}

// A connection that breaks is no outage: the first attempt after it comes soon.
func TestTheFirstPauseAfterAFailureIsShort(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var failed time.Time
	var pauses []time.Duration
	breaks := func(ctx context.Context, position string) (revocation.Batch, error) {
		mu.Lock()
		defer mu.Unlock()
		if !failed.IsZero() {
			pauses = append(pauses, time.Since(failed))
			failed = time.Time{}
			return idle(ctx, position)
		}
		failed = time.Now()
		return away(ctx, position)
	}
	following(t, revocation.Config{}, breaks, func(t *testing.T, _ world, list *revocation.List, _ *script, _ *record) {
		time.Sleep(time.Minute)
		_ = list.Close()
		if len(pauses) < 30 || slices.Max(pauses) > 201*time.Millisecond || slices.Min(pauses) < time.Millisecond {
			t.Errorf("%d pauses: %v", len(pauses), pauses)
		}
	})
}

func TestAnAuthorisedSourceMayRevokeAnIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, memory := newWorld(t), revocation.NewMemory()
		list := newList(t, revocation.Config{Sources: []revocation.Source{{Name: "security team", Feed: memory, IssuerWide: true}}})
		old := w.token()
		time.Sleep(time.Second)
		revoke(t, memory, revocation.Issuer(w.issuer.URL(), time.Now()))
		time.Sleep(time.Second)
		wantRevoked(t, list, old, true)
		wantRevoked(t, list, w.token(), false)
	})
}

func TestAListThatWasNeverReadOrIsTooOld(t *testing.T) {
	t.Parallel()
	const unread, old = "unread", "old"
	for name, test := range map[string]struct {
		config  revocation.Config
		state   string
		refuses bool
	}{
		"never read":               {revocation.Config{}, unread, true},
		"never read, accepted":     {revocation.Config{AcceptUnread: true}, unread, false},
		"never read, but not old":  {revocation.Config{AcceptUnread: true, MaxAge: time.Minute}, unread, false},
		"any age":                  {revocation.Config{}, old, false},
		"older than MaxAge":        {revocation.Config{MaxAge: time.Minute}, old, true},
		"not yet older":            {revocation.Config{MaxAge: time.Hour}, old, false},
		"older, accepted if never": {revocation.Config{MaxAge: time.Minute, AcceptUnread: true}, old, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ready, unready bell
			test.config.ReadyChanged = func(is bool) {
				if is {
					ready.ring()
				} else {
					unready.ring()
				}
			}
			answer := idle
			if test.state == unread {
				answer = away
			}
			following(t, test.config, answer, func(t *testing.T, w world, list *revocation.List, feed *script, _ *record) {
				revoked, good := w.token(sid("s")), w.token()
				revoke(t, list, revocation.Session(w.issuer.URL(), "s"))
				feed.becomes(away)
				time.Sleep(30 * time.Minute)
				wantRevoked(t, list, revoked, true) // that much is known
				_, err := list.Revoked(good)
				if errors.Is(err, revocation.ErrUnavailable) != test.refuses || (err != nil && !test.refuses) {
					t.Errorf("got %v", err)
				}
				var retry interface{ RetryAfter() time.Duration }
				if test.refuses && (!errors.As(err, &retry) || retry.RetryAfter() != time.Second) {
					t.Errorf("got %v", err)
				}
				if list.Status().Ready == (test.refuses || test.state == unread) {
					t.Errorf("%+v", list.Status())
				}
				feed.becomes(idle)
				time.Sleep(10 * time.Second)
				if _, err := list.Revoked(good); err != nil {
					t.Errorf("still %v", err)
				}
				if err := list.WaitReady(t.Context()); err != nil {
					t.Error(err)
				}
				if test.state == old && !test.refuses {
					ready.want(t, 1)
					unready.want(t, 1) // as it was made
				} else if test.state == old {
					ready.want(t, 2)
					unready.want(t, 2)
				} else {
					ready.want(t, 1)
					unready.want(t, 1)
				}
			})
		})
	}
}

// TestEachSourceMustBeRead has two of them, of which one is read.
func TestEachSourceMustBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second func(context.Context, string) (revocation.Batch, error)
	}{
		"the first is away":  {away, idle},
		"the second is away": {idle, away},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := &script{answer: test.second}
			config := revocation.Config{MaxAge: time.Minute, Sources: []revocation.Source{{Name: "second", Feed: second}}}
			following(t, config, test.first, func(t *testing.T, w world, list *revocation.List, first *script, _ *record) {
				good := w.token()
				answers := func(want bool) {
					t.Helper()
					if _, err := list.Revoked(good); errors.Is(err, revocation.ErrUnavailable) == want || list.Status().Ready != want {
						t.Errorf("%v, %+v, want ready: %v", err, list.Status(), want)
					}
				}
				answers(false)
				first.becomes(idle)
				second.becomes(idle)
				time.Sleep(10 * time.Second)
				answers(true)
				first.becomes(test.first)
				second.becomes(test.second)
				time.Sleep(2 * time.Minute)
				answers(false)
			})
		})
	}
}

// Nothing fails while a feed hangs, and yet the list grows old.
func TestAListThatGrowsTooOldIsNoticedWithinASecond(t *testing.T) {
	t.Parallel()
	const maxAge = 10 * time.Second
	var unready bell
	config := revocation.Config{MaxAge: maxAge, ReadyChanged: func(is bool) {
		if !is {
			unready.ring()
		}
	}}
	following(t, config, idle, func(t *testing.T, _ world, list *revocation.List, feed *script, _ *record) {
		feed.becomes(hang)
		time.Sleep(time.Second) // until then it is up to date
		unready.want(t, 1)      // as it was made
		for list.Status().Ready {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		unready.want(t, 2)
	})
}

func TestAListWithoutSourcesIsReady(t *testing.T) {
	t.Parallel()
	var ready bell
	list := newList(t, revocation.Config{MaxAge: time.Minute, ReadyChanged: func(is bool) {
		if is {
			ready.ring()
		}
	}})
	if err := list.WaitReady(t.Context()); err != nil || !list.Status().Ready {
		t.Errorf("%v", err)
	}
	ready.want(t, 1)
}

func TestWaitReadyWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	following(t, revocation.Config{}, away, func(t *testing.T, _ world, list *revocation.List, feed *script, _ *record) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := list.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		began := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			feed.becomes(idle)
		}()
		if err := list.WaitReady(t.Context()); err != nil || time.Since(began) < 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

func TestCloseEndsAReadThatHangs(t *testing.T) {
	t.Parallel()
	following(t, revocation.Config{}, hang, func(t *testing.T, _ world, list *revocation.List, _ *script, log *record) {
		began := time.Now()
		_ = list.Close()
		if time.Since(began) != 0 || log.lines("can't be read") != 0 {
			t.Errorf("%v\n%s", time.Since(began), &log.text)
		}
	})
}

// Two lists of one process, and one that comes later.
func TestMemoryFeedsSeveralLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, memory := newWorld(t), revocation.NewMemory()
		from := revocation.Config{Sources: []revocation.Source{{Name: "memory", Feed: memory}}}
		lists := []*revocation.List{newList(t, from), newList(t, from)}
		revoke(t, memory, revocation.Session(w.issuer.URL(), "s"))
		lists = append(lists, newList(t, from))
		synctest.Wait()
		for _, list := range lists {
			wantRevoked(t, list, w.token(sid("s")), true)
		}
		for _, position := range []string{"-1", "2", "x"} {
			if _, err := memory.Read(t.Context(), position); !errors.Is(err, revocation.ErrPositionLost) {
				t.Errorf("position %q: %v", position, err)
			}
		}
	})
}
