package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// A View is a dashboard opened on one Prometheus server, over a time range,
// with a value chosen for each variable.
type View struct {
	*Dashboard
	api    v1.API
	window v1.Range
	values map[string]string // by the variable's name
}

// Open chooses the variables' values as Grafana does when a dashboard is
// opened: the first value, or all values where a variable can have several.
// scrapeInterval is the server's; Grafana derives $__rate_interval from it.
func (d *Dashboard) Open(ctx context.Context, api v1.API, window v1.Range, scrapeInterval time.Duration) (*View, error) {
	v := &View{Dashboard: d, api: api, window: window, values: map[string]string{
		"__interval":      window.Step.String(),
		"__rate_interval": max(window.Step+scrapeInterval, 4*scrapeInterval).String(),
		"__range":         window.End.Sub(window.Start).Round(time.Second).String(),
	}}
	for _, variable := range d.Templating.List {
		if variable.Type == "datasource" {
			v.values[variable.Name] = "default"
			continue
		}
		if err := v.choose(ctx, variable); err != nil {
			return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
	}
	return v, nil
}

var labelValues = regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`)

func (v *View) choose(ctx context.Context, variable Variable) error {
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
	found, _, _, err := v.api.LabelValues(ctx, parts[2], []string{selector}, v.window.Start, v.window.End)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s has no values", query.Query)
	}
	values := make([]string, len(found))
	for i, value := range found {
		values[i] = string(value)
	}
	slices.Sort(values)
	v.values[variable.Name] = values[0]
	if variable.Multi {
		v.values[variable.Name] = matchAny(values)
	}
	return nil
}

// matchAny returns a regular expression that matches each of the values, to be
// put between the quotes of a PromQL string.
func matchAny(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

// Expand replaces the variables in an expression by their values. An unknown
// variable is an error.
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
		return "", fmt.Errorf("%s: unknown variable %s", expr, strings.Join(unknown, ", "))
	}
	return expanded, nil
}

// Query evaluates a panel's query over the whole time range, also where the
// panel shows the newest value only.
func (v *View) Query(ctx context.Context, t Target) (model.Matrix, error) {
	expr, err := v.Expand(t.Expr)
	if err != nil {
		return nil, err
	}
	result, _, _, err := v.api.QueryRange(ctx, expr, v.window)
	if err != nil {
		return nil, err
	}
	matrix, ok := result.(model.Matrix)
	if !ok {
		return nil, errors.New(expr + " is not a set of time series")
	}
	return matrix, nil
}
