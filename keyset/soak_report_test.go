//go:build soak

package keyset_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// table lays rows out in columns, the first to the left and the others to the
// right.
func table(rows [][]any) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(fmt.Sprint(cell)))
		}
	}
	var text strings.Builder
	for _, row := range rows {
		line := fmt.Sprintf("  %-*v", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf("  %*v", widths[i+1], cell)
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}

// report is all that is to be told at the end.
func (s *soak) report() string {
	var text strings.Builder
	section := func(title string, rows [][]any) { fmt.Fprintf(&text, "\n%s\n%s", title, table(rows)) }
	section("what went wrong, and what came of tokens meanwhile", s.reportFaults())
	section("tokens; in brackets those for which one verdict only was right", s.reportVerdicts())
	section("longest times until it was noticed, of what is allowed", s.reportDelays())
	section("fetches and requests, of what the configuration allows", s.reportFetches())
	section("footprint", [][]any{
		{"", "heap KiB", "goroutines"},
		{"before", "", s.goroutines.start},
		{"issuer serves", "", s.goroutines.before},
		{"warm", s.warm.heap >> 10, s.warm.goroutines},
		{"at the end", s.final.heap >> 10, s.final.goroutines},
		{"sets closed", "", s.goroutines.closed},
		{"all closed", "", s.goroutines.after},
	})
	fmt.Fprintf(&text, "\n%d faults of %d kinds, %d rotations, %d restarts (%d in an outage), %d stalls of this machine (the longest %v)\n",
		s.committed.Load(), len(s.faults), s.rotation.count.Load(), s.restarted.health.tally().restarts, s.restarted.restartsIll,
		s.stalls.Load(), s.longestStall.Round(time.Millisecond))
	return text.String()
}

func (s *soak) reportFaults() [][]any {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	rows := [][]any{{"fault", "times", "keys", "doc", "seconds", "fetches", "failed"}}
	for _, v := range verdicts() {
		rows[0] = append(rows[0], v)
	}
	slices.Sort(s.ledger.order)
	for _, name := range s.ledger.order {
		e := s.ledger.faults[name]
		row := []any{name, e.times, e.keys, e.doc, fmt.Sprintf("%.1f", e.lasted.Seconds()), e.good + e.bad, e.bad}
		for _, v := range verdicts() {
			row = append(row, e.verdicts[v])
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *soak) reportVerdicts() [][]any {
	rows := [][]any{{"set", "token"}}
	for _, v := range verdicts() {
		rows[0] = append(rows[0], v)
	}
	for _, source := range s.sources {
		for _, kind := range kinds() {
			row := []any{source.name, kind}
			for _, v := range verdicts() {
				n := s.ledger.sum(func(at outcome) bool { return at == outcome{source.name, kind, v} })
				row = append(row, fmt.Sprintf("%d (%d)", n.all, n.certain))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func (s *soak) reportDelays() [][]any {
	rows := [][]any{{"set", "new key, issuer well", "after an outage", "withdrawn key, issuer well", "after an outage"}}
	for _, source := range s.sources {
		d, w := &source.delays, source.windows
		rows = append(rows, []any{
			source.name, of(d.learned, w.learned), of(d.learnedLate, w.recovered),
			of(d.dropped, w.dropped), of(d.droppedLate, w.recovered),
		})
	}
	return rows
}

// of shows a time and its bound.
func of(d, bound time.Duration) string {
	return fmt.Sprintf("%.2f of %.2f s", d.Seconds(), bound.Seconds())
}

func (s *soak) reportFetches() [][]any {
	rows := [][]any{{"", "number", "bound", "well s", "unclear s", "ill s", "outages"}}
	for _, source := range s.remotes {
		t := source.health.tally()
		rows = append(rows, []any{
			"fetches, " + source.name, source.fetches.Load(), fetchBound(source.config, t),
			int(t.well.Seconds()), int(t.unclear.Seconds()), int(t.ill.Seconds()), t.outages,
		})
	}
	keys, discovery := s.requestBounds()
	return append(rows,
		[]any{"requests for keys", s.issuer.JWKSRequests(), keys},
		[]any{"requests for discovery", s.issuer.DiscoveryRequests(), discovery})
}
