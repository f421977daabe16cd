// Package dashboard reads a Grafana dashboard and does with it what Grafana
// does before it draws: it chooses the values of the variables and asks
// Prometheus the panels' queries. It does not draw. Tests use it to show that
// every panel of dashboard.json has data. Read dashboard.go first, then query.go.
package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
)

// A Dashboard is the part of Grafana's JSON model that this package knows.
type Dashboard struct {
	Title      string
	Templating struct{ List []Variable }
	Panels     []Panel
}

// A Variable has a value that is chosen at the top of the dashboard.
type Variable struct {
	Name  string
	Type  string // "datasource" or "query"
	Multi bool   // several values may be chosen
	Query json.RawMessage
}

// A Panel shows the results of one or more queries.
type Panel struct {
	ID          int
	Type        string // "stat", "timeseries" or "state-timeline"
	Title       string
	Description string
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []Target
}

// A Target is one query of a panel.
type Target struct {
	RefID string
	Expr  string // PromQL, with variables as $name or ${name}
}

// Read reads a dashboard from a file in the format in which Grafana exports
// and imports it.
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
