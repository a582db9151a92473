package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/token"
)

// playAccount tells who called the archive, all in all.
func playAccount(_ context.Context, s *stage) error {
	s.stopWorker()
	s.Scene("Who called the archive, as the archive verified it")
	reports := s.archive.Of(reportTask)
	rows := [][]string{{"WHAT", "CALLS", "SUBJECT", "TOKEN"}, row(reportTask, reports)}
	calls := len(reports)
	for _, o := range s.orders {
		visits := s.visits(o)
		calls += len(visits)
		rows = append(rows, row(s.queue.job(o.id).Task, visits))
	}
	s.Table(rows...)
	s.Check(allAs(reports, workerName) && !s.usersAmong(reports), "no report was made with a user's token")
	s.Check(s.allUsers(), "no user's job was done with the service's token, or with another user's")
	s.Check(calls == len(s.archive.All()), "nobody called for anything else")
	s.Check(len(s.queue.jobs()) == 0, "no job is left")
	s.Check(s.keptSecret(), "none of the %d tokens is in what was printed or logged", len(s.issuer.Tokens()))
	return nil
}

// row is the row of those who called for one thing.
func row(what string, visits []scenery.Visit) []string {
	if len(visits) == 0 {
		return []string{what, "0", "-", "-"}
	}
	tokens := visits[0].Fingerprint
	for _, v := range visits {
		if !strings.Contains(tokens, v.Fingerprint) {
			tokens += " " + v.Fingerprint
		}
	}
	return []string{what, fmt.Sprint(len(visits)), visits[0].Subject, tokens}
}

// allAs reports whether all visits were made as the subject.
func allAs(visits []scenery.Visit, subject string) bool {
	for _, v := range visits {
		if v.Subject != subject {
			return false
		}
	}
	return true
}

// usersAmong reports whether a visit was made with the token of an order.
func (s *stage) usersAmong(visits []scenery.Visit) bool {
	for _, v := range visits {
		for _, o := range s.orders {
			if v.Fingerprint == token.Fingerprint(o.raw) {
				return true
			}
		}
	}
	return false
}

// allUsers reports whether each order that was done was done as its user.
func (s *stage) allUsers() bool {
	for _, o := range s.orders {
		if len(s.visits(o)) > 0 && !s.onlyAs(o) {
			return false
		}
	}
	return true
}

// allLater reports whether all outcomes are the same: to try again.
func allLater(outcomes []Outcome, reason string) bool {
	for _, o := range outcomes {
		if o.Fate != Later || o.Reason != reason {
			return false
		}
	}
	return true
}

// keptSecret reports whether nothing printed or logged shows a token.
func (s *stage) keptSecret() bool {
	written := s.written.String()
	for _, raw := range s.issuer.Tokens() {
		if shows(written, raw) {
			return false
		}
	}
	return !strings.Contains(written, s.issuer.Secret)
}

// shows reports whether any part of a token can be read in the text.
func shows(text, raw string) bool {
	for part := range strings.SplitSeq(raw, ".") {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
