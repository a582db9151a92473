package interceptor

import (
	"fmt"
	"strings"
)

// PolicyTable returns who may call what: a line for each method that server has
// registered, sorted, and one for all other calls.
//
//	/acme.Orders/Cancel -> a valid token; scope orders.admin
//	/acme.Orders/List -> anyone
//	any other method -> nobody (NO_POLICY)
//
// The lines of other methods stay as they are when one changes, so that a golden
// file (see Golden in package jwttest) shows a reviewer when access changes, and
// only that.
func (s *Server) PolicyTable(server ServiceInfoProvider) string {
	var table strings.Builder
	if s.shadow != nil {
		table.WriteString("SHADOW MODE: everybody is let in, these rules are only reported\n")
	}
	for _, method := range methodsOf(server) {
		writeRow(&table, method, s.rules.rule(method))
	}
	writeRow(&table, "any other method", s.rules.others)
	return table.String()
}

func writeRow(table *strings.Builder, method string, r *rule) {
	who := "nobody (" + string(ReasonNoPolicy) + ")"
	if r != nil {
		who = r.String()
	}
	_, _ = fmt.Fprintf(table, "%s -> %s\n", method, who)
}
