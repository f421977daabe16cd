package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A View is a dashboard as it is looked at: a server, a time and the values of
// the variables.
type View struct {
	*Dashboard
	Prometheus Prometheus
	From, To   time.Time
	Step       time.Duration // between two points
	values     map[string]string
}

// View chooses, as Grafana does at first: the first value of a variable, or all
// of one that can have several. Scrape is the interval at which the server
// scrapes.
func (d *Dashboard) View(p Prometheus, from, to time.Time, step, scrape time.Duration) (*View, error) {
	v := &View{Dashboard: d, Prometheus: p, From: from, To: to, Step: step, values: map[string]string{
		"__interval":      step.String(),
		"__rate_interval": max(step+scrape, 4*scrape).String(),
		"__range":         to.Sub(from).Round(time.Second).String(),
	}}
	for _, variable := range d.Templating.List {
		if variable.Type == "datasource" {
			v.values[variable.Name] = "the server"
			continue
		}
		if err := v.choose(variable); err != nil {
			return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
	}
	return v, nil
}

var labelValues = regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`)

func (v *View) choose(variable Variable) error {
	var query struct{ Query string }
	if err := json.Unmarshal(variable.Query, &query); err != nil {
		return err
	}
	parts := labelValues.FindStringSubmatch(query.Query)
	if parts == nil {
		return fmt.Errorf("%q is not label_values(selector, label)", query.Query)
	}
	selector, err := v.Expand(parts[1])
	if err != nil {
		return err
	}
	values, err := v.Prometheus.LabelValues(parts[2], selector)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return fmt.Errorf("%s has no values", query.Query)
	}
	slices.Sort(values)
	v.values[variable.Name] = values[0]
	if variable.Multi {
		v.values[variable.Name] = anyOf(values)
	}
	return nil
}

// anyOf is a regular expression within a string of PromQL.
func anyOf(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

// Expand puts the values of variables into an expression. A variable that is
// not there is an error.
func (v *View) Expand(expr string) (string, error) {
	var unknown []string
	expanded := os.Expand(expr, func(name string) string {
		value, ok := v.values[name]
		if !ok {
			unknown = append(unknown, name)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("%s: no variable %s", expr, strings.Join(unknown, ", "))
	}
	return expanded, nil
}

// Ask evaluates a query over the time of the view, whatever its panel shows of
// it.
func (v *View) Ask(t Target) ([]Line, error) {
	expr, err := v.Expand(t.Expr)
	if err != nil {
		return nil, err
	}
	return v.Prometheus.Range(expr, v.From, v.To, v.Step)
}
