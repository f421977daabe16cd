package main

import (
	"errors"
	"fmt"
	"strings"
)

// A target is a ratio that foobar promises to reach, stated so that more is
// better.
type target struct {
	text     string
	least    float64
	measured summary
	// others is the share of a core that other programs used meanwhile, if that
	// spoils the figure: rates and latencies. CPU time per request holds.
	others float64
}

// maxOthers is the share of a core that other programs may use while a rate or a
// latency is measured.
const maxOthers = 0.1

// reached reports whether the target is met with confidence: the lower end of
// the interval reaches it.
func (t target) reached() bool { return t.measured.low >= t.least }

// decided reports whether the machine was quiet enough for a verdict.
func (t target) decided() bool { return t.others <= maxOthers }

func (t target) row() []string {
	verdict := "reached"
	switch {
	case !t.decided():
		verdict = fmt.Sprintf("undecided: other programs used %.0f %% of a core", 100*t.others)
	case !t.reached():
		verdict = "**missed**"
	}
	return []string{t.text, fmt.Sprintf("%.2f", t.least), t.measured.format("%.2f"), verdict}
}

// addTarget adds a target to the section that is being measured.
func (r *report) addTarget(t target) { r.pending = append(r.pending, t) }

// verdict returns an error that says which targets were missed, or not decided.
func (r *report) verdict() error {
	var missed, undecided []string
	for _, t := range r.targets {
		switch {
		case !t.decided():
			undecided = append(undecided, t.text)
		case !t.reached():
			missed = append(missed, t.text)
		}
	}
	reached := len(r.targets) - len(missed) - len(undecided)
	fmt.Fprintf(r.out, "\n%d targets reached, %d missed, %d undecided\n", reached, len(missed), len(undecided))
	var err error
	if len(missed) > 0 {
		err = fmt.Errorf("%w: %s", errMissed, strings.Join(missed, "; "))
	}
	if len(undecided) > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %s", errUndecided, strings.Join(undecided, "; ")))
	}
	return err
}
