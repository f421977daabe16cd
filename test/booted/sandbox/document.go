package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Volatile is the heading of the part of docs/sandbox.md that depends on the
// machine on which it was measured.
const Volatile = "## Side by side"

// A Column is one sandbox in docs/sandbox.md.
type Column struct {
	Name     string
	Report   *Report
	Through  []int   // system calls let through
	Exposure string  // of systemd-analyze security
	Needed   []Entry // attempts that succeed because the service needs them
}

// Document is docs/sandbox.md.
type Document struct {
	// Service holds the names of the system calls that the filter of
	// foobar.service lets through on every release.
	Service []string
	// Etcd holds the names of those that it lets through with foobar-etcd only.
	Etcd []string
	// Copies holds the sections about copied services, which other tests write.
	Copies []string
	// Kernel is the release of the kernel, and Known the number of its system
	// calls.
	Kernel  string
	Known   int
	Columns []Column
	// Missing holds a sentence for each sandbox that could not be measured.
	Missing []string
	// Name names system calls.
	Name func(int) string
}

// String returns the text.
func (d *Document) String() string {
	var b strings.Builder
	d.stable(&b)
	fmt.Fprintf(&b, "%s\n\n", Volatile)
	d.figures(&b)
	d.attempts(&b)
	d.syscalls(&b)
	return b.String()
}

func (d *Document) stable(b *strings.Builder) {
	fmt.Fprintf(b, `# What can be done from inside

Written by a test (`+"`FOOBAR_WRITE=1 go test -tags testbed -run TestSandbox ./test/booted`"+`).
The test replaces the service's binary in the installed unit by the program
`+"`test/tools/probe`"+`, changes nothing else, and lets it try what an intruder would
try who controls the service. `+"`systemd-analyze security`"+` counts settings; this page
lists what they block.

The service's binary is a plain static ELF file and not position-independent.
Without cgo Go makes no static PIE, and a dynamic one would need a loader in the
root directory. An intruder therefore knows the addresses of the binary's code,
and not those of stacks, heap and kernel.

## What succeeds

| Attempt | What needs it, and what an intruder gains |
|---|---|
`)
	for _, e := range AllowedAttempts() {
		fmt.Fprintf(b, "| `%s` | %s |\n", e.Name, e.Reason)
	}
	b.WriteString(deniedText)
	fmt.Fprintf(b, "%d are allowed:\n%s.\nAll others fail with `EPERM`, and a 32-bit call ends the thread that makes it. The kernel does not\n"+
		"filter `uprobe` and `uretprobe`; they do nothing in a process into which the\nadministrator has not put a probe.\n\n",
		len(d.Service), wrapped(d.Service))
	fmt.Fprintf(b, "## Paths\n\n`r` means read or listed, `w` written, `x` executed. There are no other paths: no\n`/sys`, no `/dev`, no `/tmp`, no other process.\n\n| Path | | What it is |\n|---|---|---|\n")
	for _, e := range AllowedPaths() {
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", e.Name, strings.TrimSuffix(e.Modes, "?"), e.Reason)
	}
	d.withEtcd(b)
	b.WriteString(otherArchitecture)
	for _, section := range d.Copies {
		b.WriteString(section + "\n")
	}
}

// withEtcd writes what the package foobar-etcd opens.
func (d *Document) withEtcd(b *strings.Builder) {
	b.WriteString("\n## With foobar-etcd\n\nThe drop-ins of the packages `foobar-etcd` and `foobar-etcd-policy` open what the client\n" +
		"of etcd needs. These attempts succeed too:\n\n| Attempt | What needs it, and what an intruder gains |\n|---|---|\n")
	for _, e := range attempts(etcdAllowedText) {
		fmt.Fprintf(b, "| `%s` | %s |\n", e.Name, e.Reason)
	}
	fmt.Fprintf(b, "\n%d system calls are allowed: those above and %s.\n", len(d.Service)+len(d.Etcd), wrapped(d.Etcd))
	b.WriteString("These paths differ; `-` stands for one that can no longer be opened:\n\n| Path | | What it is |\n|---|---|---|\n")
	for _, e := range paths(etcdPathsText) {
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", e.Name, e.Modes, e.Reason)
	}
}

const deniedText = `
Everything else is denied. No setting denies the instructions of the processor, nor
the clocks that the vDSO reads: an intruder learns the processor's model (` + "`cpuid`" + `), can
measure times by its counter (` + "`rdtsc`" + `), and learns how long the machine has run. No
file and no handler gets the memory of a crash, which has the private key in it
(LimitCORE=1; TestSettings in test/vm has a handler wait for it).

## System calls

`

// otherArchitecture is true while TestAarch64 in test/vm succeeds.
const otherArchitecture = `
## aarch64

` + "`test/vm/aarch64`" + ` builds the package for aarch64, installs it on a virtual machine
of that architecture (Debian forky, Linux 7.2, systemd 262, a Cortex-A53 that qemu
emulates) and compares: the same attempts succeed, the same paths can be opened, and
the service makes 43 of the 48 system calls and no other. The units beside it make
credentials, check new ones and bring them into service, and open a socket at a new
address. Their programs make no call that is denied but madvise(2), by which glibc asks
for huge pages on this architecture, and which it does not need. A reboot keeps the state.

`

func (d *Document) figures(b *strings.Builder) {
	fmt.Fprintf(b, "Measured with Linux %s, which knows %d system calls.\n", d.Kernel, d.Known)
	for _, m := range d.Missing {
		fmt.Fprintf(b, "%s\n", m)
	}
	b.WriteString("\n| |")
	for _, c := range d.Columns {
		fmt.Fprintf(b, " %s |", c.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(d.Columns)) + "\n")
	for _, row := range []struct {
		name  string
		value func(Column) string
	}{
		{"attempts that succeed", func(c Column) string {
			return fmt.Sprintf("%d of %d", len(c.Report.Succeeded()), len(c.Report.Attempts))
		}},
		{"… that the service does not need", func(c Column) string { return fmt.Sprint(len(c.beyond())) }},
		{"system calls let through", func(c Column) string { return fmt.Sprint(len(c.Through)) }},
		{"files that can be opened", func(c Column) string { return fmt.Sprint(len(c.Report.Where(ReadableFile))) }},
		{"… in `/sys`", func(c Column) string { return fmt.Sprint(len(Below("/sys", c.Report.Where(ReadableFile)))) }},
		{"… in `/proc`, not of the process itself", func(c Column) string {
			files := c.Report.Where(ReadableFile)
			return fmt.Sprint(len(Below("/proc", files)) - len(Below("/proc/self", files)) - len(Below("/proc/thread-self", files)))
		}},
		{"paths that can be written, outside `/proc`", func(c Column) string {
			paths := c.Report.Where(Writable)
			return fmt.Sprint(len(paths) - len(Below("/proc", paths)))
		}},
		{"files that can be executed", func(c Column) string { return fmt.Sprint(len(c.Report.Where(Executable))) }},
		{"`systemd-analyze security`", func(c Column) string { return c.Exposure }},
	} {
		fmt.Fprintf(b, "| %s |", row.name)
		for _, c := range d.Columns {
			fmt.Fprintf(b, " %s |", row.value(c))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nPaths that can be written and files that can be executed include those that the\nprobe itself has made in the state directory.\n")
}

// beyond returns the attempts that succeed and that the service does not need.
func (c Column) beyond() []string {
	return slices.DeleteFunc(slices.Clone(c.Report.Succeeded()), func(name string) bool {
		return slices.ContainsFunc(c.Needed, func(e Entry) bool { return e.Name == name })
	})
}

// attempts writes a table of the attempts that succeed in some sandbox.
func (d *Document) attempts(b *strings.Builder) {
	b.WriteString("\n### Attempts that succeed\n\n| Attempt | What |")
	for _, c := range d.Columns {
		fmt.Fprintf(b, " %s |", c.Name)
	}
	b.WriteString("\n|---|---|" + strings.Repeat(":-:|", len(d.Columns)) + "\n")
	done := map[string]bool{}
	for _, from := range d.Columns {
		for _, a := range from.Report.Attempts {
			if !a.Allowed || done[a.Name] {
				continue
			}
			done[a.Name] = true
			fmt.Fprintf(b, "| `%s` | %s |", a.Name, a.What)
			for _, c := range d.Columns {
				mark := ""
				if slices.Contains(c.Report.Succeeded(), a.Name) {
					mark = "×"
				}
				fmt.Fprintf(b, " %s |", mark)
			}
			b.WriteString("\n")
		}
	}
}

func (d *Document) syscalls(b *strings.Builder) {
	b.WriteString("\n### System calls let through\n")
	for i, c := range d.Columns {
		same := func(o Column) bool { return slices.Equal(o.Through, c.Through) }
		if slices.ContainsFunc(d.Columns[:i], same) {
			continue
		}
		heading := c.Name
		for _, o := range d.Columns[i+1:] {
			if same(o) {
				heading += "; " + o.Name
			}
		}
		var names []string
		for _, n := range c.Through {
			names = append(names, d.Name(n))
		}
		slices.Sort(names)
		fmt.Fprintf(b, "\n%s: %d\n\n%s.\n", heading, len(names), wrapped(names))
	}
}

// wrapped joins names in lines of at most 79 characters.
func wrapped(names []string) string {
	var b strings.Builder
	width := 0
	for i, name := range names {
		if i > 0 {
			b.WriteString(",")
			if width += 2; width+len(name) > 76 {
				b.WriteString("\n")
				width = 0
			} else {
				b.WriteString(" ")
			}
		}
		b.WriteString("`" + name + "`")
		width += len(name) + 2
	}
	return b.String()
}
