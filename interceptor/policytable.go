package interceptor

import (
	"fmt"
	"strings"
)

// PolicyTable returns who may call what under a policy: a line for each method
// that server has registered, sorted, and one for all other calls.
//
//	/acme.Orders/Cancel -> a valid token; scope orders.admin
//	/acme.Orders/List -> anyone
//	any other method -> nobody (NO_POLICY)
//
// The lines of other methods stay as they are when one changes, so that a golden
// file (see Golden in package jwttest) shows a reviewer when access changes, and
// only that. The words may change with a release. What is no method ([PublicPaths],
// [AuthenticatedPaths]) is not in it. The error is that of
// [NewServer] for a policy with mistakes.
func PolicyTable(policy Policy, server ServiceInfoProvider) (string, error) {
	rules, err := newRuleTable(policy)
	if err != nil {
		return "", fmt.Errorf("interceptor: %w", err)
	}
	return rules.rows(server), nil
}

// PolicyTable is [PolicyTable] under the server's policy. It begins with a line
// that says so while [Shadow] is on.
func (s *Server) PolicyTable(server ServiceInfoProvider) string {
	rows := s.rules.rows(server)
	if s.shadow != nil {
		return "SHADOW MODE: everybody is let in, these rules are only reported\n" + rows
	}
	return rows
}

// rows returns a line for each method, and one for all others.
func (t *ruleTable) rows(server ServiceInfoProvider) string {
	var rows strings.Builder
	for _, method := range methodsOf(server) {
		writeRow(&rows, method, t.rule(method))
	}
	writeRow(&rows, "any other method", t.others)
	return rows.String()
}

func writeRow(rows *strings.Builder, method string, r *rule) {
	who := "nobody (" + string(ReasonNoPolicy) + ")"
	if r != nil {
		who = r.String()
	}
	_, _ = fmt.Fprintf(rows, "%s -> %s\n", method, who)
}
