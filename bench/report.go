package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A report is Markdown. It is printed as it is measured, and kept section by
// section for bench/README.md.
type report struct {
	out      io.Writer
	sections []*sectionText
	targets  []target // of all sections
	pending  []target // of the section that is being measured
}

// A sectionText is a finished section.
type sectionText struct {
	name  string
	text  bytes.Buffer
	plots map[string][]byte // SVG by file name
}

func newReport(out io.Writer) *report { return &report{out: out} }

// begin starts a section; what is printed until end belongs to it.
func (r *report) begin(name string) {
	r.sections = append(r.sections, &sectionText{name: name, plots: map[string][]byte{}})
}

// end finishes a section with the table of its targets.
func (r *report) end() {
	if len(r.pending) > 0 {
		rows := make([][]string, len(r.pending))
		for i, t := range r.pending {
			rows[i] = t.row()
		}
		r.print("\n")
		r.table([]string{"target", "at least", "measured", ""}, rows)
	}
	r.targets = append(r.targets, r.pending...)
	r.pending = nil
}

// drop forgets a section that could not be measured.
func (r *report) drop() {
	r.sections, r.pending = r.sections[:len(r.sections)-1], nil
}

func (r *report) current() *sectionText { return r.sections[len(r.sections)-1] }

func (r *report) print(format string, args ...any) {
	fmt.Fprintf(io.MultiWriter(r.out, &r.current().text), format, args...)
}

func (r *report) title(title string) { r.print("\n### %s\n\n", title) }

func (r *report) paragraph(format string, args ...any) { r.print(format+"\n\n", args...) }

// table prints rows under a header; all columns but the first hold numbers.
func (r *report) table(header []string, rows [][]string) {
	r.print("| %s |\n|---|%s\n", strings.Join(header, " | "), strings.Repeat("---:|", len(header)-1))
	for _, row := range rows {
		r.print("| %s |\n", strings.Join(row, " | "))
	}
}

func (r *report) plot(file, title string, charts ...chart) error {
	svg, err := drawSVG(charts)
	if err != nil {
		return fmt.Errorf("draw %s: %w", file, err)
	}
	r.current().plots[file] = svg
	r.print("\n![%s](%s)\n", title, file)
	return nil
}

// write replaces the sections that were measured in a directory's README.md,
// and leaves the others as they are.
func (r *report) write(dir string) error {
	path := filepath.Join(dir, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document := string(text)
	for _, s := range r.sections {
		if document, err = replaceSection(document, s.name, s.text.String()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for name, svg := range s.plots {
			if err := os.WriteFile(filepath.Join(dir, name), svg, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(path, []byte(document), 0o644)
}

// replaceSection puts text between the two comments that mark a section.
func replaceSection(document, name, text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- bench/run: %s -->\n", name), fmt.Sprintf("<!-- end of %s -->\n", name)
	before, rest, ok := strings.Cut(document, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no lines %q and %q mark where the section goes", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + text + "\n" + end + after, nil
}
