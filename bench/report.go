package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"foobar/plot"
)

// A report is Markdown, shown as it comes and kept for bench/README.md.
type report struct {
	out   io.Writer
	text  bytes.Buffer
	plots map[string][]plot.Chart // by file name
	bars  []bar
}

func newReport(out io.Writer) *report {
	return &report{out: out, plots: map[string][]plot.Chart{}}
}

// A bar is a ratio that foobar promises to reach.
type bar struct {
	what     string
	least    float64
	measured spread
}

func (b bar) met() bool { return b.measured.median >= b.least }

func (r *report) print(format string, args ...any) {
	fmt.Fprintf(io.MultiWriter(r.out, &r.text), format, args...)
}

func (r *report) section(title string) { r.print("\n### %s\n\n", title) }

func (r *report) paragraph(format string, args ...any) { r.print(format+"\n\n", args...) }

// table prints rows under a header; all columns but the first are numbers.
func (r *report) table(header []string, rows [][]string) {
	r.print("| %s |\n|---|%s\n", strings.Join(header, " | "), strings.Repeat("---:|", len(header)-1))
	for _, row := range rows {
		r.print("| %s |\n", strings.Join(row, " | "))
	}
}

func (r *report) plot(file, what string, charts ...plot.Chart) {
	r.plots[file] = charts
	r.print("\n![%s](%s)\n", what, file)
}

// hold notes a bar, which verdict prints.
func (r *report) hold(what string, least float64, measured spread) {
	r.bars = append(r.bars, bar{what, least, measured})
}

// verdict says which bars were met, and whether all were.
func (r *report) verdict() bool {
	if len(r.bars) == 0 {
		return true
	}
	r.section("The bar")
	all := true
	rows := make([][]string, len(r.bars))
	for i, b := range r.bars {
		verdict := "bar met"
		if !b.met() {
			verdict, all = "**bar missed**", false
		}
		rows[i] = []string{b.what, fmt.Sprintf("%.2f", b.least), b.measured.format("%.2f"), verdict}
	}
	r.table([]string{"ratio of rates", "at least", "measured", ""}, rows)
	return all
}

// What is between these lines of bench/README.md is the last report.
const (
	begin = "<!-- bench/run -write begins here -->\n"
	end   = "<!-- bench/run -write ends here -->\n"
)

// write puts the report and its plots into a directory with a README.md.
func (r *report) write(dir string) error {
	path := filepath.Join(dir, "README.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the report", path)
	}
	for name, charts := range r.plots {
		var svg bytes.Buffer
		if err := plot.SVG(&svg, charts...); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), svg.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(before+begin+r.text.String()+"\n"+end+after), 0o644)
}
