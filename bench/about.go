package main

import (
	"debug/buildinfo"
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
	for _, args := range [][]string{{nginx, "-v"}, {"wrk", "-v"}, {"h2load", "--version"}} {
		out, _ := exec.Command(args[0], args[1:]...).CombinedOutput() // wrk says its version and fails
		versions = append(versions, args[0]+" "+number(string(out)))
	}
	if info, err := buildinfo.ReadFile(b.place.bin(caddy)); err == nil { // -quick has none
		versions = append(versions, "caddy "+number(info.Main.Version))
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
