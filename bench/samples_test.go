package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	values := []float64{9, 1, 5, 7, 3, 11, 2, 8, 4, 6}
	before := slices.Clone(values)
	// Of ten values, the second and the ninth bound the median with 97.9 %.
	if got, want := summarize(values), (summary{5.5, 2, 9}); got != want {
		t.Errorf("summary of ten values %v, want %v", got, want)
	}
	if !slices.Equal(values, before) {
		t.Error("summarize changes its argument, so rounds no longer match")
	}
	if got := summarize(values[:minRounds]); math.IsInf(got.low, 0) || math.IsInf(got.high, 0) {
		t.Errorf("%d values have no interval: %v", minRounds, got)
	}
	if got := summarize(values[:minRounds-1]); !math.IsInf(got.low, -1) {
		t.Errorf("%d values have an interval, so minRounds is too large: %v", minRounds-1, got)
	}
}

func TestRatioIsRoundByRound(t *testing.T) {
	// The machine got faster from round to round, and a was always twice b.
	var a, b []sample
	for round := range minRounds {
		a = append(a, sample{rate: 200 * float64(round+1)})
		b = append(b, sample{rate: 100 * float64(round+1)})
	}
	if got, want := summarizeRatio(a, b, rate), (summary{2, 2, 2}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name      string
		low, high float64
		others    float64
		want      error
		says      string
	}{
		{"the lower end reaches it", 4, 9, 0, nil, "| reached |"},
		{"the interval contains it", 3.9, 9, 0, errUndecided, "undecided: the interval contains the target"},
		{"the upper end does not reach it", 1, 3.9, 0, errMissed, "**missed**"},
		{"the machine was busy", 4, 9, 0.2, errUndecided, "undecided: other programs used 20 % of a core"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			r.begin("section")
			r.addTarget(target{"one to another", 4, summary{(test.low + test.high) / 2, test.low, test.high}, test.others})
			r.end()
			if err := r.verdict(); !errors.Is(err, test.want) || !strings.Contains(out.String(), test.says) {
				t.Errorf("error %v, want %v; the report is\n%s", err, test.want, out.String())
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	undecided := fmt.Errorf("%w: a rate", errUndecided)
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.Join(nil, undecided), exitUndecided},
		{errors.Join(nil, errors.Join(fmt.Errorf("%w: a rate", errMissed), undecided)), exitFailure},
		{errors.Join(errors.New("no server"), undecided), exitFailure},
		{errors.New("no server"), exitFailure},
	} {
		if got := exitStatus(test.err); got != test.want {
			t.Errorf("exit status %d for %q, want %d", got, test.err, test.want)
		}
	}
}

// TestRunSectionsGoesOnAfterAFailure lets a section fail: the run continues, and the
// report has nothing of that section.
func TestRunSectionsGoesOnAfterAFailure(t *testing.T) {
	b := &benchmark{report: newReport(new(strings.Builder))}
	failure := errors.New("no server")
	err := b.runSections([]section{
		{"a", func(b *benchmark) error {
			b.report.addTarget(target{"of a", 1, summary{}, 0})
			return failure
		}},
		{"b", func(b *benchmark) error { b.report.title("of b"); return nil }},
	}, false)
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "section a") {
		t.Errorf("error %v, want that of section a", err)
	}
	if len(b.report.sections) != 1 || b.report.sections[0].name != "b" || len(b.report.targets) != 0 {
		t.Errorf("the report has %d sections and the targets %v, want section b alone", len(b.report.sections), b.report.targets)
	}
}

func TestReplaceSection(t *testing.T) {
	const document = "a\n<!-- bench/run: x -->\nold\n<!-- end of x -->\nb\n"
	got, err := replaceSection(document, "x", "new\n")
	if want := "a\n<!-- bench/run: x -->\nnew\n\n<!-- end of x -->\nb\n"; got != want || err != nil {
		t.Errorf("%q, error %v, want %q", got, err, want)
	}
	if _, err := replaceSection(document, "y", "new"); err == nil || !strings.Contains(err.Error(), "bench/run: y") {
		t.Errorf("a document without the section: error %v", err)
	}
}

func TestOthers(t *testing.T) {
	start := time.Now()
	before := clocks{wall: start}
	after := clocks{wall: start.Add(time.Second), server: 900 * time.Millisecond, clients: 800 * time.Millisecond, system: 1900 * time.Millisecond}
	if got := after.since(before).others(); math.Abs(got-0.2) > 1e-9 {
		t.Errorf("other programs used %g cores, want 0.2", got)
	}
	after.system = time.Second // ticks are coarser than schedstat
	if got := after.since(before).others(); got != 0 {
		t.Errorf("other programs used %g cores, want none", got)
	}
}

func TestDescribeChange(t *testing.T) {
	before := []float64{10, 11, 10, 11, 10, 11, 10, 11}
	if got := describeChange(before, []float64{20, 21, 20, 21, 20, 21, 20, 21}); !strings.HasPrefix(got[2], "+95") {
		t.Errorf("twice as much is %q", got)
	}
	if got := describeChange(before, []float64{11, 10, 11, 10, 11, 10, 11, 10}); got[2] != "~" {
		t.Errorf("the same values are %q", got)
	}
}

// TestDocumentHasEachSection looks up the place of each section in bench/README.md.
func TestDocumentHasEachSection(t *testing.T) {
	document, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sectionNames() {
		if _, err := replaceSection(string(document), name, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestChooseSections(t *testing.T) {
	chosen, err := chooseSections("post,get-1k", "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range chosen {
		names = append(names, s.name)
	}
	if want := []string{"environment", "get-1k", "post"}; !slices.Equal(names, want) {
		t.Errorf("sections %v, want %v", names, want)
	}
	if _, err := chooseSections("nonsense", ""); err == nil || !strings.Contains(err.Error(), "get-1k") {
		t.Errorf("an unknown section: error %v, want one that lists the sections", err)
	}
}

func TestDrawSVG(t *testing.T) {
	c := chart{title: "p99 <ms>", label: "connections", tick: func(v float64) string { return fmt.Sprint(v) }}
	c.add("a & b", []int{1, 10, 1000}, []measurement{{rates: []float64{5}}, {rates: []float64{50}}, {rates: []float64{7}}},
		func(m measurement) []float64 { return m.rates })
	svg, err := drawSVG([]chart{c, c})
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg, new(struct{})); err != nil {
		t.Errorf("the SVG is not well-formed: %v", err)
	}
	for _, text := range []string{"connections", "a &amp; b", ">1000<"} {
		if strings.Count(string(svg), text) != 2 {
			t.Errorf("%q is not in both charts", text)
		}
	}
}
