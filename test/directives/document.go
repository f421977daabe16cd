package directives

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// ArticleUnit is the article's own unit, below the root of the tree.
const ArticleUnit = "test/booted/testdata/article.service"

//go:embed directives.md.tmpl
var text string

// A document makes tables of the units in the tree below root.
type document struct {
	root     string
	measured []Measurement
}

// Document returns the text of docs/directives.md for the tree below root. It
// is an error if a directive has no comment.
func Document(root string) (string, error) {
	measured, err := ReadMeasurements(root)
	if err != nil {
		return "", err
	}
	d := document{root, measured}
	page, err := template.New("directives.md").Funcs(template.FuncMap{
		"article":     d.article,
		"compared":    d.compared,
		"differences": d.differences,
		"figures":     d.figures,
		"kinds":       d.kinds,
		"measured":    d.comparedAndMeasured,
		"table":       d.table,
		"tableOf":     d.tableOf,
		"untried":     d.untried,
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = page.Execute(&b, nil)
	return b.String(), err
}

// Absent returns the directives that the document's table of absent ones has.
func Absent() []string {
	_, after, _ := strings.Cut(text, "\n## Absent\n")
	table, _, _ := strings.Cut(after, "\n## ")
	var names []string
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "=`")
			names = append(names, name)
		}
	}
	return names
}

// unit parses a unit or drop-in of the packages by its path in the directory
// of units, and wants a comment above each directive.
func (d document) unit(name string) ([]Directive, error) {
	found, err := ParseFile(Path(d.root, name))
	if err != nil {
		return nil, err
	}
	for _, directive := range found {
		if directive.Comment == "" {
			return nil, fmt.Errorf("%s: %s= has no comment on the line above it", name, directive.Name)
		}
	}
	return found, nil
}

// compared returns a unit's table with the article's settings beside it.
func (d document) compared(name string) (string, error) {
	rows, _, err := d.besideArticle(name)
	return markdown(rows), err
}

// comparedAndMeasured is compared with the measurements of a unit, which may
// be another's if the name is a drop-in's.
func (d document) comparedAndMeasured(name, subject string) (string, error) {
	rows, ours, err := d.besideArticle(name)
	if err != nil {
		return "", err
	}
	return d.withMeasurements(rows, ours, subject), nil
}

// withMeasurements adds columns to the rows of directives, those of a bare unit
// where there is one. The first of several lines that were measured together
// stands for all.
func (d document) withMeasurements(rows [][]string, ours []Directive, subject string) string {
	r := of(d.measured, subject)
	hasBare := slices.ContainsFunc(r, func(m Measurement) bool { return m.Change == "alone" })
	add := func(row int, opens, alone, covers, exposure string) {
		rows[row] = append(rows[row], opens)
		if hasBare {
			rows[row] = append(rows[row], alone, covers)
		}
		rows[row] = append(rows[row], exposure)
	}
	add(0, "Opens without it", "Stops alone", "Also stopped by", "Exposure without it")
	for i, directive := range ours {
		if isFilter(directive.Name) && i > 0 && ours[i-1].Name == directive.Name {
			add(i+1, "", "", "", "")
			continue
		}
		c := r.cells(directive)
		add(i+1, c.opens, c.alone, c.covers, c.exposure)
	}
	return markdown(rows)
}

func (d document) besideArticle(name string) ([][]string, []Directive, error) {
	ours, err := d.unit(name)
	if err != nil {
		return nil, nil, err
	}
	article, err := ParseFile(filepath.Join(d.root, ArticleUnit))
	if err != nil {
		return nil, nil, err
	}
	rows := [][]string{{"Directive", "Article", "Ours", "What it does"}}
	for i, directive := range ours {
		theirs := ""
		if i == slices.IndexFunc(ours, func(d Directive) bool { return d.Name == directive.Name }) {
			theirs = cell(valuesOf(article, directive.Name))
		}
		rows = append(rows, []string{code(directive.Name + "="), theirs, cell(directive.Values), directive.Comment})
	}
	return rows, ours, nil
}

func (d document) table(name string) (string, error) {
	ours, err := d.unit(name)
	if err != nil {
		return "", err
	}
	return markdown(plainRows(ours)), nil
}

// differences returns the table of what a template has beyond its unit.
func (d document) differences(name string) (string, error) {
	original, err := d.unit(strings.Replace(name, "@.", ".", 1))
	if err != nil {
		return "", err
	}
	ours, err := d.unit(name)
	if err != nil {
		return "", err
	}
	return markdown(plainRows(Differences(original, ours))), nil
}

func plainRows(directives []Directive) [][]string {
	rows := [][]string{{"Directive", "Value", "What it does"}}
	for _, d := range directives {
		rows = append(rows, []string{code(d.Name + "="), cell(d.Values), d.Comment})
	}
	return rows
}

// cell shows values in code marks, "–" for none.
func cell(values []string) string {
	var shown []string
	for _, v := range values {
		if v == "" {
			shown = append(shown, "(empty)")
			continue
		}
		shown = append(shown, code(v))
	}
	if len(shown) == 0 {
		return "–"
	}
	return strings.Join(shown, "<br>")
}

func code(s string) string { return "`" + s + "`" }

// markdown returns a table; the first row is its head.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		for _, c := range row {
			fmt.Fprintf(&b, "| %s ", strings.ReplaceAll(c, "|", `\|`))
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
