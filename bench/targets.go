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

// A verdict is what the measurement says of a target.
type verdict int

const (
	reached verdict = iota
	missed
	undecided
)

// verdict compares the whole interval with the target: one that contains it
// decides nothing, and one of a busy machine neither.
func (t target) verdict() verdict {
	switch {
	case t.others > maxOthers:
		return undecided
	case t.measured.low >= t.least:
		return reached
	case t.measured.high < t.least:
		return missed
	}
	return undecided
}

func (t target) row() []string {
	result := "reached"
	switch v := t.verdict(); {
	case v == missed:
		result = "**missed**"
	case v == undecided && t.others > maxOthers:
		result = fmt.Sprintf("undecided: other programs used %.0f %% of a core", 100*t.others)
	case v == undecided:
		result = "undecided: the interval contains the target"
	}
	return []string{t.text, fmt.Sprintf("%.2f", t.least), t.measured.format("%.2f"), result}
}

// addTarget adds a target to the section that is being measured.
func (r *report) addTarget(t target) { r.pending = append(r.pending, t) }

// verdict returns an error that says which targets were missed, or not decided.
func (r *report) verdict() error {
	texts := map[verdict][]string{}
	for _, t := range r.targets {
		texts[t.verdict()] = append(texts[t.verdict()], t.text)
	}
	fmt.Fprintf(r.out, "\n%d targets reached, %d missed, %d undecided\n", len(texts[reached]), len(texts[missed]), len(texts[undecided]))
	var err error
	if list := texts[missed]; list != nil {
		err = fmt.Errorf("%w: %s", errMissed, strings.Join(list, "; "))
	}
	if list := texts[undecided]; list != nil {
		err = errors.Join(err, fmt.Errorf("%w: %s", errUndecided, strings.Join(list, "; ")))
	}
	return err
}
