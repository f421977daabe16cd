package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A section is one part of the report, which can be measured alone.
type section struct {
	name    string
	measure func(*benchmark) error
}

func sections() []section {
	all := []section{{"environment", (*benchmark).environment}}
	for _, w := range workloads() {
		all = append(all, section{w.name, func(b *benchmark) error { return b.table(w) }})
	}
	all = append(all, section{"latency", (*benchmark).latency})
	for _, d := range dimensions() {
		all = append(all, section{d.name, func(b *benchmark) error { return b.scaling(d) }})
	}
	return append(all,
		section{"cluster", (*benchmark).cluster},
		section{"memory", (*benchmark).memory},
		section{"handshakes", (*benchmark).handshakes},
		section{"resumption", (*benchmark).resumption},
		section{"sandbox", (*benchmark).sandbox},
		section{"start", (*benchmark).start},
	)
}

func sectionNames() []string {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	return names
}

// chooseSections returns the sections of a comma-separated list, or all. The
// environment is part of each choice.
func chooseSections(only, revision string) ([]section, error) {
	if revision != "" {
		return []section{{"compare", func(b *benchmark) error { return b.compare(revision) }}}, nil
	}
	all := sections()
	if only == "" {
		return all, nil
	}
	chosen := append(strings.Split(only, ","), "environment")
	for _, name := range chosen {
		if !slices.Contains(sectionNames(), name) {
			return nil, fmt.Errorf("no section is called %q: the sections are %s", name, strings.Join(sectionNames(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(s section) bool { return !slices.Contains(chosen, s.name) }), nil
}

// runSections measures each section, and goes on after one that fails. With
// write, each is in the document as soon as it is measured.
func (b *benchmark) runSections(chosen []section, write bool) error {
	var failures []error
	for _, s := range chosen {
		b.report.begin(s.name)
		if err := s.measure(b); err != nil {
			b.report.drop()
			failures = append(failures, fmt.Errorf("section %s: %w", s.name, err))
			continue
		}
		b.report.end()
		if !write {
			continue
		}
		if err := b.report.write(b.workdir.repo + "/bench"); err != nil {
			return err
		}
	}
	return errors.Join(failures...)
}
