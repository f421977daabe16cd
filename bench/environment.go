package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// environment prints what the figures were measured with.
func (b *benchmark) environment() error {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	processor := "an unnamed processor"
	if match := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(cpus); match != nil {
		processor = string(match[1])
	}
	tools := []string{
		"Linux " + findVersion(string(kernel)), runtime.Version(),
		"wrk " + b.packageVersion("/usr/bin/wrk", "-v"), "h2load " + b.packageVersion("/usr/bin/h2load", "--version"),
	}
	b.report.paragraph("Measured on %d cores of %s: %s.", countCores(), processor, strings.Join(tools, ", "))
	b.report.paragraph("TLS 1.3 with AES-128-GCM and ECDSA P-256; %d keep-alive connections unless a table says otherwise. "+
		"The server has one core and its clients another. "+
		"Each figure is the median of %d turns of %s and, in parentheses, its confidence interval (%.0f %%). "+
		"In each round every server has its turn; ratios are those within a round. "+
		"A target is reached if the lower end of its interval is. "+
		"Foobar has its shipped configuration: every timeout, limit and metric is on. The others:",
		connections, b.rounds, b.duration, 100*confidence)
	return b.describePeers()
}

// versionOf returns the version of a peer from a package.
func (b *benchmark) versionOf(p peer) string {
	args := b.workdir.inRoot(p.root, p.version...)
	out, _ := exec.Command(args[0], args[1:]...).CombinedOutput() // without a version the figures stand
	return findVersion(string(out))
}

// packageVersion returns the version of a tool of the newest release.
func (b *benchmark) packageVersion(args ...string) string {
	args = b.workdir.inRoot(newest, args...)
	out, _ := exec.Command(args[0], args[1:]...).CombinedOutput() // wrk prints its version and fails
	return findVersion(string(out))
}

// findVersion finds the version in what a program prints.
func findVersion(text string) string { return regexp.MustCompile(`\d+(\.\d+)+`).FindString(text) }
