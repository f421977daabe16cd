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
	memoryMax = 768 << 20
)

// writeDocument replaces the part of docs/attacks.md between the marks.
func (o options) writeDocument(rows []row) error {
	path := filepath.Join(o.repo, "docs/attacks.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return fmt.Errorf("%s: no lines %q and %q mark where the tables go", path, beginMark, endMark)
	}
	return os.WriteFile(path, []byte(before+beginMark+tables(rows)+endMark+after), 0o644)
}

func tables(rows []row) string {
	var b strings.Builder
	b.WriteString(summary(rows))
	for _, r := range rows {
		fmt.Fprintf(&b, "\n### %s\n\n", upperFirst(r.attack.Name))
		fmt.Fprintf(&b, "%d connections%s. Each %s.\n\n", r.attack.Connections, again(r.attack.Repeat), r.attack.Does)
		b.WriteString("| | sent, MiB | CPU, s | peak memory, MiB | client's p50, ms | p99, ms | retries | outcome |\n|---|---|---|---|---|---|---|---|\n")
		for _, got := range r.outcomes {
			fmt.Fprintf(&b, "| %s | %s |\n", got.server, got.cells())
		}
	}
	b.WriteString("\n")
	return b.String()
}

// summary has one line for each attack.
func summary(rows []row) string {
	var b strings.Builder
	b.WriteString("\n| attack |")
	for _, p := range peers() {
		fmt.Fprintf(&b, " %s |", p.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(peers())) + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |", r.attack.Name)
		for _, got := range r.outcomes {
			fmt.Fprintf(&b, " %s |", got.verdict())
		}
		b.WriteString("\n")
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
