package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
)

// printTables prints a report for people, in Markdown.
func printTables(w io.Writer, r *report) {
	printf(w, "%s; %d passes, CPU time unless a row says otherwise.\n", machine(), r.passes)
	printf(w, "\n%s.\n", modules())
	heading(w, "What was hoped for")
	printGoals(w, r.lines)
	heading(w, "A token for the first time, in bare signature checks, and its allocations")
	printPeers(w, r.lines)
	heading(w, "CPU seconds for a million calls")
	printFleet(w, r.lines)
	heading(w, "Everything")
	printAll(w, r.lines)
}

// printf prints to a buffer or the terminal: nobody can do anything about an error.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

func heading(w io.Writer, text string) { printf(w, "\n### %s\n\n", text) }

// row prints a row of a table, and below the first what makes it one.
func row(w io.Writer, first bool, cells ...string) {
	printf(w, "| %s |\n", strings.Join(cells, " | "))
	if first {
		printf(w, "|%s\n", strings.Repeat(" --- |", len(cells)))
	}
}

// printGoals prints the lines that have a goal.
func printGoals(w io.Writer, lines lines) {
	row(w, true, "line", "median", "goal", "")
	for _, l := range lines {
		if l.goal != (goal{}) {
			_, median, _ := quartiles(l.values)
			row(w, false, "`"+l.name+"`", number(median)+" "+l.unit, l.goal.String(), l.goal.verdict(median))
		}
	}
}

// printPeers prints how contenders verify for the first time.
func printPeers(w io.Writer, lines lines) {
	head := []string{""}
	for _, entry := range contender.All() {
		head = append(head, entry.Name)
	}
	row(w, true, head...)
	for _, alg := range issuer.Algorithms() {
		cells := []string{string(alg)}
		for _, entry := range contender.All() {
			name := "cold_" + lower(alg) + "_" + entry.Name
			if entry.Name == contender.Ours {
				name = "cold_" + lower(alg)
			}
			cells = append(cells, lines.cell(name+"_ratio", 1)+", "+lines.cell(name+"_allocs", 1))
		}
		row(w, false, cells...)
	}
}

// printFleet prints what interceptors cost in total. A microsecond each is a second
// for a million.
func printFleet(w io.Writer, lines lines) {
	row(w, true, "", "usual assembly", "ours, a million users", "ours, tokens seen before")
	for _, alg := range issuer.Algorithms() {
		row(w, false, string(alg),
			lines.cell("warm_usual_"+lower(alg)+"_ns", 1e-3),
			lines.cell("zipf_mean_cost_"+lower(alg)+"_ns", 1e-3),
			lines.cell("warm_interceptor_ns", 1e-3))
	}
}

// cell returns the median of a line, times something; a dash if it was not measured.
func (ls lines) cell(name string, times float64) string {
	if median, ok := ls.median(name); ok {
		return number(median * times)
	}
	return "-"
}

// printAll prints all lines.
func printAll(w io.Writer, lines lines) {
	row(w, true, "line", "median", "quartiles", "by wall time", "unit", "goal", "")
	for _, l := range lines {
		lower, median, upper := quartiles(l.values)
		wall := ""
		if _, byWall, _ := quartiles(l.wall); len(l.wall) > 0 {
			wall = number(byWall)
		}
		row(w, false, "`"+l.name+"`", number(median), number(lower)+" to "+number(upper), wall, l.unit, l.goal.String(), l.goal.verdict(median))
	}
}

// machine says what this was measured on.
func machine() string {
	cpu := "unknown CPU"
	info, _ := os.ReadFile("/proc/cpuinfo") // on Linux only
	for text := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(text, ":"); strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s on %s/%s, %s, GOMAXPROCS=%d", runtime.Version(), runtime.GOOS, runtime.GOARCH, cpu, runtime.GOMAXPROCS(0))
}

// modules says what was compared.
func modules() string {
	build, _ := debug.ReadBuildInfo()
	if build == nil {
		return "unknown modules"
	}
	var found []string
	for _, module := range build.Deps {
		for _, name := range []string{"grpc", "go-grpc-middleware/v2", "golang-jwt/jwt/v5", "keyfunc/v3", "cristalhq/jwt/v5", "go-jose/v4", "jwx/v3"} {
			if strings.HasSuffix(module.Path, "/"+name) {
				found = append(found, module.Path+" "+module.Version)
			}
		}
	}
	return strings.Join(found, ", ")
}
