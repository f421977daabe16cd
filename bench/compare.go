package main

import (
	"fmt"

	"golang.org/x/perf/benchmath"
)

// The two sides of a comparison: names of the binaries that bench/run builds,
// and of the servers that run them.
const (
	thisTree = "foobar-this"
	revision = "foobar-revision"
)

// compare measures this tree beside another revision of it, turn by turn, and
// prints what has changed more than the noise explains: a Mann-Whitney U test
// at the level of benchstat. Both sides are built in the same way, and
// each has the configuration that it ships.
func (b *benchmark) compare(rev string) error {
	b.report.title(fmt.Sprintf("This tree compared with %s", rev))
	var rows [][]string
	for _, w := range workloads() {
		servers, err := b.workdir.startServers(thisTree, revision)
		if err != nil {
			return err
		}
		samples, err := b.compareUnder(w, servers)
		stopServers(servers)
		if err != nil {
			return fmt.Errorf("%s: %w", w.title, err)
		}
		if busy := othersOf(samples...); busy > maxOthers {
			b.report.paragraph("%s: other programs used %.0f %% of a core, so the rate says little.", w.title, 100*busy)
		}
		for _, figure := range []struct {
			name string
			of   func(sample) float64
		}{{"µs of CPU per request", cost}, {"requests/s", rate}} {
			rows = append(rows, append([]string{w.title + ", " + figure.name}, describeChange(figures(samples[1], figure.of), figures(samples[0], figure.of))...))
		}
	}
	b.report.table([]string{"", rev, "this tree", "change", ""}, rows)
	return nil
}

func (b *benchmark) compareUnder(w workload, servers []*server) ([][]sample, error) {
	for _, s := range servers {
		if err := s.serve(w.size); err != nil {
			return nil, err
		}
	}
	return interleave(servers, w.clientOf, b.rounds, b.duration)
}

// describeChange returns the cells of one row: both medians with their
// intervals, the change in percent or "~" for none beyond the noise, and the
// p-value.
func describeChange(before, after []float64) []string {
	old, current := summarize(before), summarize(after)
	comparison := benchmath.AssumeNothing.Compare(newSample(before), newSample(after))
	return []string{old.format("%.4g"), current.format("%.4g"), comparison.FormatDelta(old.median, current.median), comparison.String()}
}
