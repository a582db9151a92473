//go:build soak

package redisfeed_test

import (
	"fmt"
	"os"
	"runtime"
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
	took := s.end.Sub(s.began)
	fmt.Fprintf(&text, "\n%d calls (%.0f a second): %d accepted, %d refused as revoked (streams included), %d other errors; %d of tokens issued after a revocation\n",
		s.calls.Load(), float64(s.calls.Load())/took.Seconds(), s.accepted.Load(), s.denied.Load(), s.errors.Load(), s.welcomed.Load())
	fmt.Fprintf(&text, "%d streams open all the time, %d opened; %d attempts to open one with a token while it is revoked; %d tokens checked at the end\n", openStreams, s.opened.Load(), s.lateOpens.Load(), s.checked.Load())
	section("revocations", s.reportRevocations())
	section("delays in milliseconds, without trouble; for each revocation and process", s.reportDelays(false))
	section("and of those that met with trouble", s.reportDelays(true))
	section("footprint of the processes", s.reportFootprints())
	text.WriteString("\ntrouble\n")
	for _, trouble := range s.troubles {
		fmt.Fprintf(&text, "  %s\n", trouble)
	}
	fmt.Fprintf(&text, "  attempts to revoke that failed: %d\n", s.failedWrites.Load())
	fmt.Fprintf(&text, "\nthe machine: %d CPUs, load %s; a call took (ms, p50 p99 max) %s; the driver stood still for %v at most\n",
		runtime.NumCPU(), load(), &s.latency, s.stall.Round(time.Millisecond))
	return text.String()
}

func (s *soak) reportRevocations() [][]any {
	rows := [][]any{{"of", "number", "tokens", "streams", "in trouble"}}
	for _, kind := range kindsOfRevocation() {
		var number, tokens, troubled int
		var streams int64
		for _, r := range s.revocations {
			if r.kind != kind {
				continue
			}
			number++
			tokens += len(r.tickets)
			if r.troubled.Load() {
				troubled++
			}
			for i := range r.at {
				streams += r.at[i].streams.Load()
			}
		}
		rows = append(rows, []any{kind, number, tokens, streams, troubled})
	}
	return rows
}

func (s *soak) reportDelays(troubled bool) [][]any {
	rows := [][]any{{"", "number", "p50", "p99", "max"}}
	for _, since := range []struct {
		name string
		at   func(*revoked) int64
	}{
		{"from the start of Revoke", func(r *revoked) int64 { return r.started.Load() }},
		{"from its return", func(r *revoked) int64 { return r.returned.Load() }},
	} {
		for _, until := range []struct {
			name string
			at   func(*fate) int64
		}{
			{"to the arrival", func(f *fate) int64 { return f.arrived.Load() }},
			{"to the last call that was accepted", func(f *fate) int64 { return f.accepted.Load() }},
			{"to the end of the last stream", func(f *fate) int64 { return f.ended.Load() }},
		} {
			all := s.delays(troubled, since.at, until.at)
			q := quantiles(all)
			rows = append(rows, []any{since.name + " " + until.name, len(all), q[0], q[1], q[2]})
		}
	}
	return rows
}

// delays returns the times between two events.
func (s *soak) delays(troubled bool, since func(*revoked) int64, until func(*fate) int64) []time.Duration {
	var all []time.Duration
	for _, r := range s.revocations {
		if r.troubled.Load() != troubled {
			continue
		}
		for i := range r.at {
			if at := until(&r.at[i]); at != 0 && since(r) != 0 {
				all = append(all, time.Duration(at-since(r)))
			}
		}
	}
	return all
}

// quantiles returns the median, the 99th of hundred and the longest, in milliseconds.
func quantiles(all []time.Duration) [3]string {
	if len(all) == 0 {
		return [3]string{"-", "-", "-"}
	}
	slices.Sort(all)
	at := func(q float64) string {
		return fmt.Sprintf("%.1f", all[int(q*float64(len(all)-1))].Seconds()*1000)
	}
	return [3]string{at(0.5), at(0.99), at(1)}
}

func (s *soak) reportFootprints() [][]any {
	rows := [][]any{{"process", "heap KiB, warm", "at the end", "goroutines, warm", "at the end", "all closed", "of", "entries"}}
	for _, p := range s.processes {
		warm, _ := s.warm(p)
		final, _ := s.final(p)
		left := footprint{}
		if p.left != nil {
			left = *p.left
		}
		rows = append(rows, []any{
			p.number, warm.Heap >> 10, final.Heap >> 10, warm.Goroutines, final.Goroutines, left.Goroutines, left.Began, final.Entries,
		})
	}
	return rows
}

// load returns the load of the machine, where it says so.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], " ")
}
