//go:build soak

package keyset_test

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// complaint returns what is wrong with a verification, "" if nothing is. The
// later it is asked, the more it knows.
func (v *verification) complaint() string {
	allowed := v.allowed()
	took := v.ended.Sub(v.began)
	switch {
	case !slices.Contains(allowed, v.verdict):
		return fmt.Sprintf("want %q", allowed)
	case v.verdict == keyUnknown && v.source.remote && !v.believable():
		return "unknown by a fetch that failed, or is too long ago"
	case v.waited && v.knew && !v.refused():
		return "waited for a fetch, and the key was there"
	case v.waited && !v.source.remote:
		return "waited for a file"
	case took > longestAnswer && !v.waited, took > v.source.config.UnknownWait+longestAnswer:
		return fmt.Sprintf("took %v", took.Round(time.Millisecond))
	default:
		return ""
	}
}

// allowed returns the verdicts that the windows allow.
func (v *verification) allowed() []verdict {
	w, span := v.source.windows, v.source.health.during(v.began, v.ended)
	since := v.began.Sub(span.from)
	if span.condition == ill && w.stale > 0 && since > w.stale {
		return []verdict{keysUnavailable}
	}
	there, gone := v.there(), v.gone()
	var allowed []verdict
	if !gone {
		allowed = append(allowed, v.withKey())
	}
	mayTell := span.condition != ill || since <= w.doubted
	if !there && mayTell {
		allowed = append(allowed, keyUnknown)
	}
	canTell := there || span.condition == well && since > w.recovered
	if !canTell || !v.fresh() {
		allowed = append(allowed, keysUnavailable)
	}
	return allowed
}

// withKey returns the verdict of a set that has the key.
func (v *verification) withKey() verdict {
	if v.kind == forgedToken {
		return signatureInvalid
	}
	return accepted
}

// there reports whether the set must have the key.
func (v *verification) there() bool {
	return v.key != nil && !v.key.mayBeGone(v.ended) && v.noticed(v.key.published, v.source.windows.learned)
}

// gone reports whether the set can't have the key.
func (v *verification) gone() bool {
	if v.key == nil {
		return true
	}
	at := v.key.left.Load()
	return at != nil && v.noticed(*at, v.source.windows.dropped)
}

func (v *verification) noticed(event time.Time, window time.Duration) bool {
	return v.source.health.noticed(event, v.source.windows, window, v.began)
}

// fresh reports whether the keys can't be too old.
func (v *verification) fresh() bool {
	if v.source.patient() {
		return true
	}
	return v.in.witness.succeeded(v.ended.Add(slack-v.source.config.MaxStale), v.began)
}

// believable reports whether a set may say that it knows no such key: its last
// fetch went well, and, for an id that it wasn't asked for before, within a
// tick of the budget.
func (v *verification) believable() bool {
	lately := v.source.config.UnknownInterval + slack/2
	if v.kind == oldToken { // which isn't looked for again and again
		lately = v.source.config.RefreshInterval + v.source.windows.doubted
	}
	meanwhile := v.in.witness.succeeded(v.began, v.ended.Add(slack))
	before := v.in.witness.succeeded(v.began.Add(-lately), v.began) && !v.in.witness.failedLast(v.began)
	return meanwhile || before
}

// delays are the longest times that were seen of a set that had not noticed
// something, of what the windows bound.
type delays struct {
	mu                                         sync.Mutex
	learned, learnedLate, dropped, droppedLate time.Duration
}

// note looks for a new longest time in a verification.
func (d *delays) note(v *verification) {
	if v.key == nil || v.kind == forgedToken {
		return
	}
	span := v.source.health.during(v.began, v.ended)
	if span.condition != well {
		return
	}
	left := v.key.left.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case left != nil && v.verdict == accepted:
		lengthen(&d.dropped, &d.droppedLate, *left, v, span)
	case !v.key.mayBeGone(v.ended) && v.verdict != accepted:
		lengthen(&d.learned, &d.learnedLate, v.key.published, v, span)
	}
}

// lengthen counts from the event if the source was well for long, and from when
// it got well if it wasn't at the event.
func lengthen(ofWell, ofIll *time.Duration, event time.Time, v *verification, span span) {
	switch {
	case event.After(span.from.Add(v.source.windows.recovered)):
		*ofWell = max(*ofWell, v.began.Sub(event))
	case event.Before(span.from):
		*ofIll = max(*ofIll, v.began.Sub(span.from))
	}
}
