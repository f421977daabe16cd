// Mutate measures what each directive of a service does. It runs as root on a
// machine where the packages are installed and test/tools/probe takes the place
// of the binary. It starts the unit as it is, then the unit without each
// directive, and a bare unit with each directive added; it compares what the
// probe can do, and the properties of the probe's process. It writes a line of
// JSON for each unit, of the type directives.Measurement:
//
//	mutate -subject foobar.service >measured.jsonl
//
// It changes the machine: use one that is thrown away. Read subject.go first;
// TestMeasureDirectives in test/booted runs it. With -properties it prints the
// properties of the process of a running unit, or with -replaced those of a process
// that it has the unit start instead of its own.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"foobar/test/directives"
)

func main() {
	name := flag.String("subject", "foobar.service", "the unit to measure")
	kind := flag.String("change", "without", "what to measure: the unit without each directive, or each directive alone")
	only := flag.String("only", "", "measure these directives alone, separated by commas")
	part := flag.Int("part", 0, "measure every second directive, from the first (0) or the second (1)")
	calls := flag.String("calls", "", "the names of the system calls, such as 0=read,1=write")
	properties := flag.Bool("properties", false, "print the properties of the unit's process")
	replaced := flag.Bool("replaced", false, "with -properties: start the unit, whose program is this one, with a process that waits")
	settings := flag.String("settings", "", "with -properties: settings to print beside those of the unit, separated by commas")
	waits := flag.Bool("wait", false, "wait for SIGTERM: a unit has started this process because of -replaced")
	flag.Parse()
	var err error
	switch {
	case *waits:
		wait()
	case *properties:
		err = printProperties(*name, *replaced, split(*settings), split(*calls))
	default:
		err = run(*name, *kind, *part, split(*only), split(*calls))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func run(name, kind string, part int, only, calls []string) error {
	s, err := findSubject(name)
	if err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	whole, err := s.read()
	if err != nil {
		return err
	}
	if s.calls, err = numbers(calls); err != nil {
		return err
	}
	r := runner{subject: s, part: part, only: only, out: json.NewEncoder(os.Stdout)}
	if kind == "alone" {
		return r.alone(whole)
	}
	return r.without(whole)
}

// A runner runs units and reports measurements.
type runner struct {
	subject subject
	part    int
	only    []string
	out     *json.Encoder
}

// without measures the unit, and the unit without each directive.
func (r *runner) without(whole unit) error {
	base, err := r.measureBase("", whole)
	if err != nil {
		return err
	}
	for _, c := range r.selected(whole.cuts()) {
		m := r.compare("without", c, base, c.apply(whole))
		if err := r.out.Encode(m); err != nil {
			return err
		}
	}
	return nil
}

// alone measures the bare units, and each directive added to one of them.
func (r *runner) alone(whole unit) error {
	bare, err := r.measureBase("bare", r.subject.bare(whole, false))
	if err != nil {
		return err
	}
	rooted := bare
	if whole.has("RootDirectory") {
		if rooted, err = r.measureBase("rooted", r.subject.bare(whole, true)); err != nil {
			return err
		}
		if err := r.root(whole, bare, rooted); err != nil {
			return err
		}
	}
	for _, c := range r.selected(whole.additions(slices.Concat(r.subject.kept, r.subject.rooted))) {
		base := bare
		if c.needsRoot() {
			base = rooted
		}
		m := r.compare("alone", c, base, c.add(base.unit))
		m.Base = base.change
		if err := r.out.Encode(m); err != nil {
			return err
		}
	}
	return nil
}

// root reports what a root directory alone does: it needs the binary in it, and
// so is a bare unit of its own.
func (r *runner) root(whole unit, bare, rooted base) error {
	cuts := whole.cuts()
	i := slices.IndexFunc(cuts, func(c change) bool { return c.name == "RootDirectory" })
	for _, c := range r.selected(cuts[i : i+1]) {
		m := difference(bare.observation, rooted.observation, bare.unstable)
		m.Subject, m.Change, m.Directive, m.Value, m.Base = r.subject.name, "alone", c.name, c.value, bare.change
		m.Exposure = rooted.exposure
		return r.out.Encode(m)
	}
	return nil
}

func (r *runner) selected(all []change) []change {
	var some []change
	for i, c := range all {
		if i%2 == r.part && (len(r.only) == 0 || slices.Contains(r.only, c.name)) {
			some = append(some, c)
		}
	}
	return some
}

// A base is a unit that changes are compared with.
type base struct {
	change string
	unit   unit
	observation
	// unstable holds what two runs of the same unit do not agree on, but for
	// attempts: one that succeeds once is possible.
	unstable map[string]bool
}

// measureBase observes a unit twice, and reports it.
func (r *runner) measureBase(change string, u unit) (base, error) {
	first, err := r.subject.observe(u)
	if err != nil {
		return base{}, fmt.Errorf("the %s unit of %s: %w", change, r.subject.unit, err)
	}
	second, err := r.subject.observe(u)
	if err != nil {
		return base{}, fmt.Errorf("the %s unit of %s, again: %w", change, r.subject.unit, err)
	}
	second.addAttempts(first)
	m := difference(observation{}, second, nil)
	m.Subject, m.Change, m.Exposure = r.subject.name, change, second.exposure
	m.Gained = nil // most of it is the machine's; TestProcessProperties has the rest
	return base{change, u, second, unstable(first, second)}, r.out.Encode(m)
}

// compare observes a changed unit.
func (r *runner) compare(kind string, c change, with base, u unit) directives.Measurement {
	o, err := r.subject.observe(u)
	m := directives.Measurement{}
	if err != nil {
		m.Failure = err.Error()
	} else {
		m = difference(with.observation, r.again(o, with, u), with.unstable)
		m.Exposure = o.exposure
	}
	m.Subject, m.Change, m.Directive, m.Value = r.subject.name, kind, c.name, c.value
	fmt.Fprintf(os.Stderr, "%s %s=%s %s\n", kind, c.name, c.value, m.Failure)
	return m
}

// again observes a unit a second time if attempts fail that succeed without the
// change: on a busy machine, one may take too long and be taken for denied.
func (r *runner) again(o observation, with base, u unit) observation {
	if len(subtract(with.attempts, o.attempts, nil)) == 0 {
		return o
	}
	if second, err := r.subject.observe(u); err == nil {
		o.addAttempts(second)
	}
	return o
}
