package main

import (
	"context"
	"errors"
	"slices"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// play plays all scenes. Changes are made all the while.
func (s *story) play(ctx context.Context) {
	stopService, err := s.startService()
	if err != nil {
		s.check(false, "the service does not start: %v", err)
		return
	}
	stopWriting := s.write(ctx)
	s.login()
	w := s.watch(ctx, 0)
	s.playExpiry(ctx)
	stopService = s.playOutage(ctx, stopService)
	s.playLogout(ctx, w)
	w = s.playLogin(ctx, w)
	stopWriting()
	s.playEnd(ctx, w)
	stopService()
}

func (s *story) playExpiry(ctx context.Context) {
	s.say("\n1. Tokens end, and the watch goes on where it was")
	s.until(ctx, "three tokens' ends", func() bool { return len(s.seen.endingsAfter(0)) >= 3 })
	s.check(!slices.ContainsFunc(s.seen.endingsAfter(0), func(e Ending) bool { return reasonOf(e.Err) != string(token.ReasonExpired) || e.Pause > 0 }),
		"each stream ended with its token, and the next was opened at once")
}

func (s *story) playOutage(ctx context.Context, stop func()) (stopAgain func()) {
	s.say("\n2. The service is away for a moment")
	before := len(s.seen.endingsAfter(0))
	stop()
	s.until(ctx, "three tries", func() bool { return len(s.seen.endingsAfter(before)) >= 3 })
	s.check(!slices.ContainsFunc(s.seen.endingsAfter(before), func(e Ending) bool { return e.Pause <= 0 }),
		"it was looked for again and again, with pauses")
	stopAgain, err := s.startService()
	if err != nil {
		s.check(false, "the service does not start: %v", err)
		return func() {}
	}
	missed := s.journal.newest()
	s.until(ctx, "what was missed", func() bool { return s.seen.last() >= missed })
	s.check(s.seen.inOrder(), "back, and nothing was missed")
	return stopAgain
}

func (s *story) playLogout(ctx context.Context, w *running) {
	s.say("\n3. alice logs out: her tokens are revoked")
	s.awaitFresh(ctx)
	before := s.provider.tokens()
	s.check(s.provider.logout(ctx) == nil, "her session is on the list of what was revoked")
	s.until(ctx, "the watch's end", func() bool { return isClosed(w.done) })
	w.stop()
	refusal, _ := interceptor.RefusalFrom(w.err)
	s.check(errors.Is(w.err, ErrLogin) && refusal.Reason == token.ReasonRevoked, "the watch ended after change %d: %s, %v", w.last, refusal.Reason, ErrLogin)
	s.check(s.provider.tokens() == before, "no other token was asked for")
}

// awaitFresh waits for a stream that has just been opened with a fresh token, so that
// the next thing to happen is not its end.
func (s *story) awaitFresh(ctx context.Context) {
	before := len(s.seen.endingsAfter(0))
	var ended []Ending
	s.until(ctx, "a token's end", func() bool { ended = s.seen.endingsAfter(before); return len(ended) > 0 })
	s.until(ctx, "a fresh token", func() bool { return len(ended) > 0 && s.seen.last() > ended[0].Last })
}

func (s *story) playLogin(ctx context.Context, ended *running) *running {
	missed := ended.last + 20
	s.until(ctx, "changes", func() bool { return s.journal.newest() >= missed })
	s.say("\n4. She logs in, and watches on from change %d", ended.last)
	s.login()
	w := s.watch(ctx, ended.last)
	s.until(ctx, "what was missed", func() bool { return s.seen.last() > missed })
	s.check(s.seen.inOrder(), "what has changed meanwhile came first")
	return w
}

func (s *story) playEnd(ctx context.Context, w *running) {
	s.until(ctx, "the last change", func() bool { return s.seen.last() >= s.journal.newest() })
	w.stop()
	s.check(w.last == s.journal.newest() && s.seen.are(w.last), "each of the changes 1 to %d was seen once, and in order", w.last)
	s.check(s.seen.distinct() >= 3, "over %d tokens", s.seen.distinct())
}

// isClosed reports whether a channel is closed, which nobody sends to.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
