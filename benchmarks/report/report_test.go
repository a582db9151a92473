package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
)

// promised are the lines that the documentation is about.
func promised() []string {
	names := strings.Fields(`warm_interceptor_ns warm_interceptor_allocs warm_interceptor_bytes warm_parallel_speedup
		hop_load_ratio chain3_ratio chain3_allocs wire_bytes_per_call_first wire_bytes_per_call_repeated
		refuse_oversize_ns refuse_oversize_allocs refuse_unknown_kid_ratio refuse_badsig_ratio
		cache_bytes_per_token zipf_hit_ratio_1M`)
	for _, alg := range []string{"rs256", "es256", "eddsa", "hs256"} {
		names = append(names, "warm_vs_usual_"+alg+"_ratio", "zipf_mean_cost_"+alg+"_ns")
		for _, peer := range []string{"", "_usual", "_cristalhq", "_gojose", "_jwx"} {
			names = append(names, "cold_"+alg+peer+"_ratio")
		}
	}
	return names
}

// What is measured here means nothing, but it is measured.
func TestEverySectionMeasures(t *testing.T) {
	t.Parallel()
	r := &report{mint: issuer.New(t), passes: 2, slice: time.Millisecond, effort: 200}
	for _, section := range sections() {
		lines, err := section.measure(r)
		if err != nil {
			t.Fatalf("%s: %v", section.name, err)
		}
		r.lines = append(r.lines, lines...)
	}
	for _, l := range r.lines {
		for _, value := range l.values {
			if math.IsNaN(value) || math.IsInf(value, 0) {
				t.Errorf("%s: %v", l.name, l.values)
			}
		}
	}
	for _, name := range promised() {
		if _, ok := r.lines.median(name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestQuartilesAreBetweenValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []float64
		want   [3]float64
	}{
		"none":               {nil, [3]float64{}},
		"one":                {[]float64{7}, [3]float64{7, 7, 7}},
		"two":                {[]float64{3, 1}, [3]float64{1.5, 2, 2.5}},
		"five, in any order": {[]float64{5, 1, 4, 2, 3}, [3]float64{2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lower, median, upper := quartiles(test.values)
			if got := [3]float64{lower, median, upper}; got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestGoalsAreMetUpToTheirLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		goal  goal
		value float64
		want  string
	}{
		"none":            {goal{}, 5, ""},
		"at most, less":   {atMost(2), 1, "met"},
		"at most, equal":  {atMost(2), 2, "met"},
		"at most, more":   {atMost(2), 2.1, "NOT MET"},
		"at least, more":  {atLeast(2), 3, "met"},
		"at least, equal": {atLeast(2), 2, "met"},
		"at least, less":  {atLeast(2), 1, "NOT MET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.goal.verdict(test.value); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestRatiosAreTakenPassByPass(t *testing.T) {
	t.Parallel()
	slow := []sample{{cpu: 2, wall: 4}, {cpu: 20, wall: 40}} // the machine was ten times slower in the second pass
	fast := []sample{{cpu: 1, wall: 1}, {cpu: 10, wall: 10}}
	l := ratio("x_ratio", slow, fast, atMost(2))
	var table, plain bytes.Buffer
	printAll(&table, []line{l})
	printPlain(&plain, []line{l})
	if !strings.Contains(table.String(), "| 2.00 | 2.00 to 2.00 | 4.00 | ratio | <= 2.00 | met |") {
		t.Error(table.String())
	}
	if plain.String() != "x_ratio 2.00 ratio\n" {
		t.Errorf("%q", plain.String())
	}
}

func TestTablesAreReplacedBetweenTheirMarks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "README.md")
	before := "# Title\n\n" + tablesBegin + "\nold\n" + tablesEnd + "\n\nmore\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceTables(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path) //nolint:gosec // the test has written it
	if want := "# Title\n\n" + tablesBegin + "\n\nnew\n\n" + tablesEnd + "\n\nmore\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAFileWithoutMarksIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte("# Title\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceTables(path, "new\n"); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path); err != nil || //nolint:gosec // the test has written it
		string(got) != "# Title\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	before := cpuTime()
	for sum := 0.0; cpuTime() == before; {
		sum += math.Sqrt(sum + 1) // until it does: else the test times out
	}
}

// The first of n is drawn 1/(1 + 1/2 + ... + 1/n) of the time.
func TestZipfFavoursTheFirst(t *testing.T) {
	t.Parallel()
	const n, draws = 1000, 100_000
	z, random := newZipf(n), rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same draws each time
	counts := make([]int, n)
	for range draws {
		counts[z.next(random)]++
	}
	if first := float64(counts[0]) / draws; math.Abs(first-0.1336) > 0.01 { // the sum is 7.485
		t.Errorf("the first was drawn %v of the time", first)
	}
	if ratio := float64(counts[0]) / float64(counts[9]); math.Abs(ratio-10) > 1.5 {
		t.Errorf("the first was drawn %v times as often as the tenth", ratio)
	}
}

// A user has one token for 15 minutes, and then another.
func TestSimulatedUsersRenewTheirTokens(t *testing.T) {
	t.Parallel()
	mint := issuer.New(t)
	s := newSimulation(mint.Key(issuer.Algorithms()[3]))
	first := s.token(5)
	s.now = s.now.Add(renewal)
	if renewed := s.token(5); renewed == first {
		t.Error("the same token a life later")
	}
	seen := make(map[string]bool)
	for range 1000 {
		seen[s.token(5)] = true
		s.now = s.now.Add(renewal / 1000)
	}
	if len(seen) != 2 {
		t.Errorf("%d tokens in one life from any moment, want 2", len(seen))
	}
}
