package main

import (
	"fmt"
	"slices"
	"strings"
)

// printProperties prints the properties of the running service's process that
// do not depend on the machine, and what systemd has in force of each directive.
func printProperties() error {
	s, err := findSubject("foobar.service")
	if err != nil {
		return err
	}
	if _, err := s.read(); err != nil {
		return err
	}
	pid, err := s.pid()
	if err != nil {
		return err
	}
	process, err := properties(pid)
	if err != nil {
		return err
	}
	settings, err := s.settings()
	if err != nil {
		return err
	}
	all := slices.Concat(process, settings)
	slices.Sort(all)
	for _, p := range slices.Compact(all) {
		if !dependsOnMachine(p) {
			fmt.Println(p)
		}
	}
	return nil
}

// dependsOnMachine reports whether a property is the machine's: a limit that
// the unit does not set or that the machine has set lower, or a control group's
// setting, for which it may lack the controller. SystemCallFilter= is compared
// with the traced calls by TestSystemCalls.
func dependsOnMachine(property string) bool {
	switch kind, rest, _ := strings.Cut(property, " "); kind {
	case "limit":
		return !strings.HasPrefix(rest, "Max core file size") && !strings.HasPrefix(rest, "Max realtime priority")
	case "control":
		return true
	case "setting":
		return strings.HasPrefix(rest, "SystemCallFilter=")
	}
	return false
}
