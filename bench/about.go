package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// about says what the figures were measured with.
func (b *bench) about() error {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	versions := []string{"Linux " + number(string(kernel)), runtime.Version()}
	for _, tool := range []struct {
		name string
		args []string
	}{
		{nginx, []string{"nginx", "-v"}},
		{caddy, []string{b.place.bin("caddy"), "version"}},
		{"wrk", []string{"wrk", "-v"}},
		{"h2load", []string{"h2load", "--version"}},
	} {
		if tool.name == caddy && b.quick {
			continue
		}
		out, _ := exec.Command(tool.args[0], tool.args[1:]...).CombinedOutput() // wrk says its version and fails
		versions = append(versions, tool.name+" "+number(string(out)))
	}
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	processor := "an unnamed processor"
	if match := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(cpus); match != nil {
		processor = string(match[1])
	}
	b.report.paragraph("Measured on %d cores of %s: %s.", len(allCores()), processor, strings.Join(versions, ", "))
	b.report.paragraph("TLS 1.3 with AES-128-GCM and ECDSA P-256; %d keep-alive connections unless a table says otherwise. "+
		"The server has one core and its clients another. "+
		"A figure is the median of %d rounds of %s (and the lowest and the highest), in each of which every server had its turn; "+
		"ratios are those within a round. Foobar has its shipped configuration: every timeout, limit and metric is on.",
		connections, b.rounds, b.round)
	return nil
}

// number finds the version in what a program says of itself.
func number(said string) string {
	return regexp.MustCompile(`\d+(\.\d+)+`).FindString(said)
}
