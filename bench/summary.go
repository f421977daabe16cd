package main

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// confidence is that of every interval in the report.
const confidence = 0.95

// minRounds is the smallest number of values whose median has an interval of
// that confidence.
const minRounds = 6

// A summary is the median of some values and its confidence interval, which
// makes no assumption on how the values are distributed.
type summary struct{ median, low, high float64 }

func summarize(values []float64) summary {
	s := benchmath.AssumeNothing.Summary(newSample(values), confidence)
	return summary{s.Center, s.Lo, s.Hi}
}

// newSample leaves values in their order; benchmath sorts its own.
func newSample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}

// format writes the median and, in parentheses, the interval.
func (s summary) format(verb string) string {
	if math.IsInf(s.low, 0) || math.IsInf(s.high, 0) {
		return fmt.Sprintf(verb, s.median)
	}
	return fmt.Sprintf(verb+" ("+verb+" – "+verb+")", s.median, s.low, s.high)
}

func (s summary) scale(factor float64) summary {
	return summary{s.median * factor, s.low * factor, s.high * factor}
}
