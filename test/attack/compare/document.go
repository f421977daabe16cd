package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The lines around what this program writes in docs/attacks.md.
const (
	beginMark = "<!-- test/attack/run -->\n"
	endMark   = "<!-- end of test/attack/run -->\n"
)

const (
	// longWait is how long a client that behaves may wait, and memoryMax is
	// MemoryMax= of the unit, in bytes.
	longWait  = time.Second
	memoryMax = 1 << 30
)

// writeDocument replaces the part of docs/attacks.md between the marks or, with
// -only, what is there of the rows.
func (o options) writeDocument(rows []row) error {
	if !o.write {
		return nil
	}
	path := filepath.Join(o.repo, "docs/attacks.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	part, after, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return fmt.Errorf("%s: no lines %q and %q mark where the tables go", path, beginMark, endMark)
	}
	if o.only == "" {
		part = tables(rows)
	}
	for _, r := range rows {
		part = replaceFrom(part, "\n| "+r.attack.Name+" |", "\n", r.line())
		part = replaceFrom(part, "\n### "+upperFirst(r.attack.Name)+"\n", "\n### ", r.section())
	}
	return os.WriteFile(path, []byte(before+beginMark+part+endMark+after), 0o644)
}

// replaceFrom replaces what begins with start and ends before end.
func replaceFrom(text, start, end, by string) string {
	before, rest, ok := strings.Cut(text, start)
	if !ok {
		return text
	}
	_, after, more := strings.Cut(rest, end)
	if !more {
		return before + by + "\n"
	}
	return before + by + end + after
}

func tables(rows []row) string {
	var b strings.Builder
	b.WriteString("\n| attack |")
	for _, p := range peers() {
		fmt.Fprintf(&b, " %s |", p.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(peers())))
	for _, r := range rows {
		b.WriteString(r.line())
	}
	b.WriteString("\n")
	for _, r := range rows {
		b.WriteString(r.section())
	}
	return b.String() + "\n"
}

// line is the row of the first table.
func (r row) line() string {
	line := "\n| " + r.attack.Name + " |"
	for _, got := range r.outcomes {
		line += " " + got.verdict() + " |"
	}
	return line
}

// section describes the attack, and has a table of its own.
func (r row) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", upperFirst(r.attack.Name))
	fmt.Fprintf(&b, "%d connections%s. Each %s.\n\n", r.attack.Connections, again(r.attack.Repeat), r.attack.Does)
	b.WriteString("| | sent, MiB | CPU, s | peak memory, MiB | client's p50, ms | p99, ms | retries | outcome |\n|---|---|---|---|---|---|---|---|\n")
	for _, got := range r.outcomes {
		fmt.Fprintf(&b, "| %s | %s |\n", got.server, got.cells())
	}
	return b.String()
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func again(repeat bool) string {
	if repeat {
		return ", each replaced when it ends"
	}
	return ""
}

// cells are the columns of a table after the first.
func (o outcome) cells() string {
	if o.skipped {
		return " |  |  |  |  |  | " + o.verdict()
	}
	cells := []string{mebibytes(o.result.Sent), "", "", "", "", fmt.Sprint(o.client.Retries), o.verdict()}
	if o.err == nil {
		cells[1], cells[2] = fmt.Sprintf("%.1f", o.usage.CPU.Seconds()), fmt.Sprint(o.usage.Peak>>20)
	}
	cells[3], cells[4] = milliseconds(o.client.Quantile(0.5)), milliseconds(o.client.Quantile(0.99))
	return strings.Join(cells, " | ")
}

// verdict says in words what became of the server and its clients.
func (o outcome) verdict() string {
	switch {
	case o.skipped:
		return "does not apply"
	case o.err != nil:
		return "**the server has ended**"
	case len(o.client.Errors) > 0:
		return "**outage**: clients get no response"
	case o.usage.Peak > memoryMax:
		return "**out of memory**"
	case o.client.Quantile(0.99) > longWait:
		return "**outage**: clients wait"
	}
	return "serves"
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()*1000) }
