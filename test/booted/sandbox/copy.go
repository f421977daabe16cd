package sandbox

import (
	"fmt"
	"strings"
)

// A Copy is the sandbox of a service that was made of the bare tree, and its section in
// docs/sandbox.md.
type Copy struct {
	Heading string // of the section, a line of Markdown
	About   string // one sentence
	// Attempts and Paths are those that foobar.service does not have. The paths of
	// foobar.service have the name of the copy.
	Attempts, Paths []Entry
	// Measured are the level of systemd-analyze security, and the system calls that the
	// filter allows and that of foobar.service does not.
	Exposure string
	Syscalls []string
}

// Section returns the text.
func (c Copy) Section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n`systemd-analyze security` reports exposure %s.\n", c.Heading, c.About, c.Exposure)
	if len(c.Attempts) == 0 {
		b.WriteString("The attempts of foobar.service succeed, and no others.\n")
	} else {
		b.WriteString("Beside the attempts of foobar.service, these succeed:\n\n| Attempt | What needs it, and what an intruder gains |\n|---|---|\n")
		for _, e := range c.Attempts {
			fmt.Fprintf(&b, "| `%s` | %s |\n", e.Name, e.Reason)
		}
		b.WriteString("\n")
	}
	if len(c.Syscalls) == 0 {
		b.WriteString("The system calls are those of foobar.service.\n")
	} else {
		fmt.Fprintf(&b, "The system calls are those of foobar.service and %s.\n", wrapped(c.Syscalls))
	}
	if len(c.Paths) == 0 {
		b.WriteString("The paths are those of foobar.service, under the name of the service.\n")
		return b.String()
	}
	b.WriteString("The paths of foobar.service have the name of the service, and these differ; `-` stands for one that can no\nlonger be opened:\n\n| Path | | What it is |\n|---|---|---|\n")
	for _, e := range c.Paths {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", e.Name, e.Modes, e.Reason)
	}
	return b.String()
}

// CheckPaths is Report.CheckPaths for a copy with that name.
func (c Copy) CheckPaths(r *Report, name string) []string {
	entries := merge(c.Paths, AllowedPaths())
	for i := range entries {
		entries[i].Name = strings.ReplaceAll(entries[i].Name, "foobar", name)
	}
	return r.CheckPaths(entries)
}

// Section returns the section of a document that begins with a heading of the second
// level, up to the next one, without blank lines around it. It is "" if there is none.
func Section(document, heading string) string {
	_, rest, found := strings.Cut(document, "\n"+heading+"\n")
	if !found {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return heading + "\n" + strings.TrimRight(rest, "\n") + "\n"
}

// ReplaceSection returns a document with another text of a section, or with the section
// in front of the volatile part if there was none.
func ReplaceSection(document, heading, section string) string {
	if old := Section(document, heading); old != "" {
		return strings.Replace(document, old, section, 1)
	}
	return strings.Replace(document, Volatile, section+"\n"+Volatile, 1)
}
