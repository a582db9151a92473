// Command report measures what verifying and relaying cost beside the peers, and
// prints tables, then a line "name value unit" for each row of the last:
//
//	go run ./report                      all of it, in less than four minutes
//	go run ./report -short               the same, roughly
//	go run ./report -only 'cold|warm'    some sections
//	go run ./report -write README.md     all of it, and the tables into that file
//
// What is compared is measured in turn, in random order, within one pass, and
// compared within that pass; a table shows the median and the quartiles of the
// passes. So a machine that is slow for a while is slow for both. Nothing else should
// be running all the same.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

func main() {
	passes := flag.Int("passes", 11, "how often everything is measured")
	short := flag.Bool("short", false, "measure less, and less exactly")
	only := flag.String("only", "", "a regular expression: the `sections` to measure")
	write := flag.String("write", "", "a Markdown `file` whose tables are to be replaced")
	flag.Parse()
	if err := run(*passes, *short, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// run measures and prints.
func run(passes int, short bool, only, write string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	switch {
	case passes < 1:
		return fmt.Errorf("-passes=%d measures nothing", passes)
	case write != "" && (short || only != ""):
		return errors.New("-write is for all that can be measured: not with -short or -only")
	}
	r := newReport(passes, short)
	if err := r.measure(wanted); err != nil {
		return err
	}
	var tables bytes.Buffer
	printTables(&tables, r)
	if _, err := os.Stdout.Write(tables.Bytes()); err != nil {
		return err
	}
	fmt.Println()
	printPlain(os.Stdout, r.lines)
	if write == "" {
		return nil
	}
	return replaceTables(write, tables.String())
}

// measure measures some sections, and says how long each took.
func (r *report) measure(wanted *regexp.Regexp) error {
	for _, section := range sections() {
		if !wanted.MatchString(section.name) {
			continue
		}
		began := time.Now()
		lines, err := section.measure(r)
		if err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		r.lines = append(r.lines, lines...)
		fmt.Fprintf(os.Stderr, "%-10s %5.1f s\n", section.name, time.Since(began).Seconds())
	}
	return nil
}

// report is what sections measure with.
type report struct {
	mint   *issuer.Issuer
	passes int
	slice  time.Duration // how long something is measured at least, in one pass
	effort int           // divides the size of whatever has one
	lines  lines         // of the sections before
}

func newReport(passes int, short bool) *report {
	r := &report{mint: issuer.New(jwttest.NoTest{}), passes: passes, slice: 40 * time.Millisecond, effort: 1}
	if short {
		r.slice, r.effort = 8*time.Millisecond, 5
	}
	return r
}

// section measures one thing.
type section struct {
	name    string
	measure func(*report) ([]line, error)
}

// sections returns all, in the order of the table.
func sections() []section {
	var all []section
	for _, alg := range issuer.Algorithms() {
		all = append(all, section{"cold_" + lower(alg), func(r *report) ([]line, error) { return cold(r, alg) }})
	}
	return append(all,
		section{"warm", warm},
		section{"parallel", parallel},
		section{"hop", hop},
		section{"chain3", chain3},
		section{"wire", wire},
		section{"refuse", refuse},
		section{"memory", memory},
		section{"zipf", zipfHits},
	)
}
