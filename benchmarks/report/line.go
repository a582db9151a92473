package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// line is one row of the table.
type line struct {
	name   string
	values []float64 // one for each pass
	wall   []float64 // the same by wall time, if values are CPU time
	unit   string
	goal   goal
}

// goal is what a median is hoped to be. The zero value hopes for nothing.
type goal struct {
	sign  string // "<=" or ">="
	limit float64
}

func atMost(limit float64) goal  { return goal{"<=", limit} }
func atLeast(limit float64) goal { return goal{">=", limit} }

// verdict says whether a value is as was hoped.
func (g goal) verdict(value float64) string {
	switch {
	case g.sign == "":
		return ""
	case g.sign == "<=" && value <= g.limit, g.sign == ">=" && value >= g.limit:
		return "met"
	}
	return "NOT MET"
}

func (g goal) String() string {
	if g.sign == "" {
		return ""
	}
	return g.sign + " " + number(g.limit)
}

// ratio compares two works pass by pass.
func ratio(name string, of, to []sample, goal goal) line {
	l := line{name: name, unit: "ratio", goal: goal}
	for pass := range of {
		l.values = append(l.values, of[pass].cpu/to[pass].cpu)
		l.wall = append(l.wall, of[pass].wall/to[pass].wall)
	}
	return l
}

// nanoseconds says how long an operation takes.
func nanoseconds(name string, of []sample, goal goal) line {
	l := line{name: name, unit: "ns", goal: goal}
	for _, s := range of {
		l.values = append(l.values, s.cpu)
		l.wall = append(l.wall, s.wall)
	}
	return l
}

// allocations says how often an operation allocates, to a tenth: the process does
// something else every now and then.
func allocations(name string, of []sample, goal goal) line {
	return line{name: name, unit: "allocs", goal: goal, values: each(of, func(s sample) float64 { return tenths(s.allocs) })}
}

// allocated says how much an operation allocates.
func allocated(name string, of []sample, goal goal) line {
	return line{name: name, unit: "B", goal: goal, values: each(of, func(s sample) float64 { return tenths(s.bytes) })}
}

// tenths rounds.
func tenths(value float64) float64 { return math.Round(value*10) / 10 }

// each returns something of every sample.
func each(samples []sample, something func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = something(s)
	}
	return values
}

// lines are those of a report.
type lines []line

// median returns that of a line, and whether there is such a line.
func (ls lines) median(name string) (median float64, ok bool) {
	for _, l := range ls {
		if l.name == name {
			_, median, _ = quartiles(l.values)
			return median, true
		}
	}
	return 0, false
}

// printPlain prints the medians for programs.
func printPlain(w io.Writer, lines lines) {
	for _, l := range lines {
		_, median, _ := quartiles(l.values)
		_, _ = fmt.Fprintln(w, l.name, number(median), l.unit)
	}
}

// number prints what can be told of a noisy value.
func number(value float64) string {
	switch {
	case value >= 100 || value <= -100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10 || value <= -10:
		return fmt.Sprintf("%.1f", value)
	case value != 0 && value < 0.1 && value > -0.1:
		return fmt.Sprintf("%.4f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// lower is the name of an algorithm in the name of a line.
func lower(alg keyset.Algorithm) string { return strings.ToLower(string(alg)) }
