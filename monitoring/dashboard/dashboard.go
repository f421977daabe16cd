// Package dashboard reads a dashboard of Grafana and does with it what Grafana
// does: finds the values of its variables, asks Prometheus its queries, and
// draws the answers.
package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
)

// A Dashboard is what this package knows of Grafana's JSON model.
type Dashboard struct {
	Title      string
	Templating struct{ List []Variable }
	Panels     []Panel
}

// A Variable is chosen at the top of the dashboard.
type Variable struct {
	Name  string
	Type  string // datasource or query
	Multi bool
	Query json.RawMessage
}

// A Panel shows the answers to one or more queries.
type Panel struct {
	ID          int
	Type        string // stat, timeseries or state-timeline
	Title       string
	Description string
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Mappings   []Mapping
			Thresholds struct{ Steps []Threshold }
		}
	}
	Targets []Target
}

// A Mapping has texts for values.
type Mapping struct {
	Options map[string]struct{ Text string }
}

// A Threshold is where a colour begins; the first begins at nothing.
type Threshold struct {
	Color string
	Value *float64
}

// A Target is one query. LegendFormat has labels in double braces.
type Target struct {
	RefID        string
	Expr         string
	LegendFormat string
	Instant      bool
}

// Read reads a file as Grafana exports and imports it.
func Read(path string) (*Dashboard, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d Dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &d, nil
}
